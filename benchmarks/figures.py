"""Quantiles, and how they are printed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from statistics import median

__all__ = ["load", "median", "quantile", "spread"]


def quantile(values: Sequence[float], part: float) -> float:
    """The smallest value that is not below `part` of all (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(-(-len(ordered) * round(part * 1000) // 1000), 1) - 1]


def spread(values: Sequence[float], unit: str = "s", *, scale: float = 1.0) -> str:
    """ "n=20 min 0.10 median 0.12 p95 0.20 max 0.31 s"; values are multiplied by `scale`."""
    found = {
        "min": min(values),
        "median": median(values),
        "p95": quantile(values, 0.95),
        "p99": quantile(values, 0.99),
        "max": max(values),
    }
    return f"n={len(values)} " + " ".join(f"{name} {value * scale:.3f}" for name, value in found.items()) + f" {unit}"


def load() -> str:
    """The machine's load averages: others may work here, too."""
    return "load average " + " ".join(f"{value:.1f}" for value in os.getloadavg())
