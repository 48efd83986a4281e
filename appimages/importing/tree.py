"""One document of a file: plain dicts and lists, with the line on which each value stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from appimages.schema import Location


@dataclass(frozen=True, slots=True)
class Tree:
    """Texts without quotes are `Plain`: what they are is decided by whoever knows what is wanted there."""

    value: Any
    number: int
    lines: dict[Location, int] = field(default_factory=dict)

    def line(self, at: Location) -> int | None:
        """Of the value, or of the nearest one around it that is known."""
        while at and at not in self.lines:
            at = at[:-1]
        return self.lines.get(at)
