"""Cells and headers: what is taken, what is refused, and in which words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from django.utils import translation
from django.utils.translation import gettext_lazy as _
from openpyxl.chart import BarChart
from openpyxl.worksheet.formula import ArrayFormula

from core.sheets.columns import MAX_ROWS, Column, Kind
from core.sheets.errors import SheetRefused
from core.sheets.reader import SheetRow, read_rows
from tests.support.workbooks import book_of, file_of, saved

COLUMNS = (
    Column("name", _("Name")),
    Column("count", _("Count"), Kind.INTEGER),
    Column("price", _("Price"), Kind.NUMBER),
    Column("listed", _("Listed"), Kind.FLAG),
    Column("password", _("Password"), Kind.SECRET),
)
HEADER = ["Name", "Count", "Price", "Listed", "Password"]
FILLED = ["a", 1, 1.5, True, "x"]


@pytest.fixture(autouse=True)
def _english() -> Any:
    with translation.override("en"):
        yield


def read(rows: Sequence[Sequence[Any]]) -> list[SheetRow]:
    return list(read_rows(file_of(rows), COLUMNS))


def value(kind: Kind, content: Any, number_format: str = "General") -> Any:
    """What one cell is read as."""
    book = book_of([["Name", "x"], ["filled", None]])
    book.active["B2"] = content
    if not isinstance(content, (date, time, timedelta)):  # those get a format of their own
        book.active["B2"].number_format = number_format
    row = next(read_rows(saved(book), (COLUMNS[0], Column("x", "x", kind))))
    if row.faults:
        assert row.faults[0][0] == "x"
        raise ValueError(row.faults[0][1])
    return row.values["x"]


@pytest.mark.parametrize(
    ("kind", "content", "expected"),
    [
        (Kind.TEXT, "abc", "abc"),
        (Kind.TEXT, " abc ", " abc "),
        (Kind.TEXT, "012", "012"),
        (Kind.TEXT, "1.10", "1.10"),
        (Kind.TEXT, "12345678901234567890", "12345678901234567890"),
        (Kind.TEXT, "true", "true"),
        (Kind.TEXT, "#N/A!", "#N/A!"),
        (Kind.TEXT, 4090, "4090"),
        (Kind.TEXT, 4090.0, "4090"),
        (Kind.TEXT, 0, "0"),
        (Kind.TEXT, None, ""),
        (Kind.TEXT, "   ", ""),
        (Kind.TEXT, "'=1+1", "=1+1"),
        (Kind.SECRET, "******", "******"),
        (Kind.SECRET, None, ""),
        (Kind.INTEGER, 5, 5),
        (Kind.INTEGER, 5.0, 5),
        (Kind.INTEGER, "5", 5),
        (Kind.INTEGER, " 5.0 ", 5),
        (Kind.INTEGER, "012", 12),
        (Kind.INTEGER, -3, -3),
        (Kind.INTEGER, None, None),
        (Kind.INTEGER, 0, 0),
        (Kind.NUMBER, 1.5, 1.5),
        (Kind.NUMBER, 2, 2),
        (Kind.NUMBER, "1.25", 1.25),
        (Kind.NUMBER, " ", None),
        *((Kind.FLAG, word, True) for word in ("是", "yes", "YES", "Yes ", "true", "TRUE", "1", True, 1, 1.0)),
        *((Kind.FLAG, word, False) for word in ("否", "no", "No", "false", "0", False, 0)),
        (Kind.FLAG, None, None),
    ],
)
def test_values(kind: Kind, content: Any, expected: Any) -> None:
    found = value(kind, content)
    assert found == expected and type(found) is type(expected)


@pytest.mark.parametrize(
    ("kind", "content", "named"),
    [
        (Kind.TEXT, 1.1, "1.10"),  # 1.10, as it was typed, is lost already
        (Kind.TEXT, 10**15, "as text"),
        (Kind.TEXT, True, "as text"),
        *((kind, datetime(2026, 3, 1), "date") for kind in Kind),
        (Kind.TEXT, time(10, 30), "date"),
        (Kind.TEXT, timedelta(hours=30), "date"),
        (Kind.INTEGER, 5.5, "whole number"),
        (Kind.INTEGER, "5.5", "whole number"),
        (Kind.INTEGER, "five", "whole number"),
        (Kind.INTEGER, "1,000", "whole number"),
        (Kind.INTEGER, "9" * 5000, "whole number"),
        (Kind.INTEGER, "²", "whole number"),
        (Kind.INTEGER, True, "whole number"),
        (Kind.NUMBER, "1,5", "number"),
        (Kind.NUMBER, "NaN", "number"),
        (Kind.NUMBER, "1e400", "number"),
        (Kind.NUMBER, False, "number"),
        (Kind.FLAG, "maybe", "yes or no"),
        (Kind.FLAG, 2, "yes or no"),
        (Kind.FLAG, 0.5, "yes or no"),
        *((kind, "=1+1", "Formulas") for kind in Kind),
        (Kind.TEXT, "=[other.xlsx]Sheet1!$A$1", "Formulas"),
        (Kind.TEXT, '=WEBSERVICE("http://127.0.0.1:1/")', "Formulas"),
        (Kind.TEXT, ArrayFormula("B2", "=SUM(1,2)"), "Formulas"),
        *((kind, "#REF!", "#REF!") for kind in Kind),
    ],
)
def test_what_is_refused(kind: Kind, content: Any, named: str) -> None:
    with pytest.raises(ValueError, match=named.replace("(", "")):
        value(kind, content)


def test_a_number_that_is_shown_otherwise_is_no_text() -> None:
    assert value(Kind.TEXT, 12, "0") == "12"
    for number_format in ("000", "0.00", "#,##0", "0%"):
        with pytest.raises(ValueError, match="as text"):
            value(Kind.TEXT, 12, number_format)


def test_a_fault_names_row_and_column_and_never_the_content() -> None:
    rows = read([HEADER, FILLED, ["a", "secret", "secret", "secret", "=secret"]])
    assert not rows[0].faults and rows[0].number == 2
    assert rows[1].number == 3
    assert [str(header) for header, _rule in rows[1].faults] == ["Count", "Price", "Listed", "Password"]
    assert "secret" not in str([rule for _header, rule in rows[1].faults])


def test_empty_rows_are_skipped_and_numbers_are_the_spreadsheets() -> None:
    rows = read([[], HEADER, [], FILLED, [None, " ", "", None, None], [], FILLED])
    assert [row.number for row in rows] == [4, 7]


def test_columns_come_in_any_order_and_in_either_language() -> None:
    rows = read([["Password", "listed ", " 名称", "COUNT", "Price"], ["x", True, "a", 1, 1.5]])
    assert rows[0].values == {"name": "a", "count": 1, "price": 1.5, "listed": True, "password": "x"}


@pytest.mark.parametrize(
    ("header", "named"),
    [
        (["Name", "Count", "Price", "Listed"], "missing columns: Password"),
        (["Name"], "missing columns: Count, Price, Listed, Password"),
        ([*HEADER, "Colour"], "“Colour”"),
        ([*HEADER, "x" * 300], "“" + "x" * 50 + "”"),
        ([*HEADER, 5], "“5”"),
        ([*HEADER, "Name"], "“Name” is there twice"),
        ([*HEADER, "名称"], "“Name” is there twice"),
        ([], "missing columns"),
        (["=1+1", *HEADER], "no column"),
    ],
)
def test_a_header_that_is_not_the_templates(header: list[Any], named: str) -> None:
    with pytest.raises(SheetRefused, match=named):
        read([header, FILLED])


def test_a_value_without_a_header_is_not_lost_silently() -> None:
    rows = read([HEADER, [*FILLED, None, "note"]])
    assert rows[0].faults[0][0] == "G" and "header" in str(rows[0].faults[0][1])


def test_merged_cells_and_other_sheets_do_no_harm() -> None:
    book = book_of([HEADER, FILLED, [None, 2, 2, False, ""]])
    book.active.merge_cells("A2:A3")
    book.create_sheet("notes").append(["anything", "=1+1"])
    book.create_chartsheet("chart", 0).add_chart(BarChart())
    hidden = book.create_sheet("lists", 0)
    hidden.sheet_state = "hidden"
    rows = list(read_rows(saved(book), COLUMNS))
    assert [row.values["name"] for row in rows] == ["a", ""] and not rows[1].faults


def test_an_empty_sheet_has_no_header_and_a_header_alone_no_rows() -> None:
    with pytest.raises(SheetRefused, match="missing columns"):
        read([])
    assert read([HEADER]) == []


def test_the_number_of_rows_is_limited() -> None:
    rows = [["x", 1] for _row in range(MAX_ROWS)]
    columns = (Column("a", "A"), Column("b", "B", Kind.INTEGER))
    assert sum(1 for _row in read_rows(file_of([["A", "B"], *rows]), columns)) == MAX_ROWS
    with pytest.raises(SheetRefused, match="10000"):
        list(read_rows(file_of([["A", "B"], *rows, ["x", 1]]), columns))
