"""From the bytes of a followed log to its text. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from .container_types import LogText
from .frames import STDERR, STDOUT, FrameReader, TextDecoder

_NAMES = {STDOUT: "stdout", STDERR: "stderr"}


class LogDecoder:
    """Both streams in the order in which the engine has them, as texts that end with a whole character."""

    def __init__(self, *, framed: bool) -> None:
        self._frames = FrameReader(framed=framed)
        self._decoder = TextDecoder()

    def feed(self, chunk: bytes) -> Iterator[LogText]:
        texts = [(stream, self._decoder.decode(stream, part)) for stream, part in self._frames.feed(chunk)]
        yield from _joined(texts)

    def finish(self) -> Iterator[LogText]:
        yield from _joined(self._decoder.left())


def _joined(texts: Iterable[tuple[int, str]]) -> Iterator[LogText]:
    """One value for what follows one another in the same stream."""
    for stream, group in groupby(texts, key=lambda pair: pair[0]):
        if text := "".join(part for _, part in group):
            yield LogText(_NAMES[stream], text)
