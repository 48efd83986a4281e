"""Instructions of a Dockerfile with the lines that they are on. The one reader: whatever is decided of a Dockerfile is
decided from what is read here.

An instruction that nobody knows is an instruction, too. What a builder does with comments inside of continued lines,
empty lines there, here-documents and the directives at the top is done here as well. Refused is only what builders of
different ages, and this reader, could not agree on.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from builds.dockerfiles.errors import DockerfileError

LONGEST = 200_000  # characters of a file that is looked into
KEYWORDS = frozenset(
    [
        "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK",
        "LABEL", "MAINTAINER", "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
    ]
)  # fmt: skip
# Ends of lines or spaces for some and not for others.
_ODD = re.compile(r"[\x00\x0b\x0c\x1c-\x1f\x85\u2028\u2029]|\r(?!\n|\Z)")
_DIRECTIVE = re.compile(r"#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(\S.*)")  # of a line without spaces at its ends
_DIRECTIVES = frozenset({"syntax", "escape", "check"})
_ESCAPE_LINE = re.compile(r"#\s*escape", re.IGNORECASE)
_ESCAPES = ("\\", "`")
# A doubled sign is the sign itself.
_CONTINUED = {sign: re.compile(rf"(?<!{re.escape(sign)}){re.escape(sign)}[ \t\r]*\Z") for sign in _ESCAPES}
_KEYWORD = re.compile(r"\ufeff?\s*([^ \t]+)[ \t]*")
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
        return _behind(self.pieces, self._flags[-1].end() if self._flags else 0)

    @cached_property
    def triggered(self) -> Instruction:
        """What `ONBUILD` has a later build do; any other instruction itself."""
        return _instruction(self.pieces, self.line, self.end, self.heredocs) if self.keyword == "ONBUILD" else self

    @cached_property
    def rest(self) -> str:
        """The value behind the flags."""
        return "".join(piece.text for piece in self.after_flags).strip()


@dataclass(frozen=True)
class Dockerfile:
    """`syntaxes`: what its directives name as the builder that shall read it; which of several counts depends on the
    age of the engine. `escape` is the sign that continues a line."""

    text: str
    lines: tuple[str, ...]
    instructions: tuple[Instruction, ...]
    syntaxes: tuple[str, ...] = ()
    escape: str = _ESCAPES[0]
    empty_continuations: tuple[int, ...] = ()  # numbers of empty lines inside of instructions

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

    @cached_property
    def has_escape_line(self) -> bool:
        """Whether there is a line that is a directive about `escape` to some builder, or nearly one."""
        return _ESCAPE_LINE.search(self.text) is not None

    @cached_property
    def has_base(self) -> bool:
        """Whether it has a `FROM`, whichever sign continues a line. One without must never be sent: at a file of mere
        `ARG`s the BuildKit of Docker 20.10 crashes, and the whole engine with it, with all other builds and pulls."""
        readings: list[Sequence[Instruction]] = [self.instructions]
        if self.has_escape_line:
            readings += [_Reader(self.lines, escape).read() for escape in _ESCAPES]
        return all(any(item.keyword == "FROM" for item in reading) for reading in readings)


def read(text: str) -> Dockerfile:
    """Raises `DockerfileError` for a file that is too large, or has a character that ends a line for some only."""
    if len(text) > LONGEST:
        raise DockerfileError("too_large")
    if odd := _ODD.search(text):
        raise DockerfileError("character_odd", text.count("\n", 0, odd.start()) + 1, value=f"U+{ord(odd[0]):04X}")
    lines = text.split("\n")
    syntaxes, escape = _directives(lines)
    reader = _Reader(lines, escape)
    instructions = reader.read()
    return Dockerfile(text, tuple(lines), tuple(instructions), syntaxes, escape, tuple(reader.empty))


def is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")


def _directives(lines: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """Builders, and those among them that look for another builder, differ in where directives end, in what may come
    before them, and in which of two counts: all syntaxes are told that any of them would see."""
    syntaxes: list[str] = []
    escape, first_part = _ESCAPES[0], True  # of what every builder takes for directives
    for number, line in enumerate(lines):
        text = line.removeprefix("\ufeff").strip() if number == 0 else line.strip()
        match = _DIRECTIVE.match(text)
        if match is None and not (number == 0 and text.startswith("#!")):
            break
        name = match[1].lower() if match else ""
        first_part = first_part and name in _DIRECTIVES
        if match and name == "syntax":
            syntaxes.append(match[2])
        elif match and name == "escape" and first_part and match[2] in _ESCAPES:
            escape = match[2]
    return tuple(syntaxes), escape


def _instruction(pieces: Sequence[Piece], line: int, end: int, heredocs: tuple[Heredoc, ...]) -> Instruction:
    """The keyword is the first word of all lines together."""
    match = _KEYWORD.match("".join(piece.text for piece in pieces).rstrip())
    kept = _behind(pieces, match.end() if match else 0)
    return Instruction(match[1].upper() if match else "", line, end, tuple(kept), heredocs)


def _behind(pieces: Sequence[Piece], left: int) -> list[Piece]:
    """Without the first characters, so many as `left`."""
    kept = []
    for piece in pieces:
        gone = min(left, len(piece.text))
        left -= gone
        kept.append(Piece(piece.line, piece.column + gone, piece.text[gone:]))
    return kept


class _Reader:
    def __init__(self, lines: Sequence[str], escape: str) -> None:
        self.lines = lines
        self.next = 0  # index of the line to be read next
        self.empty: list[int] = []
        self.continued = _CONTINUED[escape]

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
        pieces = [Piece(start, 0, text)]
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
        found = _instruction(pieces, start, self.next, ())
        heredocs = self._heredocs(found)
        return replace(found, end=self.next, heredocs=heredocs) if heredocs else found

    def _take(self) -> tuple[str, bool]:
        line = self.lines[self.next]
        self.next += 1
        match = self.continued.search(line)
        return (line[: match.start()], True) if match else (line.rstrip("\r"), False)

    def _heredocs(self, found: Instruction) -> tuple[Heredoc, ...]:
        if found.triggered.keyword not in _WITH_HEREDOCS:
            return ()
        value = "".join(piece.text for piece in found.pieces)
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
