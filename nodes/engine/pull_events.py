"""From the bytes of a pull stream to `PullEvent`s (docker-engine.md §2). Pure: no network, no Docker SDK."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from .errors import EngineError, EngineRejected
from .evidence import clean
from .types import PullEvent

MAX_LINE = 1 << 20  # an event is some hundred bytes; a longer line is not an engine's
_LAYER = re.compile(r"[0-9a-f]{12}")


class MessageDecoder:
    """Cuts chunks into lines, and lines into messages. One JSON object per line; chunks may end anywhere."""

    def __init__(self, *, longest: int = MAX_LINE) -> None:
        self._longest = longest
        self._rest = b""

    def messages(self, chunk: bytes) -> Iterator[dict[str, Any]]:
        """The messages completed by `chunk`, in order.

        Raises `EngineRejected` (status None) at an `error` message, after the messages before it were yielded, and
        `EngineError` (engine_not_docker) when the stream is not one of messages.
        """
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            if line.strip():
                message = _load(line)
                error = error_text(message)
                if error:
                    raise EngineRejected(None, clean(error))
                yield message
        if len(self._rest) > self._longest:
            raise EngineError("engine_not_docker", f"an event longer than {self._longest} bytes")


class EventDecoder(MessageDecoder):
    """The messages of a pull, as events."""

    def feed(self, chunk: bytes) -> Iterator[PullEvent]:
        """The events completed by `chunk`; for what it raises see `messages`."""
        return map(_event, self.messages(chunk))


def _load(line: bytes) -> dict[str, Any]:
    try:
        message = json.loads(line)
    except ValueError:
        message = None
    if not isinstance(message, dict):
        raise EngineError("engine_not_docker", clean(line[:1000].decode(errors="replace")))
    return message


def _event(message: dict[str, Any]) -> PullEvent:
    status = _text(message.get("status"))
    current, total, units = progress_of(message)
    return PullEvent(
        status=status, layer=_layer(status, _text(message.get("id"))), current=current, total=total, units=units
    )


def progress_of(message: dict[str, Any]) -> tuple[int | None, int | None, str]:
    """What the detail of a message counts: so many, of how many, and in which units ("" for bytes)."""
    detail = message.get("progressDetail")
    if not isinstance(detail, dict):
        detail = {}
    return _count(detail.get("current")), _count(detail.get("total")), _text(detail.get("units"))


def error_text(message: dict[str, Any]) -> str:
    """The text of an `error` event, "" for any other. Engines send it twice; the detail is the complete one."""
    if "error" not in message and "errorDetail" not in message:
        return ""
    detail = message.get("errorDetail")
    text = _text(detail.get("message")) if isinstance(detail, dict) else ""
    return text or _text(message.get("error")) or "the engine reports an error without a text"


def _layer(status: str, event_id: str) -> str:
    # The first event carries the tag as its id, and a tag may look like a layer.
    if status.startswith("Pulling from ") or not _LAYER.fullmatch(event_id):
        return ""
    return event_id


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _count(value: object) -> int | None:
    """Engines send -1 as `total` when the registry gave no length: unknown, like a missing one."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
