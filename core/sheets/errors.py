"""What is wrong with a sheet, in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core.errors import DomainError

SHOWN_FAULTS = 20
NO_WORKBOOK = gettext_lazy("The file is no Excel workbook, or is damaged. Save it as .xlsx and try again.")


class SheetRefused(DomainError):
    """The file as a whole, or rows of it, cannot be taken. Nothing was stored."""

    code = "invalid_sheet"
    title = gettext_lazy("The sheet cannot be imported")


class CellRefused(Exception):
    """`rule` says what belongs into such a cell."""

    def __init__(self, rule: Any) -> None:
        super().__init__(rule)
        self.rule = rule


class Faults:
    """Collects what is wrong with the rows of a sheet: those with the same fault together, the first faults in full."""

    def __init__(self) -> None:
        self.count = 0
        self._rows: dict[tuple[str, str], list[int]] = {}  # of each column and rule

    def add(self, row: int, column: Any, rule: Any) -> None:
        """`column` is its header; empty when the row as a whole is meant."""
        self.count += 1
        fault = (str(column), str(rule))
        if fault in self._rows or len(self._rows) < SHOWN_FAULTS:
            self._rows.setdefault(fault, []).append(row)

    def raise_any(self) -> None:
        """Raises `SheetRefused` that names the first faults and counts the others."""
        if not self.count:
            return
        texts = [_told(rows, column, rule) for (column, rule), rows in self._rows.items()]
        more = self.count - sum(len(rows) for rows in self._rows.values())
        if more:
            texts.append(ngettext("and %(count)s more fault", "and %(count)s more faults", more) % {"count": more})
        raise SheetRefused(_("Nothing was imported. ") + "; ".join(texts))


def _told(rows: Sequence[int], column: str, rule: str) -> str:
    """One fault in all its rows. The front end shows the text for seconds: nothing is said twice."""
    if len(rows) == 1:
        text = _("row %(row)s, %(column)s: %(rule)s") if column else _("row %(row)s: %(rule)s")
    else:
        text = _("rows %(row)s, %(column)s: %(rule)s") if column else _("rows %(row)s: %(rule)s")
    return text % {"row": spans(rows), "column": column, "rule": rule}


def spans(rows: Iterable[int]) -> str:
    """`2–4, 7` for 2, 3, 4, 7; rising numbers. Of many spans the first ones."""
    found: list[list[int]] = []
    for row in rows:
        if found and row == found[-1][1] + 1:
            found[-1][1] = row
        else:
            found.append([row, row])
    texts = [f"{first}–{last}" if last > first else str(first) for first, last in found[:SHOWN_FAULTS]]
    return ", ".join([*texts, "…"] if len(found) > SHOWN_FAULTS else texts)
