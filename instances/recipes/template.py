"""What one container of a deploy template is, once its ports are known: frozen in the instance's row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from instances.recipes.ports import Port

NEVER, ALWAYS, IF_ABSENT = "Never", "Always", "IfNotPresent"


@dataclass(frozen=True, slots=True)
class Given:
    """A variable whose value is known, but for the references in it."""

    name: str
    value: str
    expands: bool = False


@dataclass(frozen=True, slots=True)
class SecretWanted:
    """Variables that come out of a secret set when the container is made. Their values are stored nowhere else.

    Without a `key` every one of the set, `prefix` before its name; with one, that alone, as the variable `name`.
    """

    set: str
    prefix: str = ""
    key: str = ""
    name: str = ""
    optional: bool = False


Variable = Given | SecretWanted


@dataclass(frozen=True, slots=True)
class Template:
    """None in `entrypoint` and `args` means the image's own; references in them are not filled in yet, see
    `instances.recipes.filling`. Sizes of 0 mean no limit."""

    container: str = ""  # its name in the deploy template; empty: the instance was not made of an AppImage
    deploy_template: str = ""
    entrypoint: tuple[str, ...] | None = None
    args: tuple[str, ...] | None = None
    working_dir: str = ""
    variables: tuple[Variable, ...] = ()  # the later one counts
    files: Mapping[str, str] = field(default_factory=dict, hash=False)  # path → text
    directories: tuple[str, ...] = ()
    ports: tuple[Port, ...] = ()
    pull_policy: str = IF_ABSENT
    image_id: str = ""  # sha256:…, which the image must have; empty: any
    cpu_cores: float = 0
    memory_bytes: int = 0
    probes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, hash=False)  # see `instances.recipes.probes`
    unresolved: Mapping[str, Sequence[str]] = field(default_factory=dict, hash=False)  # path → variables without value

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Template:
        """From `as_json`; of an empty mapping, an empty template."""
        values = {name: stored[name] for name in cls.__slots__ if name in stored}
        for name in ("entrypoint", "args", "directories"):
            if values.get(name) is not None:
                values[name] = tuple(values[name])
        values["variables"] = tuple(_variables(stored))
        values["ports"] = tuple(Port(**one) for one in stored.get("ports", ()))
        return cls(**values)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def _variables(stored: Mapping[str, Any]) -> Iterator[Variable]:
    for one in stored.get("variables", ()):
        yield SecretWanted(**one) if "set" in one else Given(**one)
    # Of rows from before they had one order: a creation may wait for its image for hours.
    secrets = [SecretWanted(**one) for one in stored.get("secrets", ())]
    yield from (one for one in secrets if not one.key)
    yield from (Given(name, value) for name, value in stored.get("environment", {}).items())
    yield from (one for one in secrets if one.key)


NONE = Template()
