"""`{{{.X.a[0].b[name=test][.Y.index]}}}`: the grammar of paths that look into JSON."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import Final

from appimages.render.errors import BadTemplate

MAX_NESTED: Final = 8  # paths within the brackets of paths

_KEY = re.compile(r"\.([^.\[\]{}\"'`\s]+)")
_INDEX = re.compile(r"\[(-?[0-9]+)\]")
_FILTER = re.compile(r"\[([^.\[\]{}\"'`=\s]+)=([^\[\]{}\"'`]*)\]")
_BLANK = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True, slots=True)
class Key:
    name: str


@dataclass(frozen=True, slots=True)
class Index:
    number: int


@dataclass(frozen=True, slots=True)
class Filter:
    """The first element of an array whose `key` has this value."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class IndexFrom:
    """The index is what another path finds."""

    path: Path


@dataclass(frozen=True, slots=True)
class Path:
    variable: str
    steps: tuple[Key | Index | Filter | IndexFrom, ...]
    text: str  # as it was written, without the dot in front


def parse_path(text: str, start: int) -> tuple[Path, int]:
    """The path after the three braces at `start`, and the position behind those that close it, three or two."""
    position = _skip_blanks(text, start + 3)
    if not text.startswith(".", position):
        raise BadTemplate("path_expected", start)
    path, position = _path(text, position, start, 0)
    position = _skip_blanks(text, position)
    if not text.startswith("}}", position):
        raise _fault(text, position, start)
    return path, position + (3 if text.startswith("}}}", position) else 2)


def _path(text: str, begin: int, start: int, nested: int) -> tuple[Path, int]:
    if nested > MAX_NESTED:
        raise BadTemplate("path_too_nested", begin, limit=MAX_NESTED)
    first = _KEY.match(text, begin)
    if first is None:
        raise _fault(text, begin, start)
    steps: list[Key | Index | Filter | IndexFrom] = []
    position = first.end()
    while True:
        step: Key | Index | Filter | IndexFrom
        if match := _KEY.match(text, position):
            step, position = Key(match.group(1)), match.end()
        elif match := _INDEX.match(text, position):
            step, position = Index(_number(match.group(1))), match.end()
        elif match := _FILTER.match(text, position):
            step, position = Filter(match.group(1), match.group(2)), match.end()
        elif text.startswith("[.", position):
            inner, position = _path(text, position + 1, start, nested + 1)
            if not text.startswith("]", position):
                raise _fault(text, position, start)
            step, position = IndexFrom(inner), position + 1
        else:
            return Path(first.group(1), tuple(steps), text[begin + 1 : position]), position
        steps.append(step)


def _number(digits: str) -> int:
    """No array is longer than 18 digits can say, and Python refuses to read thousands of them."""
    return int(digits) if len(digits) <= 18 else sys.maxsize


def _skip_blanks(text: str, position: int) -> int:
    match = _BLANK.match(text, position)
    return match.end() if match else position


def _fault(text: str, position: int, start: int) -> BadTemplate:
    if position >= len(text):
        return BadTemplate("action_not_closed", start)
    if text[position] in "\"'`":
        return BadTemplate("quote_in_path", position)
    if text.startswith("[", position) and (quote := re.compile(r"[^\]{}\"'`]*([\"'`])").match(text, position)):
        return BadTemplate("quote_in_path", quote.start(1))
    return BadTemplate("unexpected_sign", position, sign=text[position])
