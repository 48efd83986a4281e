"""Commands of a RUN instruction: as much of the shell's grammar as is needed to find lists of packages.

What a shell would work out (variables, `$(…)`, loops) is left as it is written.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from builds.dockerfiles.reading import Instruction, Piece

_TOKEN = re.compile(
    r"""
    (?P<space>(?:[^\S\n]|\\\n)+)
    |(?P<comment>(?<!\S)\#[^\n]*)
    |(?P<redirect>\d*(?:<<<|<<-?|>>|[<>])&?)
    |(?P<operator>&&|\|\||;;|\|&|[;|&()\n])
    |(?P<word>(?:
        \\(?:[^\n]|\Z)
        |'[^']*'
        |"(?:[^"\\]|\\.)*"
        |\$\([^()]*(?:\([^()]*\)[^()]*)*\)
        |\$\{[^{}]*\}
        |[^\s;&|()<>'"\\]
        |['"]
    )+)
    """,
    re.VERBOSE | re.DOTALL,
)
_QUOTED = re.compile(r"""'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)""", re.DOTALL)
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
# In front of a command without changing which one it is.
_PREFIXES = frozenset(
    {"if", "then", "else", "elif", "do", "while", "until", "!", "{", "time", "sudo", "exec", "command", "env"}
)
_SHELLS = {"sh", "bash", "dash", "ash"}


@dataclass(frozen=True, slots=True)
class Word:
    """`raw` as it is written, `text` without its quotes. Where it stands: `columns` of its last line `line`."""

    raw: str
    text: str
    line: int
    columns: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Command:
    """`words` begin with the program. `ends` is the line of what ends it: an operator, or the line after the last."""

    words: tuple[Word, ...]
    ends: int
    prefixes: tuple[str, ...] = ()  # "then", "sudo", "LANG=C"

    @property
    def program(self) -> str:
        return self.words[0].text.rpartition("/")[2]

    @property
    def line(self) -> int:
        return self.words[0].line


@dataclass(frozen=True, slots=True)
class Script:
    commands: tuple[Command, ...]
    swallowing: tuple[int, ...] = ()  # lines with a comment that takes the lines after it along
    is_list: bool = False  # written as a JSON list: no shell, and nothing that could be edited by place


def read_script(instruction: Instruction) -> Script:
    """Of a RUN instruction. A here-document is its script where nothing but a shell, or nothing at all, reads it."""
    if words := _words_of_list(instruction):
        return Script((Command(words, instruction.end + 1),), is_list=True)
    text = _Text(instruction.after_flags, joined="")
    script = _script(text, instruction)
    if instruction.heredocs and _is_shell(script):
        pieces = [
            Piece(document.first + number, 0, line)
            for document in instruction.heredocs
            for number, line in enumerate(document.lines)
        ]
        return _script(_Text(pieces, joined="\n"), instruction)
    return script


def unquoted(raw: str) -> str:
    return _QUOTED.sub(lambda match: next(part for part in match.groups() if part is not None), raw)


class _Text:
    """Pieces as one text that remembers where each character was."""

    def __init__(self, pieces: Sequence[Piece], *, joined: str) -> None:
        self.pieces = pieces
        self.starts: list[int] = []
        position = 0
        for piece in pieces:
            self.starts.append(position)
            position += len(piece.text) + len(joined)
        self.text = joined.join(piece.text for piece in pieces)

    def place(self, position: int) -> tuple[int, int]:
        index = bisect_right(self.starts, position) - 1
        piece = self.pieces[index]
        return piece.line, piece.column + position - self.starts[index]


def _script(text: _Text, instruction: Instruction) -> Script:
    commands: list[Command] = []
    swallowing: list[int] = []
    words: list[Word] = []
    redirected = False

    def finish(ends: int) -> None:
        count = _prefixes(words)
        if words[count:]:
            commands.append(Command(tuple(words[count:]), ends, tuple(word.raw for word in words[:count])))
        words.clear()

    for match in _TOKEN.finditer(text.text):
        kind = match.lastgroup
        if kind == "operator":
            finish(text.place(match.start())[0])
        elif kind == "comment":
            line = text.place(match.start())[0]
            if line != text.place(match.end() - 1)[0]:
                swallowing.append(line)
        elif kind == "word" and not redirected:
            words.append(_word(text, match))
        redirected = kind == "redirect" or (redirected and kind == "space")
    finish(instruction.end + 1)
    return Script(tuple(commands), tuple(swallowing))


def _word(text: _Text, match: re.Match[str]) -> Word:
    line, column = text.place(match.end() - 1)
    start_line, start = text.place(match.start())
    return Word(match[0], unquoted(match[0]), line, (start if start_line == line else 0, column + 1))


def _prefixes(words: Sequence[Word]) -> int:
    count = 0
    while count < len(words) and (words[count].raw in _PREFIXES or _ASSIGNMENT.match(words[count].raw)):
        count += 1
    return count


def _is_shell(script: Script) -> bool:
    return all(command.program in _SHELLS for command in script.commands)


def _words_of_list(instruction: Instruction) -> tuple[Word, ...]:
    if not instruction.rest.startswith("["):
        return ()
    try:
        found = json.loads(instruction.rest)
    except (ValueError, RecursionError):
        return ()
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        return ()
    return tuple(Word(item, item, instruction.line, (0, 0)) for item in found)
