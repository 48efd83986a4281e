"""What is said about the rows of a sheet that cannot be taken."""

from __future__ import annotations

import pytest
from django.utils import translation

from core.sheets.errors import Faults, SheetRefused, spans


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ([2], "2"),
        ([2, 3], "2–3"),
        ([2, 4], "2, 4"),
        ([2, 3, 4, 7, 9, 10], "2–4, 7, 9–10"),
        (range(2, 42, 2), ", ".join(str(row) for row in range(2, 42, 2))),
        (range(2, 44, 2), ", ".join(str(row) for row in range(2, 42, 2)) + ", …"),
        (range(2, 10_002), "2–10001"),
    ],
)
def test_rows_are_told_as_spans(rows: list[int], text: str) -> None:
    assert spans(rows) == text


def test_faults_are_told_once_with_all_their_rows() -> None:
    faults = Faults()
    for row in (2, 3, 5):
        faults.add(row, "Name", "Required.")
    faults.add(3, "Listed", "Give yes or no.")
    faults.add(6, "", "Gone.")
    faults.add(7, "", "Gone.")
    with translation.override("en"), pytest.raises(SheetRefused) as caught:
        faults.raise_any()
    told = "rows 2–3, 5, Name: Required.; row 3, Listed: Give yes or no.; rows 6–7: Gone."
    assert str(caught.value) == f"Nothing was imported. {told}"


def test_of_many_different_faults_the_first_are_told() -> None:
    faults = Faults()
    for row in range(2, 32):
        faults.add(row, "Name", f"rule {row}")
    faults.add(40, "Name", "rule 2")
    with translation.override("en"), pytest.raises(SheetRefused) as caught:
        faults.raise_any()
    text = str(caught.value)
    assert "rows 2, 40, Name: rule 2;" in text and "rule 21;" in text and "rule 22" not in text
    assert text.endswith("and 10 more faults")


def test_no_fault_is_no_refusal() -> None:
    Faults().raise_any()
