"""The words in which Go's JSON package refuses a body."""

from __future__ import annotations

from json import JSONDecodeError

BLANK = " \t\r\n"
_LITERALS = ("true", "false", "null", "-")
_PLACES = {
    "Expecting value": "looking for beginning of value",
    "Expecting property name": "looking for beginning of object key string",
    "Illegal trailing comma": "looking for beginning of object key string",
    "Expecting ':'": "after object key",
    "Expecting ','": "after value",
    "Invalid control character": "in string literal",
    "Invalid \\escape": "in string escape code",
    "Invalid \\u": "in \\u hexadecimal character escape",
}


def syntax_error(error: JSONDecodeError) -> str:
    rest = error.doc[error.pos :]
    ended = not rest.strip(BLANK) or error.msg.startswith("Unterminated")
    if ended or (error.msg.startswith("Expecting value") and rest.startswith(_LITERALS[-1]) and len(rest) == 1):
        return "unexpected EOF"
    if error.msg.startswith("Expecting value") and any(word.startswith(rest) for word in _LITERALS):
        return "unexpected EOF"
    where = next((place for start, place in _PLACES.items() if error.msg.startswith(start)), "in JSON")
    return f"invalid character {_quoted(rest)} {where}"


def _quoted(rest: str) -> str:
    """The first character of what is left, as Go shows a byte."""
    first = rest.encode("utf-8", "surrogateescape")[:1].decode("latin-1")
    return {"'": "'\\''", '"': "'\"'"}.get(first, repr(first))
