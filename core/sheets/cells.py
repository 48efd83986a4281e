"""One cell: the value that it holds, or the rule that it breaks."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from core.fields import MASK
from core.sheets.columns import Kind
from core.sheets.errors import CellRefused
from core.sheets.texts import LONGEST_TEXT, from_cell, to_cell

_FLAGS = {"是": True, "yes": True, "true": True, "1": True, "否": False, "no": False, "false": False, "0": False}
_WHOLE = re.compile(r"[+-]?\d{1,18}(?:\.0+)?")
_DECIMAL = re.compile(r"[+-]?\d{1,18}(?:\.\d{1,18})?")
_AS_TYPED = ("General", "0", "@")  # number formats that show a whole number as the text that somebody typed
_EXACT = 10**15  # spreadsheets keep 15 digits of a number


def is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def read_cell(kind: Kind, cell: Any) -> Any:
    """The value of one of openpyxl's cells. Empty ones give `""` for texts and None for the rest.

    Raises `CellRefused`, whose rule never repeats the value: it may be a secret in the wrong column.
    """
    if cell.data_type == "f":
        raise CellRefused(_("Formulas are not evaluated. Enter the result as a plain value."))
    if cell.data_type == "e":
        raise CellRefused(_("The cell holds an error of the spreadsheet, such as #REF!. Enter a value."))
    if is_empty(cell.value):
        return "" if kind in (Kind.TEXT, Kind.SECRET) else None
    if cell.data_type == "d":
        raise CellRefused(
            _("The spreadsheet made a date of it. Format the cell as text and enter it again, for example 1-2.")
        )
    return _READERS[kind](cell)


def value_to_write(kind: Kind, value: Any) -> Any:
    """What is put into the cell for a value of a record; None leaves it empty."""
    if is_empty(value):
        return None
    if kind is Kind.FLAG:
        return _("yes") if value else _("no")
    if kind in (Kind.TEXT, Kind.SECRET):
        text = to_cell(str(value))
        return text if len(text) <= LONGEST_TEXT else MASK
    return value


def value_read_back(kind: Kind, value: Any) -> Any:
    """What `read_cell` gives for the cell that `value_to_write` made of this value."""
    if kind in (Kind.TEXT, Kind.SECRET):
        return from_cell(value_to_write(kind, value) or "")
    return float(value) if isinstance(value, Decimal) else value


def _text(cell: Any) -> str:
    value = cell.value
    if isinstance(value, str):
        return from_cell(value)
    number = _whole(value)
    if number is not None and abs(number) < _EXACT and _format(cell) in _AS_TYPED:
        return str(number)
    raise CellRefused(
        _("The spreadsheet took it for a number. Format the cell as text and enter it again, for example 1.10.")
    )


def _format(cell: Any) -> str:
    try:
        return str(cell.number_format)
    except LookupError:  # the file names a style that it does not have
        return ""


def _integer(cell: Any) -> int:
    text, number = cell.value, _whole(cell.value)
    if number is not None:
        return number
    if isinstance(text, str) and _WHOLE.fullmatch(text.strip()):
        return int(text.strip().partition(".")[0])
    raise CellRefused(_("Give a whole number, for example 8."))


def _number(cell: Any) -> int | float:
    value = cell.value
    if type(value) in (int, float) and math.isfinite(value):
        return value
    if isinstance(value, str) and _DECIMAL.fullmatch(value.strip()):
        return float(value.strip())
    raise CellRefused(_("Give a number, for example 1.5."))


def _flag(cell: Any) -> bool:
    value = cell.value
    word = value.strip().lower() if isinstance(value, str) else str(int(value)) if value in (0, 1) else ""
    if word not in _FLAGS:
        raise CellRefused(_("Give yes or no."))
    return _FLAGS[word]


def _whole(value: Any) -> int | None:
    """A number without a fraction; spreadsheets store 5 as 5.0."""
    if type(value) is int:
        return value
    return int(value) if isinstance(value, float) and value.is_integer() else None


_READERS: Mapping[Kind, Callable[[Any], Any]] = {
    Kind.TEXT: _text,
    Kind.SECRET: _text,
    Kind.INTEGER: _integer,
    Kind.NUMBER: _number,
    Kind.FLAG: _flag,
}
