"""The output of a container's programs, as engines send it: frames of two streams, or a terminal's one. Pure.

A frame: one byte for the stream, three of zero, four with the length of what follows. Frames end where the engine
read, which may be in the middle of a character; chunks end where the network likes.
"""

from __future__ import annotations

import codecs
from collections import deque
from collections.abc import Iterable, Iterator

from .errors import EngineError

STDOUT, STDERR = 1, 2
HEADER = 8  # bytes
_KNOWN = {0: STDOUT, 1: STDOUT, 2: STDERR, 3: STDERR}  # stdin is echoed as 0; 3 are the engine's own complaints
Part = tuple[int, bytes]


class FrameReader:
    """Cuts chunks into (stream, bytes). Parts of a frame come as they arrive: its length need not fit into memory."""

    def __init__(self, *, framed: bool) -> None:
        self._framed = framed
        self._head = b""
        self._stream = STDOUT
        self._left = 0  # bytes of the current frame that are still to come

    def feed(self, chunk: bytes) -> Iterator[Part]:
        """Raises EngineError(engine_not_docker) where a frame should begin and does not."""
        if not self._framed:
            if chunk:
                yield STDOUT, chunk
            return
        while chunk:
            if not self._left:
                chunk = self._read_head(chunk)
                continue
            part, chunk = chunk[: self._left], chunk[self._left :]
            self._left -= len(part)
            yield self._stream, part

    def _read_head(self, chunk: bytes) -> bytes:
        missing = HEADER - len(self._head)
        self._head += chunk[:missing]
        if len(self._head) == HEADER:
            if self._head[0] not in _KNOWN or any(self._head[1:4]):
                raise EngineError("engine_not_docker", "its output is not made of frames")
            self._stream, self._left = _KNOWN[self._head[0]], int.from_bytes(self._head[4:], "big")
            self._head = b""
        return chunk[missing:]


class TextDecoder:
    """Text from the parts of both streams. What is no UTF-8, and NUL, which no database takes, becomes U+FFFD."""

    def __init__(self) -> None:
        make = codecs.getincrementaldecoder("utf-8")
        self._decoders = {stream: make(errors="replace") for stream in (STDOUT, STDERR)}

    def decode(self, stream: int, part: bytes) -> str:
        """The characters completed by `part`."""
        return self._decoders[stream].decode(part).replace("\0", "\ufffd")

    def left(self) -> list[tuple[int, str]]:
        """Of each stream: for a character that was begun and never completed."""
        return [(stream, decoder.decode(b"", final=True)) for stream, decoder in self._decoders.items()]

    def finish(self) -> str:
        return "".join(text for _, text in self.left())


class Tail:
    """Keeps the last `limit` bytes of what is added to it."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._parts: deque[Part] = deque()
        self._cut = False

    def add(self, stream: int, part: bytes) -> None:
        self._parts.append((stream, part))
        self._size += len(part)
        while self._size > self._limit:
            first_stream, first = self._parts.popleft()
            surplus = self._size - self._limit
            self._cut = True
            self._size -= min(surplus, len(first))
            if len(first) > surplus:
                self._parts.appendleft((first_stream, first[surplus:]))

    def text(self) -> str:
        """From the beginning of a line when something was lost, unless all of it is one line."""
        found = as_text(self._parts)
        _, newline, rest = found.partition("\n")
        return rest if self._cut and newline and rest else found


def as_text(parts: Iterable[Part]) -> str:
    decoder = TextDecoder()
    return "".join([*(decoder.decode(*part) for part in parts), decoder.finish()])
