"""Excel files for tests: as Excel writes them, and as nobody should."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from typing import Any

from openpyxl import Workbook, load_workbook


def book_of(rows: Iterable[Sequence[Any]]) -> Workbook:
    """A workbook whose first sheet holds these rows. openpyxl puts texts into shared strings, as Excel does."""
    book = Workbook()
    for row in rows:
        book.active.append(list(row))
    return book


def saved(book: Workbook) -> BytesIO:
    file = BytesIO()
    book.save(file)
    file.seek(0)
    return file


def file_of(rows: Iterable[Sequence[Any]]) -> BytesIO:
    return saved(book_of(rows))


def as_excel_saves_it(file: BytesIO) -> BytesIO:
    """The workbook after somebody opened and saved it: the texts are shared strings now."""
    file.seek(0)
    return saved(load_workbook(file))


def rows_in(file: BytesIO, sheet: int = 0) -> list[list[Any]]:
    file.seek(0)
    return [[cell.value for cell in row] for row in load_workbook(file).worksheets[sheet].iter_rows()]


def with_members(file: BytesIO, changes: Mapping[str, bytes | None]) -> BytesIO:
    """The archive with some members replaced, added or (None) taken away."""
    out = BytesIO()
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name not in changes:
                new.writestr(name, old.read(name))
        for name, content in changes.items():
            if content is not None:
                new.writestr(name, content)
    out.seek(0)
    return out
