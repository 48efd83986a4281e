"""The words inside `{{…}}`: fields, names and texts in quotes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from appimages.render.errors import BadTemplate

_BLANK = re.compile(r"[ \t\r\n]+")
_END = re.compile(r"\}\}")
_TRIM_END = re.compile(r"-\}\}")
_FIELD = re.compile(r"\.([^\W\d]\w*)")
_NAME = re.compile(r"[^\W\d]\w*")
_QUOTED = re.compile(r'"((?:\\.|[^"\\\n])*)"')
_RAW = re.compile(r"`([^`]*)`")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)")
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "b": "\b", "f": "\f"}


@dataclass(frozen=True, slots=True)
class Token:
    kind: Literal["field", "name", "text"]
    value: str
    position: int


def read_tokens(text: str, start: int, inside: int) -> tuple[list[Token], int, bool]:
    """The tokens up to the closing braces, the position after those, and whether they trim what follows."""
    tokens: list[Token] = []
    position, apart = inside, True
    while position < len(text):
        if end := _END.match(text, position):
            return tokens, end.end(), False
        if blank := _BLANK.match(text, position):
            position, apart = blank.end(), True
            if end := _TRIM_END.match(text, position):
                return tokens, end.end(), True
            continue
        if not apart:
            raise _stuck_together(text, position, tokens[-1])
        token, position = _token(text, position)
        tokens.append(token)
        apart = False
    raise BadTemplate("action_not_closed", start)


def _token(text: str, position: int) -> tuple[Token, int]:
    if match := _FIELD.match(text, position):
        return Token("field", match.group(1), position), match.end()
    if match := _NAME.match(text, position):
        return Token("name", match.group(), position), match.end()
    if match := _RAW.match(text, position):
        return Token("text", match.group(1), position), match.end()
    if match := _QUOTED.match(text, position):
        return Token("text", _unescaped(match.group(1), position), position), match.end()
    if text[position] in '"`':
        raise BadTemplate("text_not_closed", position)
    raise BadTemplate("unexpected_sign", position, sign=text[position])


def _stuck_together(text: str, position: int, last: Token) -> BadTemplate:
    if last.kind == "field" and text[position] == ".":
        return BadTemplate("looks_inside", last.position, name=last.value)
    return BadTemplate("unexpected_sign", position, sign=text[position])


def _unescaped(text: str, position: int) -> str:
    def replace(match: re.Match[str]) -> str:
        escape = match.group(1)
        if len(escape) > 1:
            return chr(int(escape[1:], 16))
        if escape not in _ESCAPES:
            raise BadTemplate("bad_escape", position, sign=escape)
        return _ESCAPES[escape]

    return _ESCAPE.sub(replace, text)
