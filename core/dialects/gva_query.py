"""Reading parameters of the gva dialect: what cannot be read is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _
from rest_framework import serializers

from core.errors import InvalidInput

_LARGEST_ID = 2**63 - 1
_YEARS = (datetime(1900, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC))  # beyond, changing the zone overflows
_FLAGS = {"true": True, "1": True, "false": False, "0": False}


def as_text(text: str) -> str:
    """Any text that a database can look for."""
    if "\0" in text:
        raise ValueError(_("NUL characters are not allowed."))
    return text


def as_flag(text: str) -> bool:
    """`true` or `false`."""
    if text.lower() not in _FLAGS:
        raise ValueError(_("Give true or false."))
    return _FLAGS[text.lower()]


def as_time(text: str) -> datetime:
    """RFC 3339; a time without an offset is one of the server's time zone."""
    try:
        moment = serializers.DateTimeField().run_validation(text)
    except serializers.ValidationError:
        moment = None
    if moment is None or not _YEARS[0] <= moment < _YEARS[1]:
        raise ValueError(_("Give a time such as 2026-11-22T01:26:57.000Z."))
    return moment


def read_with(read: Callable[[str], Any], name: str, text: str) -> Any:
    """What `read` makes of the text of parameter `name`."""
    try:
        return read(text)
    except ValueError as error:
        raise InvalidInput({name: str(error)}) from None


def whole_number(asked: QueryDict, name: str, default: int) -> int:
    """A page or a page size; what is empty, zero or below means the default."""
    text = asked.get(name, "").strip()
    try:
        number = int(text or default)
    except ValueError:
        raise InvalidInput({name: _("Give a whole number, for example %(example)s.") % {"example": default}}) from None
    return number if number > 0 else default


def id_in_query(name: str, text: str) -> int:
    """The number of a record, from a query parameter."""
    return id_in_body(name, int(text) if text.isdecimal() and len(text) < 20 else None)


def id_in_body(name: str, value: Any) -> int:
    """The number of a record, from JSON: a number there too, not a text."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= _LARGEST_ID:
        raise InvalidInput({name: _("Give the number of a record, for example 5.")})
    return value
