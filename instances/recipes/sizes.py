"""Amounts of CPU and memory of a container."""

from __future__ import annotations

from fractions import Fraction

from appimages.quantity import NoQuantity, parse_quantity
from instances.accelerator import Refused

_LARGEST = 2**60


def amount(text: str) -> Fraction:
    """`100m` is 1/10, `1Gi` is 1073741824; an empty text is 0. Raises `Refused` for what is no amount, or negative."""
    if not text:
        return Fraction(0)
    try:
        found = parse_quantity(text)
    except NoQuantity:
        raise Refused("bad_quantity", text=text[:40]) from None
    if found.mantissa < 0 or found.exponent > 20 or found.mantissa > _LARGEST:
        raise Refused("bad_quantity", text=text[:40])
    return found.mantissa * Fraction(10) ** found.exponent
