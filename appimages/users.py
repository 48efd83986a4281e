"""What uses an AppImage: rows of apps above that point at it, found without knowing those apps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from django.db.models import Count

from appimages.models import AppImage, AppImageVersion

_TOLD = 20  # of each kind


def users_of(row: AppImage) -> list[Any]:
    """The newest of each kind of record that points at it, its own versions aside."""
    found: list[Any] = []
    for model, field in _relations():
        found += islice(model._default_manager.filter(**{field: row}).order_by("-pk"), _TOLD)
    return found


def count_users(rows: Iterable[AppImage]) -> dict[int, int]:
    """How many records point at each of them, by id; one query for each kind of record."""
    ids = [row.pk for row in rows]
    found = dict.fromkeys(ids, 0)
    for model, field in _relations():
        pointing = model._default_manager.filter(**{f"{field}__in": ids}).order_by()
        for pk, count in pointing.values_list(field).annotate(count=Count("pk")):
            found[pk] += count
    return found


def _relations() -> Iterator[tuple[Any, str]]:
    """What points at AppImages, and by which field."""
    for relation in AppImage._meta.related_objects:
        if relation.related_model is not AppImageVersion:
            yield relation.related_model, relation.field.name
