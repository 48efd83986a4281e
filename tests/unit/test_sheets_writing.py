"""What people get: a header that stays in sight, columns that keep texts, and explanations on a sheet of their own."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.utils import translation
from django.utils.translation import gettext_lazy as _
from openpyxl import load_workbook

from core.fields import MASK
from core.sheets.cells import value_read_back, value_to_write
from core.sheets.columns import Column, Kind
from core.sheets.reader import read_rows
from core.sheets.writer import write_records, write_template
from tests.support.workbooks import as_excel_saves_it, rows_in

COLUMNS = (
    Column("name", _("Name"), example="=a", width=30),
    Column("count", "Count", Kind.INTEGER, 8),
    Column("price", "Price", Kind.NUMBER, 1.5),
    Column("listed", "Listed", Kind.FLAG, True),
    Column("password", "Password", Kind.SECRET),
)
ROWS: list[dict[str, Any]] = [
    {"name": "#REF!", "count": 0, "price": Decimal("0.10"), "listed": True, "password": MASK},
    {"name": "=1+1", "count": 2**31, "price": 12.345, "listed": False, "password": ""},
    {"name": "TRUE", "count": None, "price": None, "listed": None, "password": ""},
    {"name": "x" * 40_000, "count": 1, "price": 0, "listed": True, "password": ""},
]


@pytest.mark.parametrize(("language", "yes", "no"), [("en", "yes", "no"), ("zh-hans", "是", "否")])
def test_records_are_plain_cells(language: str, yes: str, no: str) -> None:
    with translation.override(language):
        file = write_records("Sheet", COLUMNS, ROWS)
        rows = rows_in(file)
    assert rows[0] == ["名称" if yes == "是" else "Name", "Count", "Price", "Listed", "Password"]
    assert rows[1] == ["#REF!", 0, 0.1, yes, MASK]
    assert rows[2] == ["'=1+1", 2**31, 12.345, no, None]
    assert rows[4][0] == MASK, "what is too long for a cell is kept when the sheet comes back"
    sheet = load_workbook(file).active
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} == {"s", "n"}
    assert sheet["A1"].font.bold and sheet.freeze_panes == "A2"


@pytest.mark.parametrize("resaved", [False, True])
def test_records_are_read_back_as_they_were(resaved: bool) -> None:
    file = write_records("Sheet", COLUMNS, ROWS)
    found = list(read_rows(as_excel_saves_it(file) if resaved else file, COLUMNS))
    assert not [row.faults for row in found if row.faults]
    for row, record in zip(found, ROWS, strict=True):
        assert row.values == {column.key: value_read_back(column.kind, record[column.key]) for column in COLUMNS}
    assert found[0].values == {"name": "#REF!", "count": 0, "price": 0.1, "listed": True, "password": MASK}


def test_columns_of_texts_keep_what_is_typed_into_them() -> None:
    sheet = load_workbook(write_records("Sheet", COLUMNS, [])).active
    formats = {name: sheet.column_dimensions[name].number_format for name in "ABCDE"}
    assert formats == {"A": "@", "B": "General", "C": "General", "D": "General", "E": "@"}
    assert sheet.column_dimensions["A"].width == 30


def test_the_template_explains_and_holds_no_row() -> None:
    rules = {column.key: f"rule of {column.key}" for column in COLUMNS}
    with translation.override("en"):
        file = write_template("Sheet", COLUMNS, rules)
    assert rows_in(file) == [["Name", "Count", "Price", "Listed", "Password"]]
    assert list(read_rows(file, COLUMNS)) == []
    explained = rows_in(file, 1)
    assert explained[0] == ["Column", "Rule", "Example"]
    assert explained[1] == ["Name", "rule of name", "'=a"]
    assert explained[2][2] == "8" and explained[4][2] == "yes" and explained[5][2] is None


def test_nothing_is_written_for_nothing() -> None:
    assert [value_to_write(kind, value) for kind in Kind for value in (None, "", " ")] == [None] * 15
    assert value_to_write(Kind.FLAG, False) and value_to_write(Kind.INTEGER, 0) == 0
