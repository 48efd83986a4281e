"""One document of a file: plain dicts and lists, with the line on which each value stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Location = tuple[str | int, ...]  # the keys and positions that lead to a value


@dataclass(frozen=True, slots=True)
class Tree:
    """Texts without quotes are `Plain`."""

    value: Any
    number: int
    lines: dict[Location, int] = field(default_factory=dict)

    def line(self, at: Location) -> int | None:
        """Of the value, or of the nearest one around it that is known."""
        while at and at not in self.lines:
            at = at[:-1]
        return self.lines.get(at)


def path_of(at: Location) -> str:
    """`deployTemplates[0].spec.containers[1].ports[0].protocol`"""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in at)
    return text.removeprefix(".")
