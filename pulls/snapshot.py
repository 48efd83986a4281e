"""The one picture of a pull that every surface shows: REST, event stream, admin pages, command line."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from core.ages import age_seconds
from core.jobs import ACTIVE_STATES, JobState
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
    numbers = {name: job.progress.get(name, default) for name, default in _NUMBERS.items()}
    running = job.state == JobState.RUNNING
    span = numbers.pop("eta_seconds") if running else None
    if not running:
        numbers["speed_bps"] = None
    if job.state == JobState.QUEUED:
        numbers["phase"] = "waiting"
    elif running:
        numbers["phase"] = numbers["phase"] or "resolving"  # claimed a moment ago
    elif job.state not in ACTIVE_STATES or not numbers["phase"]:
        numbers["phase"] = job.state
    if job.state == JobState.SUCCEEDED:
        numbers["percent"] = 100.0
    retrying = job.state == JobState.QUEUED and job.attempt > 0
    return {
        "id": job.pk,
        "node": {"id": job.node_id, "name": job.node_name},
        "reference": job.reference,
        "source": job.source,
        "source_node": {"id": job.source_node_id, "name": job.source_name} if job.source_name else None,
        "state": job.state,
        **numbers,
        "eta_seconds": round(sum(span) / 2) if span else None,
        "eta_range_seconds": span,
        "last_byte_age_seconds": age_seconds(job.last_byte_at, now) if running else None,
        "attempt": job.attempt,
        "max_attempts": job.max_attempts,
        "digest": job.digest,
        "error": error_of(job),
        "next_attempt_at": _time(job.due_at) if retrying else None,
        "next_attempt_in_seconds": _ahead(job.due_at, now) if retrying else None,
        "running_seconds": age_seconds(job.started_at, job.finished_at or now),
        "requested_by": job.requested_by.get_username() if job.requested_by else None,
        "created_at": _time(job.created_at),
        "started_at": _time(job.started_at),
        "finished_at": _time(job.finished_at),
        "version": job.version,
    }


def error_of(job: PullJob) -> dict[str, Any] | None:
    """`{code, transient, title, cause, advice, evidence}` in the active language, or None."""
    if not job.error_code:
        return None
    text = describe(job.error_code, job.error.get("params", {}))
    return {
        "code": job.error_code,
        "transient": bool(job.error.get("transient")),
        "title": str(text.title),
        "cause": str(text.cause),
        "advice": str(text.advice),
        "evidence": job.error.get("evidence", ""),
    }


def _ahead(moment: datetime, now: datetime) -> float:
    return round(max((moment - now).total_seconds(), 0.0), 1)


def _time(value: datetime | None) -> str | None:
    return value.isoformat().replace("+00:00", "Z") if value else None
