"""What goes over the WebSocket of a terminal. Pure.

The browser sends JSON texts, `{"type": "input", "data": "ls\\r"}` and `{"type": "resize", "cols": 80, "rows": 24}`. It
gets what the terminal shows as binary frames, and JSON texts when something is wrong. That is the protocol of
docker-gpu-manage, whose page decodes each frame by itself: so none ends within a character.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

LONGEST_FRAME = 1 << 18  # characters; what somebody pastes
MOST_CELLS = 1000  # columns, or rows
_LONGEST_CHARACTER = 4  # bytes


@dataclass(frozen=True, slots=True)
class Input:
    data: bytes


@dataclass(frozen=True, slots=True)
class Resize:
    columns: int
    rows: int


class BadFrame(Exception):
    """`code` says which rule was broken: "binary", "long", "json", "type", "data" or "size"."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def read_frame(text: str | None) -> Input | Resize:
    """`text` is None for a binary frame. Raises `BadFrame`."""
    if text is None:
        raise BadFrame("binary")
    if len(text) > LONGEST_FRAME:
        raise BadFrame("long")
    try:
        frame = json.loads(text)
    except (ValueError, RecursionError):
        raise BadFrame("json") from None
    kind = frame.get("type") if isinstance(frame, dict) else None
    if kind == "input":
        return Input(_typed(frame.get("data")))
    if kind == "resize":
        return Resize(_cells(frame.get("cols")), _cells(frame.get("rows")))
    raise BadFrame("type")


def _typed(data: Any) -> bytes:
    if not isinstance(data, str):
        raise BadFrame("data")
    return data.encode(errors="replace")  # JSON may hold half a surrogate pair


def _cells(number: Any) -> int:
    if type(number) is not int or not 1 <= number <= MOST_CELLS:
        raise BadFrame("size")
    return number


class Characters:
    """Keeps back the beginning of a character until the rest of it comes. What is no UTF-8 passes as it is."""

    def __init__(self) -> None:
        self._kept = b""

    def feed(self, chunk: bytes) -> bytes:
        data = self._kept + chunk
        whole = len(data) - _begun(data)
        self._kept = data[whole:]
        return data[:whole]

    def left(self) -> bytes:
        kept, self._kept = self._kept, b""
        return kept


def _begun(data: bytes) -> int:
    """How many bytes at the end begin a character without completing it."""
    for length in range(1, min(_LONGEST_CHARACTER, len(data) + 1)):
        byte = data[-length]
        if byte & 0b1100_0000 == 0b1000_0000:  # goes on with a character
            continue
        needed = 2 if byte >> 5 == 0b110 else 3 if byte >> 4 == 0b1110 else 4 if byte >> 3 == 0b11110 else 1
        return length if needed > length else 0
    return 0
