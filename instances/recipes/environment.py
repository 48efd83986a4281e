"""The variables of a container: those of whole sets, then its own ones. Where two have a name, the later one counts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from appimages.expansion import Expander, TooMuch, names_in
from instances.accelerator import Refused
from instances.recipes.template import Given, SecretWanted, Variable

LONGEST_NAME, LONGEST_VALUE = 255, 100_000
_NAME = re.compile(r"[A-Za-z_.-][A-Za-z0-9_.-]*")
Sets = Mapping[str, Mapping[str, str]]  # name → variables


@dataclass(frozen=True, slots=True)
class Environment:
    """`hidden`: the names of those whose values are secret, or made of secrets."""

    values: Mapping[str, str] = field(default_factory=dict, hash=False)
    hidden: frozenset[str] = frozenset()

    @property
    def open(self) -> dict[str, str]:
        return {name: value for name, value in self.values.items() if name not in self.hidden}

    @property
    def secrets(self) -> list[str]:
        """The values themselves."""
        return [value for name, value in self.values.items() if name in self.hidden]


def config_sets_of(container: Mapping[str, Any]) -> set[str]:
    """Names of the config sets that the container may want."""
    return _sets_of(container, "configMap")


def secret_sets_of(container: Mapping[str, Any]) -> set[str]:
    return _sets_of(container, "secret")


def _sets_of(container: Mapping[str, Any], kind: str) -> set[str]:
    sources = [source.get(f"{kind}Ref") or {} for source in container.get("envFrom") or ()]
    keys = map(_reference, container.get("env") or ())
    sources += [wanted for source, wanted in keys if source == f"{kind}KeyRef"]
    return {source["name"] for source in sources if source.get("name")}


def variables_of(container: Mapping[str, Any], config_sets: Sets) -> tuple[Variable, ...]:
    """In their order. Raises `Refused` for a set or a key that is not there and not optional, and for sources that are
    none here."""
    found: list[Variable] = []
    for source in container.get("envFrom") or ():
        found += _of_set(source, config_sets)
    for variable in container.get("env") or ():
        found += _of_container(variable, config_sets)
    return tuple(found)


def environment_of(variables: tuple[Variable, ...], secret_sets: Sets, *, told: Mapping[str, str]) -> Environment:
    """With what the container is told of its ports, which counts most, and which all others may refer to; else they may
    refer to those before them. Raises `Refused` as `variables_of` does, and for names and values that no environment
    takes."""
    values, hidden, expander = dict(told), set[str](), Expander()
    for one in variables:
        if isinstance(one, SecretWanted):
            secrets = _secrets(one, secret_sets)
            values |= secrets
            hidden |= secrets.keys()
        else:
            secret = one.expands and not hidden.isdisjoint(names_in(one.value))
            values[one.name] = expanded(one.value, values, expander) if one.expands else one.value
            (hidden.add if secret else hidden.discard)(one.name)
    values |= told
    for name, value in values.items():
        check_variable(name, value)
    return Environment(values, frozenset(hidden - told.keys()))


def expanded(text: str, values: Mapping[str, str], expander: Expander) -> str:
    """Raises `Refused`."""
    try:
        return expander.expand(text, values)
    except TooMuch as error:
        raise Refused(error.code, limit=error.limit) from None


def check_variable(name: str, value: str) -> None:
    if not _NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise Refused("bad_variable_name", name=name[:LONGEST_NAME])
    if "\0" in value or len(value) > LONGEST_VALUE:
        raise Refused("bad_variable_value", name=name, most=LONGEST_VALUE)


def _of_set(source: Mapping[str, Any], config_sets: Sets) -> Iterator[Variable]:
    prefix = source.get("prefix") or ""
    if wanted := source.get("secretRef"):
        yield SecretWanted(wanted.get("name", ""), prefix, optional=bool(wanted.get("optional")))
    if wanted := source.get("configMapRef"):
        found = config_sets.get(wanted.get("name", ""))
        if found is None and not wanted.get("optional"):
            raise Refused("no_config_set", name=wanted.get("name", ""))
        yield from (Given(f"{prefix}{name}", value) for name, value in (found or {}).items())


def _of_container(variable: Mapping[str, Any], config_sets: Sets) -> Iterator[Variable]:
    name = variable.get("name", "")
    kind, wanted = _reference(variable)
    if kind == "":
        yield Given(name, variable.get("value") or "", expands=True)
    elif kind == "secretKeyRef":
        set_name, key = wanted.get("name", ""), wanted.get("key", "")
        yield SecretWanted(set_name, key=key, name=name, optional=bool(wanted.get("optional")))
    elif kind == "configMapKeyRef":
        value = config_sets.get(wanted.get("name", ""), {}).get(wanted.get("key", ""))
        if value is not None:
            yield Given(name, value)
        elif not wanted.get("optional"):
            raise Refused("no_config_key", name=wanted.get("name", ""), key=wanted.get("key", ""))
    else:
        raise Refused("unknown_value_source", name=name, source=kind)


def _reference(variable: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Which kind of source `valueFrom` names, and the source; "" for a variable with a value of its own."""
    for kind, wanted in (variable.get("valueFrom") or {}).items():
        return kind, wanted or {}
    return "", {}


def _secrets(wanted: SecretWanted, secret_sets: Sets) -> dict[str, str]:
    found = secret_sets.get(wanted.set)
    if found is None or (wanted.key and wanted.key not in found):
        if wanted.optional:
            return {}
        raise Refused("no_secret_set" if found is None else "no_secret_key", name=wanted.set, key=wanted.key)
    if wanted.key:
        return {wanted.name: found[wanted.key]}
    return {f"{wanted.prefix}{name}": value for name, value in found.items()}
