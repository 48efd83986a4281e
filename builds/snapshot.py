"""The one picture of a build that every surface shows: REST, event stream, admin pages, command line."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from builds.failure_texts import describe
from builds.failures import told_code
from builds.models import Build
from core.ages import age_seconds
from core.jobs import JobState
from core.snapshots import failure_picture, job_picture

_NUMBERS: Mapping[str, Any] = {
    "phase": "",
    "percent": 0.0,
    "step": 0,
    "steps": None,
    "timings": [],
    "bytes_total": None,
    "bytes_total_exact": False,
    "bytes_pushed": 0,
    "layers": 0,
    "layers_done": 0,
    "layers_reused": 0,
}


def snapshot(job: Build, *, now: datetime, for_operator: bool) -> dict[str, Any]:
    """JSON-ready. `timings`: what each step took, in seconds; `bytes_…`: of the push, as the engine counts them (not
    compressed); `size`: bytes in the registry; `percent` below 100 until the registry shows the digest; `log_lines`:
    the log has so many by now; `version` grows with every change."""
    running = job.state == JobState.RUNNING
    picture = job_picture(job, now=now, numbers=_NUMBERS, first_phase="preparing")
    return {
        **picture,
        "timings": [{"added": False, **timing} for timing in picture["timings"]],  # older rows do not say it
        "application": {"id": job.application_id, "name": job.application_name},
        "image": job.reference,
        "digest": job.digest,
        "revision": job.revision,
        "size": job.size,
        "source": _source(job),
        "node": {"id": job.node_id, "name": job.node_name} if job.node_name else None,
        "builder": job.builder,
        "trigger": job.trigger,
        "log_lines": job.log_lines,
        "last_word_age_seconds": age_seconds(job.moved_at, now) if running else None,
        "error": error_of(job, for_operator=for_operator),
        "cancelled_by": job.cancelled_by.get_username() if job.cancelled_by else None,
        "retry_of": job.retry_of_id,
    }


def error_of(job: Build, *, for_operator: bool) -> dict[str, Any] | None:
    """`{code, transient, title, cause, advice, evidence}` in the active language, or None. How a git host answered, or
    did not, is for operators: anybody may name any host."""
    if not job.error_code:
        return None
    code = job.error_code if for_operator else told_code(job.error_code)
    evidence = job.error.get("evidence", "") if for_operator or not code.startswith("git_") else ""
    return failure_picture(job, code=code, text=describe(code, job.error.get("params", {})), evidence=evidence)


def _source(job: Build) -> dict[str, Any]:
    """Where the files came from: a version that is kept here, or a repository."""
    if job.git_url:
        return {"version": None, "git_url": job.git_url, "git_branch": job.git_branch, "git_path": job.git_path}
    number = job.files.number if job.files else None
    return {"version": number, "git_url": "", "git_branch": "", "git_path": ""}
