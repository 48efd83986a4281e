"""Filling a template in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from appimages.render.actions import Block, Condition, Insert, Operand
from appimages.render.errors import BadTemplate
from appimages.render.parsing import Dig, Piece, Text, parse
from appimages.render.paths import IndexFrom, Path
from appimages.render.values import MAX_COMPARED, TooDeep, TooMuch, Values, escaped, written

MAX_RESULT: Final = 4 * 1024 * 1024  # characters

# Kuscia fills its access token and the node's private key into any template that asks. Here nobody can.
SECRET_NAMES: Final = frozenset({"KUSCIA_API_TOKEN", "KUSCIA_DOMAIN_KEY_DATA"})

_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Rendered:
    """`unresolved`: variables and paths for which nothing was put in, in the order of the template, each once.

    A variable that only an `{{if}}` asks for is none of them: whether it is there is the question.
    `looked_at`: characters of variables that were read as JSON, and elements of arrays that filters looked at. Who
    renders many templates for one request limits their sum.
    """

    text: str
    unresolved: tuple[str, ...]
    looked_at: int = 0


def render(text: str, variables: Mapping[str, str]) -> Rendered:
    """Fill `text` in; raises `TemplateError` and nothing else. Names of variables are taken in upper case.

    `{{.X}}` puts the value in escaped as in a JSON string, so that any text may stand between quotes; `{{{.X.a}}}`
    puts in what is found in the value, as it is. What is missing is empty. `SECRET_NAMES` are always missing.
    """
    known = {name.upper(): value for name, value in variables.items()}
    try:
        return _Run({name: value for name, value in known.items() if name not in SECRET_NAMES}).of(parse(text))
    except BadTemplate as fault:
        raise fault.in_text(text) from None


def variables_in(text: str) -> tuple[str, ...]:
    """The variables that a template asks for anywhere, also in conditions, in its order. Raises `TemplateError`."""
    try:
        pieces = parse(text)
    except BadTemplate as fault:
        raise fault.in_text(text) from None
    return tuple(dict.fromkeys(name for piece in pieces for name in _names(piece)))


def _names(piece: Piece) -> Iterator[str]:
    if isinstance(piece, Dig):
        yield from _names_of_path(piece.path)
    elif isinstance(piece, Insert):
        yield from (part.value for part in piece.parts if part.is_variable)
    elif isinstance(piece, Block) and piece.condition:
        operands = (piece.condition.subject, piece.condition.other)
        yield from (operand.value for operand in operands if operand and operand.is_variable)


def _names_of_path(path: Path) -> Iterator[str]:
    yield path.variable
    for step in path.steps:
        if isinstance(step, IndexFrom):
            yield from _names_of_path(step.path)


class _Run:
    def __init__(self, variables: Mapping[str, str]) -> None:
        # Texts that are equal are one object here, so that comparing two costs nothing however long they are.
        self._texts_met: dict[str, str] = {}
        self._variables = {name: self._one(value) for name, value in variables.items()}
        self._values = Values(variables)
        self._unresolved: dict[str, None] = {}  # an ordered set
        self._length = 0

    def of(self, pieces: tuple[Piece, ...]) -> Rendered:
        text = "".join(self._texts(pieces))
        # Half a character, from an escape in somebody's JSON, is nothing that a file can hold.
        looked_at = self._values.characters + self._values.compared
        return Rendered(_SURROGATE.sub("\ufffd", text), tuple(self._unresolved), looked_at)

    def _texts(self, pieces: tuple[Piece, ...]) -> Iterator[str]:
        branches: list[_Branches] = []
        for piece in pieces:
            if isinstance(piece, Block):
                self._turn(piece, branches)
            elif branches and not branches[-1].on:
                continue
            elif isinstance(piece, Text):
                yield self._counted(piece.text, 0)
            elif isinstance(piece, Dig):
                yield self._counted(self._dug(piece), piece.position)
            else:
                for part in piece.parts:
                    yield self._inserted(part, piece)

    def _turn(self, block: Block, branches: list[_Branches]) -> None:
        if block.word == "end":
            branches.pop()
        elif block.word == "if":
            reached = not branches or branches[-1].on
            branches.append(_Branches(on=reached and self._holds(block.condition), over=not reached))
            branches[-1].over |= branches[-1].on
        else:
            last = branches[-1]
            last.on = not last.over and self._holds(block.condition)
            last.over |= last.on

    def _holds(self, condition: Condition | None) -> bool:
        if condition is None:
            return True
        subject = self._plain(condition.subject)
        holds = bool(subject) if condition.other is None else subject is self._plain(condition.other)
        return holds != condition.negated

    def _plain(self, operand: Operand) -> str:
        return self._one(self._variables.get(operand.value, "") if operand.is_variable else operand.value)

    def _one(self, text: str) -> str:
        return self._texts_met.setdefault(text, text)

    def _inserted(self, operand: Operand, piece: Insert) -> str:
        if not operand.is_variable:
            return self._counted(operand.value, piece.position)
        value = self._variables.get(operand.value)
        if value is None:
            self._unresolved[operand.value] = None
            return ""
        return self._counted(escaped(value), piece.position)

    def _dug(self, piece: Dig) -> str:
        path = piece.path
        try:
            found = self._values.find(path)
            if found is None:
                self._unresolved[path.text if path.variable in self._variables else path.variable] = None
            return written(found)
        except TooDeep:
            raise BadTemplate("value_too_deep", piece.position, name=path.variable) from None
        except TooMuch:
            raise BadTemplate("too_many_filters", piece.position, name=path.variable, limit=MAX_COMPARED) from None

    def _counted(self, text: str, position: int) -> str:
        self._check(len(text), position)
        self._length += len(text)
        return text

    def _check(self, more: int, position: int) -> None:
        if self._length + more > MAX_RESULT:
            raise BadTemplate("result_too_long", position, limit=MAX_RESULT)


@dataclass(slots=True)
class _Branches:
    """An `{{if}}` that is open: whether its present branch is written, and whether no later one can be."""

    on: bool
    over: bool
