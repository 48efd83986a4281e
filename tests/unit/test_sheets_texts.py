"""Texts in cells: nothing is lost, nothing becomes a formula, and XML takes all of it."""

from __future__ import annotations

import re
from io import BytesIO

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.sheets.columns import Column
from core.sheets.reader import read_rows
from core.sheets.texts import from_cell, to_cell
from core.sheets.writer import write_records
from tests.support.workbooks import as_excel_saves_it

# Everything that a database of ours stores: no NUL, no halves of surrogate pairs.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
ODD = st.text(st.sampled_from("'=+-@\t\r\n_x005FfaA1\x01\x1f\uffff é"), max_size=14)
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0d\x0e-\x1f\ufffe\uffff]")


@pytest.mark.parametrize("text", ["=1+1", "+49 30", "-5", "@here", "\tx", "\rx", "\nx", "=cmd|' /C calc'!A0"])
def test_what_a_spreadsheet_would_take_for_a_formula_gets_an_apostrophe(text: str) -> None:
    assert to_cell(text).startswith("'")
    assert from_cell(to_cell(text)) == text


@pytest.mark.parametrize("text", ["", "abc", "012", "1.10", "a=b", "'quoted'", "it's", "x", "镜像", "_x_", "x0041_"])
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert to_cell(text) == text == from_cell(text)


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("a\x01b", "a_x0001_b"),
        ("a\r\nb", "a_x000D_\nb"),
        ("a_x0041_", "a_x005F_x0041_"),
        ("_x005F\x01", "_x005F_x005F_x0001_"),
        ("\uffff", "_xFFFF_"),
        ("'=x", "''=x"),
    ],
)
def test_what_xml_cannot_hold_is_written_as_excel_does(text: str, cell: str) -> None:
    assert to_cell(text) == cell and from_cell(cell) == text


def test_codes_of_ordinary_characters_are_no_codes() -> None:
    assert from_cell("_x0041_") == "_x0041_"
    assert from_cell("_x0000_") == "_x0000_"


@given(TEXTS | ODD)
@example("'" * 5 + "=")
@example("_x005F_x0001_")
@settings(max_examples=1000)
def test_every_text_comes_back(text: str) -> None:
    cell = to_cell(text)
    assert from_cell(cell) == text
    assert cell[:1] not in set("=+-@\t\r\n") or not cell
    assert not _ILLEGAL.search(cell)


@given(ODD.filter(lambda text: text[:1] not in set("=+-@\t\r\n")))
@settings(max_examples=500)
def test_no_two_texts_share_a_cell(cell: str) -> None:
    """Whatever is in a harmless cell is what an export of its text would put there, codes of characters apart."""
    if "_x" not in cell and not _ILLEGAL.search(cell):
        assert to_cell(from_cell(cell)) == cell


@given(st.lists(TEXTS | ODD, min_size=1, max_size=8))
@settings(max_examples=60)
def test_every_text_comes_back_through_a_workbook(texts: list[str]) -> None:
    columns = [Column("a", "A"), Column("b", "B")]
    file = write_records("Sheet", columns, [{"a": f"x{number}", "b": text} for number, text in enumerate(texts)])
    assert _read(file, columns) == [text if text.strip() else "" for text in texts]


def test_every_text_survives_that_somebody_saves_the_workbook() -> None:
    texts = ["=1+1", "'=x", "a\x01\r\nb", "  a ", "1.10", "012", "1e5", "#N/A", "TRUE", "_x0041_", "123456789012345678"]
    columns = [Column("a", "A"), Column("b", "B")]
    file = write_records("Sheet", columns, [{"a": f"x{number}", "b": text} for number, text in enumerate(texts)])
    assert _read(as_excel_saves_it(file), columns) == texts


def _read(file: BytesIO, columns: list[Column]) -> list[str]:
    rows = list(read_rows(file, columns))
    assert not [row.faults for row in rows if row.faults]
    return [row.values["b"] for row in rows]
