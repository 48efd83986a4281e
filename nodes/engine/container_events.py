"""From the bytes of an event stream to `ContainerEvent`s. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from .container_answers import labels
from .container_types import ContainerEvent
from .errors import EngineError
from .evidence import clean
from .shapes import LONG, mapping, number, text

ACTIONS = ("start", "die", "oom", "destroy", "health_status", "pause", "unpause")
MAX_LINE = 1 << 20  # an event carries all labels of its container
NANO = 1_000_000_000
MICRO = 1_000_000
_CODE = re.compile(r"[0-9]{1,9}")
_OWN = ("name", "image", "exitCode", "execDuration")  # what engines put among the labels


class ContainerEventDecoder:
    """One JSON object per line; chunks may end anywhere."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> Iterator[ContainerEvent]:
        """Raises EngineError(engine_not_docker) when the stream is not one of events."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            event = _event(_load(line)) if line.strip() else None
            if event is not None:
                yield event
        if len(self._rest) > MAX_LINE:
            raise EngineError("engine_not_docker", "an event longer than a megabyte")

    def finish(self) -> Iterator[ContainerEvent]:
        return iter(())


def moment_before(since: float) -> str:
    """For the engine, which counts nanoseconds where a float has room for some hundred: rather one event twice."""
    micros = max(int(since * MICRO) - 1, 0)
    return f"{micros // MICRO}.{micros % MICRO:06d}"


def _load(line: bytes) -> dict[str, Any]:
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, dict):
        raise EngineError("engine_not_docker", clean(line[:1000].decode(errors="replace")))
    return message


def _event(message: dict[str, Any]) -> ContainerEvent | None:
    """None for events of other kinds: filters are a wish, and engines may know more than we do."""
    action, _, detail = text(message.get("Action"), LONG).partition(":")
    if message.get("Type") != "container" or action not in ACTIONS:
        return None
    actor = mapping(message.get("Actor"))
    about = labels(actor.get("Attributes"))
    code = about.get("exitCode", "")
    return ContainerEvent(
        action=action,
        container_id=text(actor.get("ID"), LONG),
        name=about.get("name", ""),
        at=(number(message.get("timeNano"), 1 << 63) or number(message.get("time"), 1 << 33) * NANO) / NANO,
        labels={name: value for name, value in about.items() if name not in _OWN},
        exit_code=int(code) if _CODE.fullmatch(code) else None,
        health=detail.strip(),
    )
