"""What stands inside `{{…}}`: a value, `printf`, or one of the words of `{{if}}`."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from appimages.render.errors import BadTemplate
from appimages.render.tokens import Token

_CONDITIONS: Final = {"not": 1, "eq": 2, "ne": 2}  # and how many values each takes
_LONGEST_WORD: Final = 40  # of the template, in an error
_VERB = re.compile(r"%(.?)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Operand:
    """A variable's name, or a text that was written in quotes."""

    value: str
    is_variable: bool


@dataclass(frozen=True, slots=True)
class Insert:
    """Operands to put one after the other."""

    parts: tuple[Operand, ...]
    position: int


@dataclass(frozen=True, slots=True)
class Condition:
    """True when the subject is not empty, or equals `other`; the other way round when `negated`."""

    subject: Operand
    other: Operand | None
    negated: bool


@dataclass(frozen=True, slots=True)
class Block:
    """`{{if …}}`, `{{else if …}}`, `{{else}}` (without condition) or `{{end}}`."""

    word: str  # "if", "else", "end"
    condition: Condition | None
    position: int


def parse_action(tokens: Sequence[Token], position: int) -> Insert | Block:
    """Raises `BadTemplate`; `position` is that of the opening braces."""
    if not tokens:
        raise BadTemplate("nothing_inside", position)
    first, rest = tokens[0], tokens[1:]
    if first.kind != "name":
        _refuse_more(rest)
        return Insert((_operand(first),), position)
    if first.value == "printf":
        return Insert(_printf(first, rest), position)
    if first.value in ("if", "else", "end"):
        return _block(first, rest, position)
    raise _not_supported(first)


def _block(first: Token, rest: Sequence[Token], position: int) -> Block:
    if first.value == "else" and rest and rest[0].value == "if" and rest[0].kind == "name":
        return Block("else", _condition(rest[0], rest[1:]), position)
    if first.value == "if":
        return Block("if", _condition(first, rest), position)
    _refuse_more(rest)
    return Block(first.value, None, position)


def _condition(word: Token, tokens: Sequence[Token]) -> Condition:
    if not tokens:
        raise BadTemplate("nothing_inside", word.position)
    first, rest = tokens[0], tokens[1:]
    if first.kind != "name":
        _refuse_more(rest)
        return Condition(_operand(first), None, negated=False)
    wanted = _CONDITIONS.get(first.value)
    if wanted is None:
        raise _not_supported(first)
    if len(rest) < wanted:
        raise BadTemplate("nothing_inside", first.position)
    _refuse_more(rest[wanted:])
    other = _operand(rest[1]) if wanted > 1 else None
    return Condition(_operand(rest[0]), other, negated=first.value != "eq")


def _printf(word: Token, tokens: Sequence[Token]) -> tuple[Operand, ...]:
    """`printf "%s:%s" .A .B` as the parts to put one after the other."""
    if not tokens or tokens[0].kind != "text":
        raise BadTemplate("printf_format", word.position)
    pattern = tokens[0].value
    values = deque(_operand(token) for token in tokens[1:])
    parts: list[Operand] = []
    position = 0
    for match in _VERB.finditer(pattern):
        parts.append(Operand(pattern[position : match.start()], is_variable=False))
        position = match.end()
        if match.group(1) == "%":
            parts.append(Operand("%", is_variable=False))
        elif match.group(1) in ("s", "v") and values:
            parts.append(values.popleft())
        else:
            raise BadTemplate("printf_format", tokens[0].position)
    if values:
        raise BadTemplate("printf_format", tokens[0].position)
    return (*parts, Operand(pattern[position:], is_variable=False))


def _operand(token: Token) -> Operand:
    if token.kind == "name":
        raise _not_supported(token)
    return Operand(token.value, is_variable=token.kind == "field")


def _refuse_more(tokens: Sequence[Token]) -> None:
    if tokens:
        raise BadTemplate("unexpected_word", tokens[0].position, word=tokens[0].value[:_LONGEST_WORD])


def _not_supported(token: Token) -> BadTemplate:
    return BadTemplate("not_supported", token.position, word=token.value[:_LONGEST_WORD])
