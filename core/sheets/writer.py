"""Writing workbooks, row by row: 10,000 rows need hardly more memory than ten."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from typing import Any

from django.utils.translation import gettext as _
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter

from core.sheets.cells import value_to_write
from core.sheets.columns import Column, Kind

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_AS_TEXT = "@"  # the number format that keeps "012" and "1.10" as they are typed
_BOLD, _FILL = Font(bold=True, color="FFFFFF"), PatternFill("solid", fgColor="4F6BED")


def write_records(title: Any, columns: Sequence[Column], rows: Iterable[Mapping[str, Any]]) -> BytesIO:
    """A workbook with one sheet: the header and the rows, by the columns' keys."""
    book = Workbook(write_only=True)
    _fill_sheet(book, title, columns, rows)
    return _saved(book)


def write_template(title: Any, columns: Sequence[Column], rules: Mapping[str, str]) -> BytesIO:
    """A workbook to fill in: an empty sheet, and a second one that says what belongs where (`rules`, by key)."""
    book = Workbook(write_only=True)
    _fill_sheet(book, title, columns, [])
    help_columns = [
        Column("column", _("Column"), width=24),
        Column("rule", _("Rule"), width=70),
        Column("example", _("Example"), width=48),
    ]
    lines = [{"column": column.title, "rule": rules[column.key], "example": _example(column)} for column in columns]
    _fill_sheet(book, _("Explanations"), help_columns, lines)
    return _saved(book)


def _example(column: Column) -> Any:
    return value_to_write(Kind.FLAG, column.example) if column.kind is Kind.FLAG else column.example


def _fill_sheet(book: Any, title: Any, columns: Sequence[Column], rows: Iterable[Mapping[str, Any]]) -> None:
    sheet = book.create_sheet(str(title))
    sheet.freeze_panes = "A2"
    for position, column in enumerate(columns, 1):
        dimension = sheet.column_dimensions[get_column_letter(position)]
        dimension.width = column.width
        if column.kind in (Kind.TEXT, Kind.SECRET):
            dimension.number_format = _AS_TEXT
    sheet.append([_header_cell(sheet, column) for column in columns])
    cells = [_cell(sheet, column) for column in columns]  # one of each column, written again and again
    for row in rows:
        for cell, column in zip(cells, columns, strict=True):
            cell.value = value_to_write(column.kind, row[column.key])
            if isinstance(cell.value, str):
                cell.data_type = "s"  # also of what openpyxl would take for a formula or an error
        sheet.append(cells)


def _header_cell(sheet: Any, column: Column) -> Any:
    cell = WriteOnlyCell(sheet, str(column.title))
    cell.font, cell.fill = _BOLD, _FILL
    cell.alignment = Alignment(vertical="center")
    return cell


def _cell(sheet: Any, column: Column) -> Any:
    cell = WriteOnlyCell(sheet)
    if column.kind in (Kind.TEXT, Kind.SECRET):
        cell.number_format = _AS_TEXT
    return cell


def _saved(book: Any) -> BytesIO:
    file = BytesIO()
    book.save(file)
    file.seek(0)
    return file
