"""Reading what the files of an application were before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import unified_diff
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from builds.models import Application, ApplicationVersion
from builds.services.application_files import version_of
from core.errors import InvalidInput

MOST_LINES = 20_000  # of both together; comparing takes the longer the more there are
_AGAINST = _("The number of a version, for example ?against=1.")


def versions_of(application: Application) -> QuerySet[ApplicationVersion]:
    return application.versions.defer("files").select_related("author").order_by("-number")


def compared_version(application: Application, *, number: int, against: str = "") -> dict[str, Any]:
    """A version with its files and their difference to version `against`, or to the one before it.

    Raises `NotFound`, and `InvalidInput` for what is no number of a version.
    """
    if against and not (against.isascii() and against.isdigit() and len(against) <= 9):
        raise InvalidInput({"against": _AGAINST})
    version = version_of(application, number)
    other = version_of(application, int(against)) if against else None
    before = other or application.versions.filter(number__lt=number).first()
    labels = (f"{application.name} {before.number if before else 0}", f"{application.name} {number}")
    return {
        "number": version.number,
        "revision": version.revision,
        "author": version.author.get_username() if version.author else None,
        "created_at": version.created_at,
        "files": version.files,
        "against": before.number if before else None,
        "diff": difference(before.files, version.files, labels=labels) if before else None,
    }


def difference(before: Mapping[str, str], after: Mapping[str, str], *, labels: tuple[str, str]) -> str | None:
    """A unified diff of all files, empty if nothing changed; None if there is too much to compare."""
    changed = [path for path in sorted({*before, *after}) if before.get(path) != after.get(path)]
    texts = [text for path in changed for text in (before.get(path, ""), after.get(path, ""))]
    if sum(text.count("\n") + 1 for text in texts) > MOST_LINES:
        return None
    return "".join(line for path in changed for line in _of_file(path, before.get(path), after.get(path), labels))


def _of_file(path: str, old: str | None, new: str | None, labels: tuple[str, str]) -> Iterator[str]:
    first, second = (
        "/dev/null" if text is None else f"{label}: {path}" for label, text in zip(labels, (old, new), strict=True)
    )
    lines = list(unified_diff((old or "").splitlines(), (new or "").splitlines(), first, second, lineterm=""))
    if not lines:  # an empty file, or nothing but the end of the last line
        lines = [f"--- {first}", f"+++ {second}"]
    return (f"{line}\n" for line in lines)
