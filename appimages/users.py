"""What uses an AppImage: rows of apps above that point at it, found without knowing those apps."""

from __future__ import annotations

from itertools import islice
from typing import Any

from appimages.models import AppImage, AppImageVersion

_TOLD = 20  # of each kind


def users_of(row: AppImage) -> list[Any]:
    """The newest of each kind of record that points at it, its own versions aside."""
    found: list[Any] = []
    for relation in row._meta.related_objects:
        if relation.related_model is not AppImageVersion:
            pointing = relation.related_model._default_manager.filter(**{relation.field.name: row})
            found += islice(pointing.order_by("-pk"), _TOLD)
    return found
