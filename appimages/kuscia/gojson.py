"""The second reader: Go's own JSON. Names with underscores only, in any case, none unknown; `null` is nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from appimages.kuscia.fields import NULL, Field, Kind, Message
from appimages.kuscia.numbers import Number, plain_integer

_GO_TYPES = {
    Kind.TEXT: "string",
    Kind.TEXTS: "[]string",
    Kind.INT32: "int32",
    Kind.INT64: "int64",
    Kind.MAP: "map[string]string",
}
_JSON_TYPES = {Number: "number", bool: "bool", str: "string", list: "array", tuple: "object"}


class WrongType(ValueError):
    """The body does not fit; says where in Go's words."""


def read(message: Message, tree: Any) -> dict[str, Any]:
    """Raises `WrongType`. `tree` has objects as tuples of pairs."""
    if tree is not None and type(tree) is not tuple:
        raise WrongType(f"json: cannot unmarshal {_kind_of(tree)} into Go value of type kusciaapi.{message.title}")
    found: dict[str, Any] = {}
    _fill(message, found, tree or (), "")
    return found


def _fill(message: Message, found: dict[str, Any], pairs: Any, path: str) -> None:
    """What comes again is added to what came before, as Go does it."""
    for key, value in pairs:
        field = message.by_name.get(key) or message.by_name.get(key.lower())
        if field is None:
            raise WrongType(f'json: unknown field "{key}"')
        at = f"{path}.{field.name}" if path else f"{message.title}.{field.name}"
        if value is not None:
            found[field.name] = _READERS[field.kind](field, value, found.get(field.name), at)
        elif field.kind not in (Kind.TEXT, Kind.INT32, Kind.INT64):
            found.pop(field.name, None)


def _text(field: Field, value: Any, _before: Any, at: str) -> str:
    if type(value) is not str:
        raise _wrong(value, at, "string")
    return value


def _texts(field: Field, value: Any, _before: Any, at: str) -> list[str]:
    if type(value) is not list:
        raise _wrong(value, at, _GO_TYPES[field.kind])
    return ["" if item is None else _text(field, item, None, at) for item in value]


def _integer(field: Field, value: Any, _before: Any, at: str) -> int:
    bits = 32 if field.kind is Kind.INT32 else 64
    number = plain_integer(value, bits) if type(value) is Number else None
    if number is None:
        raise _wrong(value, at, _GO_TYPES[field.kind])
    return number


def _map(field: Field, value: Any, before: Any, at: str) -> dict[str, str]:
    if type(value) is not tuple:
        raise _wrong(value, at, _GO_TYPES[field.kind])
    return (before or {}) | {key: "" if item is None else _text(field, item, None, at) for key, item in value}


def _message(field: Field, value: Any, before: Any, at: str) -> dict[str, Any]:
    if type(value) is not tuple:
        raise _wrong(value, at, f"kusciaapi.{field.message.title}")
    found: dict[str, Any] = before or {}
    _fill(field.message, found, value, at)
    return found


def _messages(field: Field, value: Any, _before: Any, at: str) -> list[Any]:
    if type(value) is not list:
        raise _wrong(value, at, f"[]*kusciaapi.{field.message.title}")
    return [NULL if item is None else _message(field, item, None, at) for item in value]


def _wrong(value: Any, at: str, wanted: str) -> WrongType:
    return WrongType(f"json: cannot unmarshal {_kind_of(value)} into Go struct field {at} of type {wanted}")


def _kind_of(value: Any) -> str:
    return _JSON_TYPES[type(value)]


_READERS: dict[Kind, Callable[[Field, Any, Any, str], Any]] = {
    Kind.TEXT: _text,
    Kind.TEXTS: _texts,
    Kind.INT32: _integer,
    Kind.INT64: _integer,
    Kind.MAP: _map,
    Kind.MESSAGE: _message,
    Kind.MESSAGES: _messages,
}
