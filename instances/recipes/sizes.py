"""Amounts of CPU and memory as Kubernetes writes them."""

from __future__ import annotations

import re
from decimal import Decimal

from instances.accelerator import Refused

_QUANTITY = re.compile(r"([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]{1,3}|)")
_BINARY = {f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGTPE", start=1)}
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}


def amount(text: str) -> Decimal:
    """`100m` is 0.1, `1Gi` is 1073741824; an empty text is 0. Raises `Refused` for what is no amount, or negative."""
    if not text:
        return Decimal(0)
    found = _QUANTITY.fullmatch(text)
    if found is None or (value := Decimal(found[1]) * _factor(found[2])) < 0:
        raise Refused("bad_quantity", text=text[:40])
    return value


def _factor(suffix: str) -> Decimal:
    if suffix in _BINARY:
        return _BINARY[suffix]
    if suffix in _DECIMAL:
        return Decimal(10) ** _DECIMAL[suffix]
    return Decimal(10) ** int(suffix[1:])
