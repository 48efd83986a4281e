"""Many AppImages at once: bounded queries and bounded answers, whatever is asked for."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator
from typing import Any

from django.db import connection
from django.db.models import F
from django.db.models.functions import Collate, Length
from django.utils.translation import gettext as _

from appimages.kuscia.answering import app_image_view
from appimages.kuscia.refusals import BATCH_QUERY_FAILED, LIST_FAILED, MISSING, not_found_text
from appimages.models import AppImage
from appimages.names import is_name
from core.dialects.kuscia import Refusal

USUAL_PAGE = 10
MOST_NAMES = 5000
LARGEST_ANSWER = 64 * 1024 * 1024  # characters of documents; a list goes on with the next page
_ANY_NUMBER = 10**6  # more rows than there are, and less than a database counts
_CHUNK = 500  # names that one query asks for
_TOKEN = b"after:"


def several(names: list[str]) -> list[dict[str, Any]]:
    """The AppImages in this order. The first missing one fails the call, as in Kuscia, which asks one by one."""
    found: dict[str, Any] = {}
    size = 0
    for some in _chunks(dict.fromkeys(names)):
        rows = AppImage.objects.annotate(size=Length("document")).filter(name__in=filter(is_name, some))
        for row in rows.only("name", "document"):
            found[row.name] = app_image_view(row.name, row.document)
            size += row.size
        if missing := next((name for name in some if name not in found), None):
            raise Refusal(MISSING, f"can't get appimage for {missing}, err: {not_found_text(missing)}")
        if size * len(names) // len(found) > LARGEST_ANSWER:
            raise Refusal(BATCH_QUERY_FAILED, _("The answer would be too large: ask for fewer names at once."))
    return [found[name] for name in names]


def page(*, size: int, token: str) -> dict[str, Any]:
    """Sorted by the bytes of the name, as Kubernetes' store is. A negative size means all, as it does there."""
    rows = AppImage.objects.annotate(place=_by_bytes()).order_by("place")
    if token:
        rows = rows.filter(place__gt=_name_in(token))
    limit = min(size or USUAL_PAGE, _ANY_NUMBER) if size >= 0 else None
    found = list(rows.values_list("name", flat=True)[: limit and limit + 1])
    names = _fitting(found[:limit])
    documents: dict[str, Any] = {}
    for some in _chunks(names):
        documents.update(AppImage.objects.filter(name__in=some).values_list("name", "document"))
    views = [app_image_view(name, documents[name]) for name in names if name in documents]
    return {"appimage_list": views, "next_page_token": _token_after(names[-1]) if len(names) < len(found) else ""}


def _by_bytes() -> Any:
    """SQLite compares bytes by itself; PostgreSQL may have been set up for a language."""
    return Collate("name", "C") if connection.vendor == "postgresql" else F("name")


def _fitting(wanted: list[str]) -> list[str]:
    """As many of the names as have documents that fit into one answer; at least one."""
    names: list[str] = []
    room = LARGEST_ANSWER
    for some in _chunks(wanted):
        sizes = dict(AppImage.objects.filter(name__in=some).values_list("name", Length("document")))
        for name in some:
            room -= sizes.get(name, 0)
            if names and room < 0:
                return names
            names.append(name)
    return names


def _token_after(name: str) -> str:
    return base64.urlsafe_b64encode(_TOKEN + name.encode()).decode()


def _name_in(token: str) -> str:
    try:
        text = base64.urlsafe_b64decode(token.encode("ascii", "replace"))
    except (binascii.Error, ValueError):
        text = b""
    name = text.removeprefix(_TOKEN).decode("ascii", "replace")
    if not text.startswith(_TOKEN) or not is_name(name):
        raise Refusal(LIST_FAILED, "The provided continue parameter is not valid: it is no page token of this server")
    return name


def _chunks(names: Iterable[str]) -> Iterator[list[str]]:
    rest = list(names)
    for start in range(0, len(rest), _CHUNK):
        yield rest[start : start + _CHUNK]
