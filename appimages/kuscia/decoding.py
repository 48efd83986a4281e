"""Reading a body as Kuscia does: as protobuf's JSON first, and if that refuses it for whatever reason, as Go's own.

What comes out has protobuf's names and only what was sent; `null` counts as not sent.
"""

from __future__ import annotations

import json
import re
from json import JSONDecodeError
from typing import Any, NoReturn

from appimages.kuscia import gojson, protojson
from appimages.kuscia.fields import Message
from appimages.kuscia.go_errors import BLANK, syntax_error
from appimages.kuscia.numbers import Number
from appimages.kuscia.protojson import NotProtobuf

_HALF = re.compile("[\ud800-\udfff]")


class Unreadable(ValueError):
    """No message; says why in Go's words."""


def decode(message: Message, body: bytes) -> dict[str, Any]:
    """Raises `Unreadable`."""
    try:
        return _decode(message, body)
    except RecursionError:
        raise Unreadable("exceeded max depth") from None


def _decode(message: Message, body: bytes) -> dict[str, Any]:
    text = body.decode("utf-8", "surrogateescape")
    start = len(text) - len(text.lstrip(BLANK))
    if start == len(text):
        raise Unreadable("EOF")
    tree, end = _parse(text, start)
    broken = ("\\u" in text or not text.isascii()) and _holds_half_a_pair(tree)
    if not broken and not text[end:].strip(BLANK):
        try:
            return protojson.read(message, tree)
        except NotProtobuf:
            pass
    try:
        return gojson.read(message, _mended(tree) if broken else tree)
    except gojson.WrongType as error:
        raise Unreadable(str(error)) from None


def _parse(text: str, start: int) -> tuple[Any, int]:
    """The first value in the text, and where it ends. Objects are tuples of pairs, so that repeated keys are seen."""
    try:
        return _DECODER.raw_decode(text, start)
    except JSONDecodeError as error:
        raise Unreadable(syntax_error(error)) from None


def _no_constant(name: str) -> NoReturn:
    """`NaN` and `Infinity` are Python's own."""
    raise Unreadable(f"invalid character {name.lstrip('-')[0]!r} looking for beginning of value")


_DECODER = json.JSONDecoder(object_pairs_hook=tuple, parse_int=Number, parse_float=Number, parse_constant=_no_constant)


def _holds_half_a_pair(tree: Any) -> bool:
    """Also true for bytes that are no UTF-8, which were read as such halves."""
    try:
        json.dumps(tree, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


def _mended(tree: Any) -> Any:
    if isinstance(tree, Number):
        return tree
    if isinstance(tree, str):
        return _HALF.sub("\N{REPLACEMENT CHARACTER}", tree)
    if isinstance(tree, (tuple, list)):
        return type(tree)(_mended(part) for part in tree)
    return tree
