"""The first reader: protobuf's JSON. Both spellings of names, unknown fields passed over, everything else strict."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from appimages.kuscia.fields import Field, Kind, Message
from appimages.kuscia.numbers import Number, any_integer


class NotProtobuf(ValueError):
    """This reader refuses the body; why does not matter, for the second one is asked then."""


def read(message: Message, tree: Any) -> dict[str, Any]:
    """Raises `NotProtobuf`. `tree` has objects as tuples of pairs."""
    if type(tree) is not tuple:
        raise NotProtobuf
    found: dict[str, Any] = {}
    seen: set[str] = set()
    for key, value in tree:
        field = message.by_json_name.get(key)
        if field is None:
            continue
        if field.name in seen:
            raise NotProtobuf
        seen.add(field.name)
        if value is not None:
            found[field.name] = _READERS[field.kind](field, value)
    return found


def _text(_field: Field, value: Any) -> str:
    if type(value) is not str:
        raise NotProtobuf
    return value


def _texts(field: Field, value: Any) -> list[str]:
    return [_text(field, item) for item in _list(value)]


def _integer(field: Field, value: Any) -> int:
    bits = 32 if field.kind is Kind.INT32 else 64
    number = any_integer(value, bits) if isinstance(value, (str, Number)) else None
    if number is None:
        raise NotProtobuf
    return number


def _map(field: Field, value: Any) -> dict[str, str]:
    if type(value) is not tuple:
        raise NotProtobuf
    found = {key: _text(field, item) for key, item in value}
    if len(found) < len(value):
        raise NotProtobuf
    return found


def _message(field: Field, value: Any) -> dict[str, Any]:
    return read(field.message, value)


def _messages(field: Field, value: Any) -> list[dict[str, Any]]:
    return [read(field.message, item) for item in _list(value)]


def _list(value: Any) -> list[Any]:
    if type(value) is not list:
        raise NotProtobuf
    return value


_READERS: dict[Kind, Callable[[Field, Any], Any]] = {
    Kind.TEXT: _text,
    Kind.TEXTS: _texts,
    Kind.INT32: _integer,
    Kind.INT64: _integer,
    Kind.MAP: _map,
    Kind.MESSAGE: _message,
    Kind.MESSAGES: _messages,
}
