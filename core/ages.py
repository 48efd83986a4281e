"""How long ago something was, as snapshots tell it: browsers' clocks may be wrong."""

from __future__ import annotations

from datetime import datetime


def age_seconds(since: datetime | None, now: datetime) -> float | None:
    return None if since is None else round(max((now - since).total_seconds(), 0.0), 1)
