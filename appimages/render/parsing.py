"""A template's text as a flat tuple of pieces, so that no depth of `{{if}}` costs stack."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from appimages.render.actions import Block, Insert, parse_action
from appimages.render.errors import BadTemplate
from appimages.render.paths import Path, parse_path
from appimages.render.tokens import read_tokens

MAX_TEMPLATE: Final = 1024 * 1024  # characters; what a ConfigMap holds at most

_SPACE = " \t\r\n"  # Go's, which trims no other
_TRIM_BEFORE = re.compile(r"-[ \t\r\n]")
_COMMENT_END = re.compile(r"\*/(?:[ \t\r\n]-)?\}\}")


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Dig:
    """`{{{.X.a[0]}}}`; `position` is where it stands in the template."""

    path: Path
    position: int


Piece = Text | Insert | Dig | Block


@dataclass(slots=True)
class _Open:
    """An `{{if}}` that waits for its `{{end}}`."""

    position: int
    has_else: bool = field(default=False)


def parse(text: str) -> tuple[Piece, ...]:
    """Raises `BadTemplate`."""
    if len(text) > MAX_TEMPLATE:
        raise BadTemplate("template_too_long", 0, limit=MAX_TEMPLATE)
    pieces = tuple(_pieces(text))
    _check_blocks(pieces)
    return pieces


def _pieces(text: str) -> Iterator[Piece]:
    position, trim = 0, False
    while (start := text.find("{{", position)) >= 0:
        piece, end, trim_before, trim_after = _action(text, start)
        plain = text[position:start]
        plain = plain.rstrip(_SPACE) if trim_before else plain
        yield Text(plain.lstrip(_SPACE) if trim else plain)
        if piece is not None:
            yield piece
        position, trim = end, trim_after
    rest = text[position:]
    yield Text(rest.lstrip(_SPACE) if trim else rest)


def _action(text: str, start: int) -> tuple[Piece | None, int, bool, bool]:
    """The piece (None for a comment), the position after it, and whether it trims what is before and after it."""
    if text.startswith("{{{{", start):
        raise BadTemplate("too_many_braces", start)
    if text.startswith("{{{", start):
        path, end = parse_path(text, start)
        return Dig(path, start), end, False, False
    inside = start + 2
    trim_before = _TRIM_BEFORE.match(text, inside) is not None
    if trim_before:
        inside += 2
    if text.startswith("/*", inside):
        end, trim_after = _comment(text, inside)
        return None, end, trim_before, trim_after
    tokens, end, trim_after = read_tokens(text, start, inside)
    return parse_action(tokens, start), end, trim_before, trim_after


def _comment(text: str, start: int) -> tuple[int, bool]:
    close = text.find("*/", start + 2)
    match = _COMMENT_END.match(text, close) if close >= 0 else None
    if match is None:
        raise BadTemplate("comment_not_closed", start)
    return match.end(), "-" in match.group()


def _check_blocks(pieces: tuple[Piece, ...]) -> None:
    waiting: list[_Open] = []
    for piece in pieces:
        if not isinstance(piece, Block):
            continue
        if piece.word == "if":
            waiting.append(_Open(piece.position))
        elif not waiting:
            raise BadTemplate("no_if", piece.position, word=piece.word)
        elif piece.word == "end":
            waiting.pop()
        elif waiting[-1].has_else:
            raise BadTemplate("else_twice", piece.position)
        else:
            waiting[-1].has_else = piece.condition is None
    if waiting:
        raise BadTemplate("if_not_closed", waiting[-1].position)
