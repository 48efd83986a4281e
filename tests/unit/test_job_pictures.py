"""What is shown of every job, whatever its kind."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from core.jobs import JobState
from core.snapshots import failure_picture, job_picture
from pulls.failure_texts import describe
from pulls.models import PullJob

NOW = timezone.now()
NUMBERS = {"phase": "", "percent": 0.0, "layers": None}


def shown(state: str, **values: Any) -> dict[str, Any]:
    return job_picture(PullJob(state=state, **values), now=NOW, numbers=NUMBERS, first_phase="looking")


@pytest.mark.parametrize(
    ("state", "reported", "phase"),
    [
        (JobState.QUEUED, "", "waiting"),
        (JobState.QUEUED, "moving", "waiting"),  # it will begin anew
        (JobState.RUNNING, "", "looking"),
        (JobState.RUNNING, "moving", "moving"),
        (JobState.CANCELLING, "", "cancelling"),
        (JobState.CANCELLING, "moving", "moving"),
        (JobState.SUCCEEDED, "moving", "succeeded"),
        (JobState.FAILED, "moving", "failed"),
        (JobState.CANCELLED, "moving", "cancelled"),
    ],
)
def test_the_phase(state: str, reported: str, phase: str) -> None:
    assert shown(state, progress={"phase": reported})["phase"] == phase


def test_what_was_not_reported_has_its_stand_in_and_nothing_else_is_shown() -> None:
    picture = shown(JobState.RUNNING, progress={"percent": 41.5, "secret": 1})
    assert (picture["percent"], picture["layers"]) == (41.5, None) and "secret" not in picture
    assert shown(JobState.SUCCEEDED, progress={"percent": 99.0})["percent"] == 100.0


def test_the_next_attempt_is_told_after_the_first() -> None:
    due = NOW + timedelta(seconds=30)
    assert shown(JobState.QUEUED, due_at=due)["next_attempt_at"] is None
    assert shown(JobState.RUNNING, due_at=due, attempt=1)["next_attempt_at"] is None
    assert shown(JobState.QUEUED, due_at=due, attempt=1)["next_attempt_at"] == due.isoformat().replace("+00:00", "Z")


def test_it_has_taken_as_long_as_it_ran() -> None:
    begun = NOW - timedelta(seconds=60)
    assert shown(JobState.QUEUED)["running_seconds"] is None
    assert shown(JobState.RUNNING, started_at=begun)["running_seconds"] == 60.0
    ended = shown(JobState.FAILED, started_at=begun, finished_at=begun + timedelta(seconds=5))
    assert ended["running_seconds"] == 5.0


def test_a_failure_is_told_in_words() -> None:
    job = PullJob(error={"transient": True})
    told = failure_picture(job, code="worker_lost", text=describe("worker_lost"), evidence="x")
    assert told == {
        "code": "worker_lost",
        "transient": True,
        "title": describe("worker_lost").title,
        "cause": describe("worker_lost").cause,
        "advice": describe("worker_lost").advice,
        "evidence": "x",
    }
    assert not failure_picture(PullJob(), code="x", text=describe("x"), evidence="")["transient"]
