"""The wire format of protocol buffers, as far as BuildKit's messages need it. Pure.

A message is a row of fields, each with a key (the field's number and the kind of its value) and a value.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import EngineError

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # kinds of values
_LONGEST_VARINT = 10  # bytes
Value = int | bytes


def fields(message: bytes) -> Iterator[tuple[int, Value]]:
    """Number and value of each field in turn; nested messages and texts are bytes. Raises EngineError
    (engine_not_docker) where it is no message."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            value, at = _varint(message, at)
            yield number, value
            continue
        length, at = _length(message, at, kind)
        if not number or length > len(message) - at:
            raise _broken()
        yield number, message[at : at + length]
        at += length


def field(number: int, value: Value | str) -> bytes:
    """One field of a message to send."""
    if isinstance(value, int):
        return varint(number << 3 | VARINT) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | BYTES) + varint(len(data)) + data


def varint(number: int) -> bytes:
    """Seven bits in each byte, the lowest first; the eighth says that more follow."""
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*parts, number])


def as_text(value: Value) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else ""


def as_number(value: Value) -> int:
    """Of a signed 64-bit number: what counts something is never below zero."""
    return value if isinstance(value, int) and value < 1 << 63 else 0


def _length(message: bytes, at: int, kind: int) -> tuple[int, int]:
    if kind == BYTES:
        return _varint(message, at)
    if kind in (FIXED32, FIXED64):
        return (4 if kind == FIXED32 else 8), at
    raise _broken()


def _varint(message: bytes, at: int) -> tuple[int, int]:
    number = 0
    for place in range(min(_LONGEST_VARINT, len(message) - at)):
        byte = message[at + place]
        number |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return number & (1 << 64) - 1, at + place + 1
    raise _broken()


def _broken() -> EngineError:
    return EngineError("engine_not_docker", "it tells of the build in another form than BuildKit")
