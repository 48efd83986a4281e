"""Instructions of a Dockerfile with the lines that they are on.

Nothing is refused here: an instruction that nobody knows is an instruction, too. What a builder does with comments
inside of continued lines, empty lines there, here-documents and the directives at the top is done here as well.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

_DIRECTIVE = re.compile(r"#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*\Z")
_KEYWORD = re.compile(r"\ufeff?\s*(\S+)\s*")
_FLAG = re.compile(r"\s*--([a-z][a-z-]*)(?:=(\"[^\"]*\"|\S*))?(?=\s|\Z)")
_HEREDOC = re.compile(r"(?:(?<=\s)|\A)\d*<<(-?)([\"']?)([A-Za-z_][\w.-]*)\2(?![\w<\"'])")
_WITH_HEREDOCS = ("RUN", "COPY", "ADD")


@dataclass(frozen=True, slots=True)
class Piece:
    """Text of one line, without keyword and continuation sign. `line` counts from 1, `column` from 0."""

    line: int
    column: int
    text: str


@dataclass(frozen=True, slots=True)
class Heredoc:
    """`first` is the number of its first line. `closed` is false where the file ends before it does."""

    name: str
    first: int
    lines: tuple[str, ...]
    closed: bool


@dataclass(frozen=True)
class Instruction:
    """`end` is the number of its last line, here-documents included."""

    keyword: str  # in capital letters
    line: int
    end: int
    pieces: tuple[Piece, ...]
    heredocs: tuple[Heredoc, ...] = ()

    @cached_property
    def value(self) -> str:
        """All after the keyword, as one line."""
        return "".join(piece.text for piece in self.pieces).strip()

    @cached_property
    def _flags(self) -> list[re.Match[str]]:
        """In the text of all pieces, not in the value."""
        text = "".join(piece.text for piece in self.pieces)
        found: list[re.Match[str]] = []
        while match := _FLAG.match(text, found[-1].end() if found else 0):
            found.append(match)
        return found

    @cached_property
    def flags(self) -> tuple[tuple[str, str], ...]:
        """`--mount=…` and the like, in front of everything else; one may come more than once."""
        return tuple((match[1], (match[2] or "").strip('"')) for match in self._flags)

    @cached_property
    def after_flags(self) -> list[Piece]:
        left = self._flags[-1].end() if self._flags else 0
        kept = []
        for piece in self.pieces:
            gone = min(left, len(piece.text))
            left -= gone
            kept.append(Piece(piece.line, piece.column + gone, piece.text[gone:]))
        return kept

    @cached_property
    def rest(self) -> str:
        """The value behind the flags."""
        return "".join(piece.text for piece in self.after_flags).strip()


@dataclass(frozen=True)
class Dockerfile:
    lines: tuple[str, ...]
    instructions: tuple[Instruction, ...]
    directives: dict[str, str] = field(default_factory=dict)
    empty_continuations: tuple[int, ...] = ()  # numbers of empty lines inside of instructions

    @property
    def escape(self) -> str:
        """The sign that continues a line."""
        return self.directives.get("escape", "\\")[:1]

    @cached_property
    def stages(self) -> list[list[Instruction]]:
        """Each starts with its FROM; what comes before the first one is in none."""
        stages: list[list[Instruction]] = []
        for item in self.instructions:
            if item.keyword == "FROM":
                stages.append([])
            if stages:
                stages[-1].append(item)
        return stages


def read(text: str) -> Dockerfile:
    lines = text.split("\n")
    directives = read_directives(lines)
    reader = _Reader(lines, directives.get("escape", "\\")[:1])
    instructions = reader.read()
    return Dockerfile(tuple(lines), tuple(instructions), directives, tuple(reader.empty))


def read_directives(lines: Sequence[str]) -> dict[str, str]:
    """`# escape=` and the like. The first line that is none ends them; only a `#!` line may come before."""
    found: dict[str, str] = {}
    for number, line in enumerate(lines):
        if number == 0:
            line = line.removeprefix("\ufeff")
            if line.startswith("#!"):
                continue
        match = _DIRECTIVE.match(line.rstrip("\r"))
        if match is None:
            break
        found.setdefault(match[1].lower(), match[2])
    return found


def is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")


class _Reader:
    def __init__(self, lines: Sequence[str], escape: str) -> None:
        self.lines = lines
        self.next = 0  # index of the line to be read next
        self.empty: list[int] = []
        sign = re.escape(escape)
        # A doubled sign is the sign itself.
        self.continued = re.compile(rf"(?<!{sign}){sign}[ \t\r]*\Z")

    def read(self) -> list[Instruction]:
        found = []
        while self.next < len(self.lines):
            line = self.lines[self.next]
            if line.strip() and not is_comment(line):
                found.append(self._instruction())
            else:
                self.next += 1
        return found

    def _instruction(self) -> Instruction:
        start = self.next + 1
        text, more = self._take()
        match = _KEYWORD.match(text)
        keyword = match[1] if match else ""
        column = match.end() if match else 0
        pieces = [Piece(start, column, text[column:])]
        while more and self.next < len(self.lines):
            line = self.lines[self.next]
            if is_comment(line):
                self.next += 1
                continue
            if not line.strip():
                self.empty.append(self.next + 1)
            text, more_after = self._take()
            more = more_after or not line.strip()
            pieces.append(Piece(self.next, 0, text))
        heredocs = self._heredocs(keyword.upper(), "".join(piece.text for piece in pieces))
        return Instruction(keyword.upper(), start, self.next, tuple(pieces), heredocs)

    def _take(self) -> tuple[str, bool]:
        line = self.lines[self.next]
        self.next += 1
        match = self.continued.search(line)
        return (line[: match.start()], True) if match else (line.rstrip("\r"), False)

    def _heredocs(self, keyword: str, value: str) -> tuple[Heredoc, ...]:
        words = value.split(None, 1)
        if keyword == "ONBUILD" and words:
            keyword = words[0].upper()
        if keyword not in _WITH_HEREDOCS:
            return ()
        return tuple(self._heredoc(match[3], tabs=bool(match[1])) for match in _HEREDOC.finditer(value))

    def _heredoc(self, name: str, *, tabs: bool) -> Heredoc:
        first = self.next + 1
        taken: list[str] = []
        while self.next < len(self.lines):
            line = self.lines[self.next].rstrip("\r")
            self.next += 1
            if (line.lstrip("\t") if tabs else line) == name:
                return Heredoc(name, first, tuple(taken), True)
            taken.append(line)
        return Heredoc(name, first, tuple(taken), False)
