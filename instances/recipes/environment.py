"""The environment of a container: config sets, then its own variables, then what it is told of its ports."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from instances.accelerator import Refused
from instances.recipes.template import SecretWanted

LONGEST_NAME, LONGEST_VALUE = 255, 100_000
_NAME = re.compile(r"[A-Za-z_.-][A-Za-z0-9_.-]*")
ConfigSets = Mapping[str, Mapping[str, str]]  # name → variables


@dataclass(frozen=True, slots=True)
class Environment:
    """`secrets`: where the variables come from whose values are not known here."""

    plain: Mapping[str, str]
    secrets: tuple[SecretWanted, ...]


def sets_of(container: Mapping[str, Any]) -> set[str]:
    """Names of the config sets that the container may want."""
    sources = [source.get("configMapRef") or {} for source in container.get("envFrom") or ()]
    sources += [_reference(one)[1] for one in container.get("env") or () if _reference(one)[0] == "configMapKeyRef"]
    return {source["name"] for source in sources if source.get("name")}


def environment_of(container: Mapping[str, Any], config_sets: ConfigSets) -> Environment:
    """Raises `Refused` for a set or a key that is not there and not optional, and for sources that are none here."""
    plain: dict[str, str] = {}
    secrets: list[SecretWanted] = []
    for source in container.get("envFrom") or ():
        _take_set(source, config_sets, plain, secrets)
    for variable in container.get("env") or ():
        _take(variable, config_sets, plain, secrets)
    return Environment(plain, tuple(secrets))


def check_variable(name: str, value: str) -> None:
    if not _NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise Refused("bad_variable_name", name=name[:LONGEST_NAME])
    if "\0" in value or len(value) > LONGEST_VALUE:
        raise Refused("bad_variable_value", name=name, most=LONGEST_VALUE)


def _take_set(
    source: Mapping[str, Any], config_sets: ConfigSets, plain: dict[str, str], secrets: list[SecretWanted]
) -> None:
    prefix = source.get("prefix") or ""
    if wanted := source.get("secretRef"):
        secrets.append(SecretWanted(wanted.get("name", ""), prefix, optional=bool(wanted.get("optional"))))
    if wanted := source.get("configMapRef"):
        found = config_sets.get(wanted.get("name", ""))
        if found is None and not wanted.get("optional"):
            raise Refused("no_config_set", name=wanted.get("name", ""))
        plain.update({f"{prefix}{name}": value for name, value in (found or {}).items()})


def _take(
    variable: Mapping[str, Any], config_sets: ConfigSets, plain: dict[str, str], secrets: list[SecretWanted]
) -> None:
    name = variable.get("name", "")
    kind, wanted = _reference(variable)
    if kind == "":
        plain[name] = variable.get("value") or ""
    elif kind == "secretKeyRef":
        plain.pop(name, None)
        set_name, key = wanted.get("name", ""), wanted.get("key", "")
        secrets.append(SecretWanted(set_name, key=key, name=name, optional=bool(wanted.get("optional"))))
    elif kind == "configMapKeyRef":
        value = config_sets.get(wanted.get("name", ""), {}).get(wanted.get("key", ""))
        if value is None and not wanted.get("optional"):
            raise Refused("no_config_key", name=wanted.get("name", ""), key=wanted.get("key", ""))
        if value is not None:
            plain[name] = value
    else:
        raise Refused("unknown_value_source", name=name, source=kind)


def _reference(variable: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Which kind of source `valueFrom` names, and the source; "" for a variable with a value of its own."""
    for kind, wanted in (variable.get("valueFrom") or {}).items():
        return kind, wanted or {}
    return "", {}


def with_secrets(
    wanted: Sequence[SecretWanted], secret_sets: ConfigSets, plain: Mapping[str, str]
) -> tuple[dict[str, str], set[str]]:
    """All variables, and the names of those whose values are secret. A variable of the container's own wins over one
    of a whole set. Raises `Refused` as `environment_of` does."""
    whole: dict[str, str] = {}
    single: dict[str, str] = {}
    for one in wanted:
        found = secret_sets.get(one.set)
        if found is None or (one.key and one.key not in found):
            if not one.optional:
                raise Refused("no_secret_set" if found is None else "no_secret_key", name=one.set, key=one.key)
            continue
        if one.key:
            single[one.name] = found[one.key]
        else:
            whole.update({f"{one.prefix}{name}": value for name, value in found.items()})
    for name, value in {**whole, **single}.items():
        check_variable(name, value)
    hidden = {name for name in whole if name not in plain} | set(single)
    return {**whole, **plain, **single}, hidden
