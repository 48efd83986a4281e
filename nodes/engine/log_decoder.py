"""From the bytes of a followed log to its text. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from .frames import FrameReader, TextDecoder


class LogDecoder:
    """Both streams in the order in which the engine has them, as text that ends with a whole character."""

    def __init__(self, *, framed: bool) -> None:
        self._frames = FrameReader(framed=framed)
        self._decoder = TextDecoder()

    def feed(self, chunk: bytes) -> Iterator[str]:
        found = "".join(self._decoder.decode(*part) for part in self._frames.feed(chunk))
        if found:
            yield found

    def finish(self) -> Iterator[str]:
        left = self._decoder.finish()
        if left:
            yield left
