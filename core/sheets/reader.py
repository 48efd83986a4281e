"""Reading an uploaded workbook: its first visible sheet, row by row, never all at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any

from django.utils.translation import gettext as _
from openpyxl import load_workbook
from openpyxl.utils import get_column_letter

from core.sheets.archive import UNREADABLE, check_archive
from core.sheets.cells import is_empty, read_cell
from core.sheets.columns import MAX_ROWS, Column, by_header, plain_header
from core.sheets.errors import NO_WORKBOOK, CellRefused, SheetRefused

_LAST_ROW, _LAST_COLUMN = 1_048_576, 100  # of a sheet, says Excel; of what is looked at


@dataclass(slots=True)
class SheetRow:
    """`values` by the columns' keys; `faults` are pairs of a column's header and the rule that its cell breaks."""

    number: int  # as the spreadsheet counts
    values: dict[str, Any] = field(default_factory=dict)
    faults: list[tuple[str, Any]] = field(default_factory=list)


def read_rows(file: IO[bytes], columns: Sequence[Column]) -> Iterator[SheetRow]:
    """The rows below the header that hold anything. Raises `SheetRefused` for the file or its header."""
    check_archive(file)
    filled = _filled_rows(_first_sheet(file))
    places = _places(next(filled, (0, ()))[1], columns)
    for count, (number, cells) in enumerate(filled, 1):
        if count > MAX_ROWS:
            rule = _("The sheet has too many rows; at most %(limit)s are allowed. Split it.")
            raise SheetRefused(rule % {"limit": MAX_ROWS})
        yield _row(number, cells, places)


@contextmanager
def _openpyxl() -> Iterator[None]:
    try:
        yield
    except UNREADABLE:
        raise SheetRefused(NO_WORKBOOK) from None


def _first_sheet(file: IO[bytes]) -> Any:
    with _openpyxl():
        book = load_workbook(file, read_only=True, keep_links=False)
        shown = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
    if not shown:
        raise SheetRefused(_("The workbook has no visible sheet."))
    return shown[0]


def _filled_rows(sheet: Any) -> Iterator[tuple[int, tuple[Any, ...]]]:
    with _openpyxl():
        rows = sheet.iter_rows(min_row=1, max_row=_LAST_ROW, min_col=1, max_col=_LAST_COLUMN)
        blank = None  # openpyxl gives the same one for every row that is not in the file: there may be a million
        for number, cells in enumerate(rows, 1):
            if cells is blank:
                continue
            if all(is_empty(cell.value) for cell in cells):
                blank = cells
            else:
                yield number, cells


def _places(header: Sequence[Any], columns: Sequence[Column]) -> Mapping[int, Column]:
    """Position → column. Every column must be there once, in any order, and nothing else."""
    known = by_header(columns)
    places: dict[int, Column] = {}
    problems = []
    for position, cell in enumerate(header):
        if is_empty(cell.value):
            continue
        text = str(cell.value)
        column = known.get(plain_header(text))
        if column is None:
            problems.append(_("there is no column “%(name)s”") % {"name": text[:50]})
        elif column in places.values():
            problems.append(_("the column “%(name)s” is there twice") % {"name": column.title})
        else:
            places[position] = column
    missing = [str(column.title) for column in columns if column not in places.values()]
    if missing:
        problems.append(_("missing columns: %(names)s") % {"names": ", ".join(missing)})
    if problems:
        advice = _("The first row must hold the headers of the template.")
        raise SheetRefused(f"{advice} {'; '.join(problems)}")
    return places


def _row(number: int, cells: Sequence[Any], places: Mapping[int, Column]) -> SheetRow:
    row = SheetRow(number)
    for position, cell in enumerate(cells):
        column = places.get(position)
        if column is None:
            if not is_empty(cell.value):
                letter = get_column_letter(position + 1)
                row.faults.append((letter, _("This column has no header. Give it one, or empty the cell.")))
            continue
        try:
            row.values[column.key] = read_cell(column.kind, cell)
        except CellRefused as error:
            row.faults.append((str(column.title), error.rule))
    return row
