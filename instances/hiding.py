"""Words without secrets."""

from __future__ import annotations

from collections.abc import Iterable

from core.fields import MASK

_SHORTEST = 6  # letters; less is a part of other words


def without(text: str, secrets: Iterable[str]) -> str:
    """A text without these values and their lines, as far as they are no part of usual words."""
    parts = {part.strip() for value in secrets for part in (value, *value.splitlines())}
    for part in sorted((part for part in parts if len(part) >= _SHORTEST), key=len, reverse=True):
        text = text.replace(part, MASK)
    return text
