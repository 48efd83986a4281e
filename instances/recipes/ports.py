"""The ports of a container: their numbers inside it and on the node, and how its programs are told."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from instances.accelerator import Refused

LOCAL, HTTP = "Local", "HTTP"
PROBED = "Probe"  # the scope of a port that no template declares, but a probe looks at
VARIABLE = "ALLOCATED_PORTS"


@dataclass(frozen=True, slots=True)
class Port:
    """`number`: in the container; 0: whichever is free on the node. `host_port`: on the node; 0: not published."""

    name: str
    number: int = 0
    host_port: int = 0
    scope: str = LOCAL
    protocol: str = HTTP


def ports_of(container: Mapping[str, Any], *, probed: Iterable[str | int] = ()) -> tuple[Port, ...]:
    """As the template declares them, and those that only a probe names, by number. Raises `Refused`."""
    found = [
        Port(
            name=str(port.get("name", "")),
            number=int(port.get("port") or 0),
            scope=port.get("scope") or LOCAL,
            protocol=port.get("protocol") or HTTP,
        )
        for port in container.get("ports") or ()
    ]
    known = {port.number for port in found}
    found += [Port("", wanted, scope=PROBED) for wanted in probed if isinstance(wanted, int) and wanted not in known]
    _check(found)
    return tuple(found)


def _check(ports: Sequence[Port]) -> None:
    seen: set[str | int] = set()
    for port in ports:
        if not 0 <= port.number < 65536:
            raise Refused("bad_port", port=port.number)
        marks: tuple[str | int, ...] = (port.name, port.number)
        for mark in [one for one in marks if one]:
            if mark in seen:
                raise Refused("duplicate_port", port=mark)
            seen.add(mark)
    _check_variables(ports)


def _check_variables(ports: Sequence[Port]) -> None:
    """Names that differ in their signs alone would be told by one variable."""
    names: dict[str, str] = {}
    for port in ports:
        first = names.setdefault(_variable(port), port.name)
        if first != port.name:
            raise Refused("ports_alike", first=first, second=port.name, variable=_variable(port))


def _variable(port: Port) -> str:
    return f"KUSCIA_PORT_{port.name.upper().replace('-', '_')}_NUMBER"


def numbered(ports: Sequence[Port], free: Sequence[int], *, probed: Collection[str | int] = ()) -> tuple[Port, ...]:
    """Each with its numbers; `free` are as many ports of the node. What is for the container alone is not published,
    unless a probe looks at it: probes come over the node's address."""
    done = []
    for port, host_port in zip(ports, free, strict=True):
        published = port.scope != LOCAL or port.name in probed or (port.number and port.number in probed)
        done.append(Port(port.name, port.number or host_port, host_port if published else 0, port.scope, port.protocol))
    return tuple(done)


def choose(held: Collection[int], count: int, *, first: int, last: int, start: int) -> list[int] | None:
    """`count` ports from `first` to `last` that nobody holds, looked for from `start` on and round; None: too few."""
    size = last - first + 1
    order = (first + (start - first + step) % size for step in range(size))
    found: list[int] = []
    for port in order:
        if len(found) == count:
            break
        if port not in held:
            found.append(port)
    return found if len(found) == count else None


def told(ports: Iterable[Port]) -> dict[str, str]:
    """The variables that programs find their ports in (spec-appimage.md §3)."""
    declared = [port for port in ports if port.scope != PROBED]
    if not declared:
        return {}
    listed = [
        {"name": port.name, "port": port.number, "scope": port.scope, "protocol": port.protocol} for port in declared
    ]
    numbers = {_variable(port): str(port.number) for port in declared if port.name}
    return {VARIABLE: json.dumps({"ports": listed}, ensure_ascii=False, separators=(",", ":")), **numbers}
