"""What the pictures of all jobs have in common: state, progress, times and failure. Each kind adds what is its own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from core.ages import age_seconds
from core.failure_texts import FailureText
from core.jobs import ACTIVE_STATES, Job, JobState


def job_picture(job: Job, *, now: datetime, numbers: Mapping[str, Any], first_phase: str) -> dict[str, Any]:
    """JSON-ready. `numbers`: what is shown of the progress, each with what stands for one that was not reported yet;
    `first_phase`: that of a job which was claimed a moment ago."""
    progress = {name: job.progress.get(name, default) for name, default in numbers.items()}
    retrying = job.state == JobState.QUEUED and job.attempt > 0
    return {
        "id": job.pk,
        "state": job.state,
        **progress,
        "phase": _phase(job, progress["phase"], first_phase),
        "percent": 100.0 if job.state == JobState.SUCCEEDED else progress["percent"],
        "attempt": job.attempt,
        "max_attempts": job.max_attempts,
        "next_attempt_at": _time(job.due_at) if retrying else None,
        "running_seconds": age_seconds(job.started_at, job.finished_at or now),
        "requested_by": job.requested_by.get_username() if job.requested_by else None,
        "created_at": _time(job.created_at),
        "started_at": _time(job.started_at),
        "finished_at": _time(job.finished_at),
        "version": job.version,
    }


def failure_picture(job: Job, *, code: str, text: FailureText, evidence: str) -> dict[str, Any]:
    """`{code, transient, title, cause, advice, evidence}`: why a job failed the last time."""
    return {
        "code": code,
        "transient": bool(job.error.get("transient")),
        "title": str(text.title),
        "cause": str(text.cause),
        "advice": str(text.advice),
        "evidence": evidence,
    }


def _phase(job: Job, reported: str, first: str) -> str:
    if job.state == JobState.QUEUED:
        return "waiting"
    if job.state == JobState.RUNNING:
        return reported or first
    return reported if job.state in ACTIVE_STATES and reported else str(job.state)


def _time(value: datetime | None) -> str | None:
    return value.isoformat().replace("+00:00", "Z") if value else None
