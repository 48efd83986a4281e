"""What changed from one document of an AppImage to another, as people read it: line by line, in YAML. Pure."""

from __future__ import annotations

from difflib import unified_diff

from appimages.exporting import export_yaml
from appimages.schema import Document

MOST_LINES = 20_000  # of both together; comparing takes the longer the more there are


def difference(name: str, before: Document, after: Document, *, labels: tuple[str, str]) -> str | None:
    """A unified diff, empty if nothing changed; None if there is too much to compare."""
    old, new = (export_yaml([(name, document)]).splitlines() for document in (before, after))
    if len(old) + len(new) > MOST_LINES:
        return None
    return "".join(f"{line}\n" for line in unified_diff(old, new, *labels, lineterm=""))
