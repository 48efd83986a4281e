"""The output of programs, cut into lines that can be kept and shown. Pure."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import NamedTuple

LONGEST = 8192  # characters; a longer line comes in several pieces
# What terminals obey and do not show: cursor movements and colours, window titles, character sets. An unfinished one is
# left as it is: it may be no such thing.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]+[0-~]|[0-Z\\^-~])")
_CONTROLS = re.compile(r"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]")


class Line(NamedTuple):
    """`stays`: nothing that comes next overwrites it. `goes_on`: the next one that stays is more of the same line."""

    text: str
    stays: bool
    goes_on: bool = False


class LineReader:
    """Makes lines of pieces that end anywhere, even in the middle of an escape sequence, or of the two characters of a
    line's end. Nothing is lost; nothing longer than `LONGEST` is kept."""

    def __init__(self) -> None:
        self._rest = ""

    def feed(self, piece: str) -> Iterator[Line]:
        """Lines without their ends, and of each whether it stays: what ends with a mere carriage return is overwritten
        by what comes next."""
        text = self._rest + piece
        # the newline that makes a line of it may still come
        text, held = (text[:-1], "\r") if text.endswith("\r") else (text, "")
        *whole, self._rest = text.replace("\r\n", "\n").split("\n")
        for line in whole:
            yield from _overwritten(line)
        if "\r" in self._rest:
            gone, _, self._rest = self._rest.rpartition("\r")
            yield from _parts(gone.split("\r"))
        while len(self._rest) > LONGEST:
            yield Line(shown(self._rest[:LONGEST]), True, True)
            self._rest = self._rest[LONGEST:]
        self._rest += held

    def finish(self) -> Iterator[Line]:
        """The last line, which nothing ended."""
        rest, self._rest = self._rest.rstrip("\r"), ""
        if shown(rest):
            yield from _overwritten(rest)


class ByteLineReader(LineReader):
    """The same for bytes, which may end in the middle of a character."""

    def __init__(self) -> None:
        super().__init__()
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def feed_bytes(self, piece: bytes) -> Iterator[Line]:
        return self.feed(self._decoder.decode(piece))

    def finish(self) -> Iterator[Line]:
        yield from self.feed(self._decoder.decode(b"", final=True))
        yield from super().finish()


def shown(text: str) -> str:
    """What a terminal would show of it; databases take it: no NUL, no halves of surrogate pairs."""
    text = text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
    return _CONTROLS.sub("", _ESCAPES.sub("", text))


def _overwritten(line: str) -> Iterator[Line]:
    *gone, last = line.rstrip("\r").split("\r")
    yield from _parts(gone)
    yield from _pieces(shown(last), stays=True)


def _parts(lines: list[str]) -> Iterator[Line]:
    for line in filter(None, map(shown, lines)):
        yield from _pieces(line, stays=False)


def _pieces(line: str, *, stays: bool) -> Iterator[Line]:
    for start in range(0, max(len(line), 1), LONGEST):
        yield Line(line[start : start + LONGEST], stays, start + LONGEST < len(line))
