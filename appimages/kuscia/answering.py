"""From a stored document to what is answered: protobuf's names, every field there, 64-bit integers as texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from appimages.kuscia.fields import Field, Kind, Message
from appimages.kuscia.messages import APP_IMAGE, DEPLOY_TEMPLATE, PORT, RESOURCE_CONFIG, RESOURCES
from appimages.kuscia.storing import DEFAULT_REPLICAS
from appimages.quantity import NoQuantity, canonical

Stored = Mapping[str, Any]


def app_image_view(name: str, document: Stored) -> dict[str, Any]:
    return _view(APP_IMAGE, {"name": name, **document})


def _view(message: Message, stored: Stored) -> dict[str, Any]:
    return {field.name: _VIEWS[field.kind](field, stored.get(field.camel)) for field in message.fields}


def _text(_field: Field, value: Any) -> str:
    """A port that is a number in the CRD has no text: Kuscia answers an empty one."""
    return value if isinstance(value, str) else ""


def _integer(_field: Field, value: Any) -> int:
    return value if isinstance(value, int) else 0


def _long(field: Field, value: Any) -> str:
    return str(_integer(field, value))


def _texts(_field: Field, value: Any) -> list[str]:
    return list(value or [])


def _map(_field: Field, value: Any) -> dict[str, str]:
    return dict(sorted((value or {}).items()))


def _message(field: Field, value: Any) -> Any:
    return None if value is None else _SPECIAL.get(field.message, _view)(field.message, value)


def _messages(field: Field, value: Any) -> list[Any]:
    view = _SPECIAL.get(field.message, _view)
    return [view(field.message, item) for item in value or []]


def _template(message: Message, stored: Stored) -> dict[str, Any]:
    return _view(message, {"replicas": DEFAULT_REPLICAS, **stored, **(stored.get("spec") or {})})


def _port(message: Message, stored: Stored) -> dict[str, Any]:
    """Files may leave out what the resource's definition then fills in (spec-appimage.md §1, round trips)."""
    found = _view(message, stored)
    return {**found, "protocol": found["protocol"] or "HTTP", "scope": found["scope"] or "Local"}


def _resources(message: Message, stored: Stored) -> dict[str, Any] | None:
    """What this API does not know of (GPUs) does not make it something."""
    found = _view(message, stored)
    return found if any(found.values()) else None


def _amounts(message: Message, stored: Stored) -> dict[str, str] | None:
    found = {field.name: _amount(stored.get(field.name)) for field in message.fields}
    return found if any(found.values()) else None


def _amount(value: Any) -> str:
    """YAML may have brought a number, or another spelling."""
    try:
        return "" if value in (None, "") else canonical(str(value))
    except NoQuantity:
        return str(value)


_SPECIAL: dict[Message, Callable[[Message, Stored], Any]] = {
    DEPLOY_TEMPLATE: _template,
    PORT: _port,
    RESOURCES: _resources,
    RESOURCE_CONFIG: _amounts,
}
_VIEWS: dict[Kind, Callable[[Field, Any], Any]] = {
    Kind.TEXT: _text,
    Kind.INT32: _integer,
    Kind.INT64: _long,
    Kind.TEXTS: _texts,
    Kind.MAP: _map,
    Kind.MESSAGE: _message,
    Kind.MESSAGES: _messages,
}
