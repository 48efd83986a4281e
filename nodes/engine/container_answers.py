"""From the engine's JSON about containers to our values. Pure; what an answer lacks or garbles counts as left out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from .container_types import ContainerInfo, PublishedPort
from .evidence import clean
from .shapes import LONG, demand_id, demand_object, items, mapping, number, text

NANO = 1_000_000_000
_NEVER = "0001-01-01T00:00:00Z"  # Go's zero time
_EXIT = re.compile(r"(?:Exited|Restarting) \(([0-9]{1,9})\)")
_PORT = re.compile(r"([0-9]{1,5})/([a-z]{1,10})")
_NUMBER = re.compile(r"[0-9]{1,5}")
_LAST_SECOND = 253_402_300_799  # of the year 9999, where calendars end
_LONGEST_LABEL = 1 << 16
_MOST = (1 << 31) - 1


def inspected_container(answer: object) -> ContainerInfo:
    """Raises EngineError(engine_not_docker) for what is no description of a container."""
    found = demand_id(answer, "a container")
    container = demand_object(answer, "a container")
    config, state = mapping(container.get("Config")), mapping(container.get("State"))
    return ContainerInfo(
        id=found,
        name=text(container.get("Name"), LONG).removeprefix("/"),
        image=text(config.get("Image"), LONG),
        image_id=text(container.get("Image"), LONG),
        labels=labels(config.get("Labels")),
        state=text(state.get("Status")),
        exit_code=number(state.get("ExitCode"), _MOST),
        oom_killed=state.get("OOMKilled") is True,
        error=clean(text(state.get("Error"), LONG * 10)),
        created=_time(container.get("Created")),
        started_at=_time(state.get("StartedAt")),
        finished_at=_time(state.get("FinishedAt")),
        restart_count=number(container.get("RestartCount"), _MOST),
        ports=tuple(_mapped_ports(mapping(container.get("NetworkSettings")).get("Ports"))),
    )


def listed_container(answer: object) -> ContainerInfo:
    """Raises EngineError(engine_not_docker) for what is no description of a container."""
    found = demand_id(answer, "a container")
    container = demand_object(answer, "a container")
    ended = _EXIT.match(text(container.get("Status"), LONG))
    created = datetime.fromtimestamp(number(container.get("Created"), _LAST_SECOND), UTC)
    return ContainerInfo(
        id=found,
        name=next((text(name, LONG) for name in items(container.get("Names"))), "").removeprefix("/"),
        image=text(container.get("Image"), LONG),
        image_id=text(container.get("ImageID"), LONG),
        labels=labels(container.get("Labels")),
        state=text(container.get("State")),
        exit_code=int(ended[1]) if ended else 0,
        created=created.isoformat().replace("+00:00", "Z"),
        ports=tuple(_listed_ports(container.get("Ports"))),
    )


def is_tty(answer: object) -> bool:
    """Whether a container's output is that of a terminal: one stream, without frames."""
    return mapping(demand_object(answer, "a container").get("Config")).get("Tty") is True


def is_running(answer: object) -> bool:
    state = mapping(demand_object(answer, "a container").get("State"))
    return state.get("Running") is True and state.get("Restarting") is not True


def cpu_limit(answer: object) -> float:
    """Cores that an inspected container may use; 0 without a limit."""
    config = mapping(demand_object(answer, "a container").get("HostConfig"))
    if number(config.get("NanoCpus")):
        return number(config.get("NanoCpus")) / NANO
    quota, period = number(config.get("CpuQuota")), number(config.get("CpuPeriod")) or 100_000
    return quota / period


def exit_status(answer: object) -> int:
    """From the answer to a wait."""
    return number(demand_object(answer, "a wait").get("StatusCode"), _MOST)


def exec_status(answer: object) -> int | None:
    """From an inspected exec; None while its program runs."""
    found = demand_object(answer, "an exec")
    code = found.get("ExitCode")
    return None if found.get("Running") is True or not isinstance(code, int) else number(code, _MOST)


def volume_names(answer: object) -> list[str]:
    volumes = items(demand_object(answer, "volumes").get("Volumes"))
    return sorted(name for volume in volumes if (name := text(mapping(volume).get("Name"), LONG)))


def labels(value: object) -> dict[str, str]:
    return {text(name, LONG): text(found, _LONGEST_LABEL) for name, found in mapping(value).items()}


def _time(value: object) -> str:
    found = text(value)
    return "" if found == _NEVER else found


def _mapped_ports(value: object) -> Iterator[PublishedPort]:
    for key, places in mapping(value).items():
        port = _PORT.fullmatch(key)
        for place in map(mapping, items(places)):
            host_port = text(place.get("HostPort"))
            if port and _NUMBER.fullmatch(host_port):
                yield PublishedPort(int(port[1]), port[2], text(place.get("HostIp")), int(host_port))


def _listed_ports(value: object) -> Iterator[PublishedPort]:
    found: list[dict[str, Any]] = [mapping(port) for port in items(value)]
    for port in found:
        inside, outside = number(port.get("PrivatePort"), 65535), number(port.get("PublicPort"), 65535)
        if outside:
            yield PublishedPort(inside, text(port.get("Type")), text(port.get("IP")), outside)
