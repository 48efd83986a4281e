"""What BuildKit tells of a build: `StatusResponse` of its control service, decoded. Pure.

Field numbers are those of the published `control.proto`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from .wire import Value, as_number, as_text, fields


@dataclass(slots=True)
class Vertex:
    """One step of a build. Times are seconds since 1970, by the engine's clock."""

    digest: str = ""
    name: str = ""
    cached: bool = False
    started: float | None = None
    completed: float | None = None
    error: str = ""


@dataclass(slots=True)
class Status:
    """Something within a step that counts."""

    vertex: str = ""
    id: str = ""
    name: str = ""
    current: int = 0
    total: int = 0


@dataclass(slots=True)
class Log:
    vertex: str = ""
    stream: int = 1  # 2 is for errors
    data: bytes = b""


@dataclass(slots=True)
class Warning:
    vertex: str = ""
    short: str = ""
    detail: list[str] = field(default_factory=list)


Part = Vertex | Status | Log | Warning


def parts(message: bytes) -> Iterator[Part]:
    """Raises EngineError (engine_not_docker) where it is no message."""
    for number, value in fields(message):
        read = _READERS.get(number)
        if read is not None and isinstance(value, bytes):
            yield read(value)


def _vertex(message: bytes) -> Vertex:
    found = Vertex()
    for number, value in fields(message):
        match number:
            case 1:
                found.digest = as_text(value)
            case 3:
                found.name = as_text(value)
            case 4:
                found.cached = bool(value)
            case 5:
                found.started = _time(value)
            case 6:
                found.completed = _time(value)
            case 7:
                found.error = as_text(value)
    return found


def _status(message: bytes) -> Status:
    found = Status()
    for number, value in fields(message):
        match number:
            case 1:
                found.id = as_text(value)
            case 2:
                found.vertex = as_text(value)
            case 3:
                found.name = as_text(value)
            case 4:
                found.current = as_number(value)
            case 5:
                found.total = as_number(value)
    return found


def _log(message: bytes) -> Log:
    found = Log()
    for number, value in fields(message):
        match number:
            case 1:
                found.vertex = as_text(value)
            case 3:
                found.stream = as_number(value)
            case 4 if isinstance(value, bytes):
                found.data = value
    return found


def _warning(message: bytes) -> Warning:
    found = Warning()
    for number, value in fields(message):
        match number:
            case 1:
                found.vertex = as_text(value)
            case 3:
                found.short = as_text(value)
            case 4:
                found.detail.append(as_text(value))
    return found


def _time(value: Value) -> float:
    """Of a `Timestamp`: seconds, and billionths of one."""
    told = {number: as_number(part) for number, part in fields(value)} if isinstance(value, bytes) else {}
    return told.get(1, 0) + told.get(2, 0) / 1e9


_READERS: dict[int, Callable[[bytes], Part]] = {1: _vertex, 2: _status, 3: _log, 4: _warning}
