"""Sizes as people read them. Pure."""

from __future__ import annotations


def human_bytes(count: float | None) -> str:
    """Decimal units, as registries and disks count: 1.2 GB = 1,200,000,000 bytes."""
    if count is None:
        return "?"
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
