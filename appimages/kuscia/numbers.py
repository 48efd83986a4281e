"""Numbers of a JSON body, kept as they were written: Go's two readers judge the spelling."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

_WHOLE = re.compile(r"-?[0-9]+")
_ANY = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_MOST_DIGITS = 20  # more than any 64-bit number has


class Number(str):
    """The text of a JSON number."""

    __slots__ = ()


def plain_integer(text: str, bits: int) -> int | None:
    """A whole number written as one, if it fits."""
    return _fitting(int(text), bits) if _WHOLE.fullmatch(text) and len(text) <= _MOST_DIGITS else None


def any_integer(text: str, bits: int) -> int | None:
    """A whole number, however it is written (`3.0`, `1e1`), if it fits."""
    if not _ANY.fullmatch(text):
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:  # an exponent beyond all measure
        return None
    if value.is_zero():
        return 0
    whole = value.adjusted() < _MOST_DIGITS and value == value.to_integral_value()
    return _fitting(int(value), bits) if whole else None


def _fitting(value: int, bits: int) -> int | None:
    limit = 1 << (bits - 1)
    return value if -limit <= value < limit else None
