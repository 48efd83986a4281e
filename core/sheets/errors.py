"""What is wrong with a sheet, in words."""

from __future__ import annotations

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
    """Collects what is wrong with the rows of one sheet; only the first ones are kept in full."""

    def __init__(self) -> None:
        self.count = 0
        self._shown: list[str] = []

    def add(self, row: int, column: Any, rule: Any) -> None:
        """`column` is its header; empty when the row as a whole is meant."""
        self.count += 1
        if len(self._shown) < SHOWN_FAULTS:
            text = _("row %(row)s, %(column)s: %(rule)s") if column else _("row %(row)s: %(rule)s")
            self._shown.append(text % {"row": row, "column": column, "rule": rule})

    def raise_any(self) -> None:
        """Raises `SheetRefused` that names the first faults and counts the others."""
        if not self.count:
            return
        more = self.count - len(self._shown)
        texts = list(self._shown)
        if more:
            texts.append(ngettext("and %(count)s more fault", "and %(count)s more faults", more) % {"count": more})
        raise SheetRefused(_("Nothing was imported. ") + "; ".join(texts))
