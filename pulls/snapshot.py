"""The one picture of a pull that every surface shows: REST, event stream, admin pages, command line."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from core.ages import age_seconds
from core.jobs import JobState
from core.snapshots import failure_picture, job_picture
from pulls.failure_texts import describe
from pulls.models import PullJob

_NUMBERS: Mapping[str, Any] = {
    "phase": "",
    "percent": 0.0,
    "bytes_total": None,
    "bytes_total_exact": False,
    "bytes_downloaded": 0,
    "bytes_extracted": 0,
    "bytes_reused": 0,
    "layers": [],
    "speed_bps": None,
    "eta_seconds": None,
}


def snapshot(job: PullJob, *, now: datetime) -> dict[str, Any]:
    """JSON-ready. Sizes in bytes, `speed_bps` in bytes per second, `eta_range_seconds` [low, high] or null,
    `eta_seconds` its middle, ages and spans by the server's clock, `percent` below 100 until the engine confirms the
    digest, `version` grows with every change."""
    picture = job_picture(job, now=now, numbers=_NUMBERS, first_phase="resolving")
    running = job.state == JobState.RUNNING
    span = picture["eta_seconds"] if running else None
    return {
        **picture,
        "node": {"id": job.node_id, "name": job.node_name},
        "reference": job.reference,
        "source": job.source,
        "source_node": {"id": job.source_node_id, "name": job.source_name} if job.source_name else None,
        "speed_bps": picture["speed_bps"] if running else None,
        "eta_seconds": round(sum(span) / 2) if span else None,
        "eta_range_seconds": span,
        "last_byte_age_seconds": age_seconds(job.last_byte_at, now) if running else None,
        "digest": job.digest,
        "error": error_of(job),
        "next_attempt_in_seconds": _ahead(job.due_at, now) if picture["next_attempt_at"] else None,
    }


def error_of(job: PullJob) -> dict[str, Any] | None:
    """`{code, transient, title, cause, advice, evidence}` in the active language, or None."""
    if not job.error_code:
        return None
    text = describe(job.error_code, job.error.get("params", {}))
    return failure_picture(job, code=job.error_code, text=text, evidence=job.error.get("evidence", ""))


def _ahead(moment: datetime, now: datetime) -> float:
    return round(max((moment - now).total_seconds(), 0.0), 1)
