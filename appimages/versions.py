"""Reading what an AppImage was before."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from appimages.differences import difference
from appimages.models import AppImage, AppImageVersion
from core.errors import InvalidInput, NotFound

_DIGITS = 9  # of the number of a version, at most
_AGAINST = _("The number of a version, for example ?against=1.")


def versions_of(row: AppImage) -> QuerySet[AppImageVersion]:
    return row.versions.defer("document").order_by("-number")


def compared_version(row: AppImage, *, number: int, against: str = "") -> dict[str, Any]:
    """A version with its document and its difference to version `against`, or to the one before it.

    Raises `NotFound`, and `InvalidInput` for what is no number of a version.
    """
    other = _number(against) if against else number - 1
    possible = [one for one in (number, other) if one < 10**_DIGITS]  # SQLite cannot look for others
    found = {version.number: version for version in row.versions.filter(number__in=possible)}
    version, before = found.get(number), found.get(other)
    if version is None or (against and before is None):
        missing = number if version is None else other
        raise NotFound(_("“%(name)s” has no version %(number)s.") % {"name": row.name, "number": missing})
    labels = (f"{row.name} {other}", f"{row.name} {number}")
    return {
        "number": version.number,
        "how": version.how,
        "author_name": version.author_name,
        "created_at": version.created_at,
        "document": version.document,
        "against": before.number if before else None,
        "diff": difference(row.name, before.document, version.document, labels=labels) if before else None,
    }


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        raise InvalidInput({"against": _AGAINST})
    return int(text)
