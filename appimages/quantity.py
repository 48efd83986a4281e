"""Amounts as Kubernetes writes them (`100m`, `1Gi`, `1e3`), and the one way in which it writes each of them."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SPLIT = r"^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$"
_SHAPE = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*[-+]?[0-9]*)")
_EXPONENT = re.compile(r"[eE]([-+]?[0-9]+)")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_DECIMAL_SUFFIX = {exponent: suffix for suffix, exponent in _DECIMAL.items()}
_BINARY = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"]  # by power of 1024
_FINEST = -9  # powers of ten: a billionth; what is finer is rounded away from zero
_LARGEST_BINARY = 2**63 - 1
_MOST_DIGITS = 1000  # far more than any amount; converting numbers takes time that grows with the square
_LARGEST_EXPONENT = 2**31 - 1


class NoQuantity(ValueError):
    """The text is no amount; says why in the words of Kubernetes."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """`mantissa` × 10 ** `exponent`, and which suffixes it was written with."""

    mantissa: int
    exponent: int
    style: str  # "decimal", "binary" or "exponent"

    def __str__(self) -> str:
        """The canonical form: the largest suffix without fractions, of the same kind where it fits."""
        if not self.mantissa:
            return "0"
        if self.style == "binary" and (whole := self._whole()) is not None and abs(whole) >= 1024:
            power = 0
            while not whole % 1024:
                whole, power = whole // 1024, power + 1
            return f"{whole}{_BINARY[power]}"
        mantissa, exponent = self.mantissa, self.exponent
        while not mantissa % 10:
            mantissa, exponent = mantissa // 10, exponent + 1
        mantissa, exponent = mantissa * 10 ** (exponent % 3), exponent - exponent % 3
        suffix = _DECIMAL_SUFFIX.get(exponent) if self.style != "exponent" or not exponent else None
        return f"{mantissa}{f'e{exponent}' if suffix is None else suffix}"

    def _whole(self) -> int | None:
        """As a whole number, if it is one. Binary amounts have no exponent above zero."""
        whole, rest = divmod(self.mantissa, 10**-self.exponent)
        return None if rest else whole


def parse_quantity(text: str) -> Quantity:
    """Read an amount as Kubernetes reads it. Raises `NoQuantity`."""
    match = _SHAPE.fullmatch(text)
    if not match or not text:
        raise NoQuantity(f"quantities must match the regular expression '{_SPLIT}'")
    sign, whole, fraction, suffix = match[1], match[2], match[3] or "", match[4]
    style, exponent, factor = _meaning(suffix)
    digits = (whole + fraction).lstrip("0")
    if len(digits) > _MOST_DIGITS:
        raise NoQuantity("unable to parse numeric part of quantity")
    amount, exponent = _rounded(int(digits or "0") * factor, exponent - len(fraction))
    if style == "binary" and amount > _LARGEST_BINARY * 10**-exponent:
        amount, exponent = _LARGEST_BINARY, 0
    return Quantity(-amount if sign == "-" else amount, exponent, style)


def canonical(text: str) -> str:
    """The amount in canonical form. Raises `NoQuantity`."""
    return str(parse_quantity(text))


def _meaning(suffix: str) -> tuple[str, int, int]:
    """What a suffix stands for: the style, a power of ten, a factor."""
    if suffix in _DECIMAL:
        return "decimal", _DECIMAL[suffix], 1
    if suffix in _BINARY:
        return "binary", 0, 1024 ** _BINARY.index(suffix)
    match = _EXPONENT.fullmatch(suffix)
    if match and len(match[1]) <= 11 and abs(int(match[1])) <= _LARGEST_EXPONENT:
        return "exponent", int(match[1]), 1
    raise NoQuantity("unable to parse quantity's suffix")


def _rounded(mantissa: int, exponent: int) -> tuple[int, int]:
    """Nothing finer than a billionth, and nothing that is lost."""
    surplus = _FINEST - exponent
    if not mantissa:
        return 0, 0
    if surplus <= 0:
        return mantissa, exponent
    if surplus > _MOST_DIGITS * 2:  # it has fewer digits than that
        return 1, _FINEST
    return -(-mantissa // 10**surplus), _FINEST
