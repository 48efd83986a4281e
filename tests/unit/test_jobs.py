"""The job state machine: every transition is one guarded UPDATE, and final states never move."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from core.jobs import FINAL_STATES, IllegalTransition, JobState
from pulls.models import PullJob
from tests.api import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def job() -> PullJob:
    return PullJob.objects.create(
        node=make.node(), node_name="n", reference="r.example.com/x:1", registry_host="r.example.com", max_attempts=2
    )


def claim(job: PullJob) -> PullJob:
    return PullJob.claim(job.pk, now=timezone.now(), node_slot=0, registry_slot=0)


def test_a_claim_counts_the_attempt_and_fences_with_a_new_token(job: PullJob) -> None:
    first = claim(job)
    assert (first.state, first.attempt, first.node_slot) == (JobState.RUNNING, 1, 0)
    first.requeue(due_at=timezone.now())
    second = claim(job)
    assert second.attempt == 2
    assert second.run_token != first.run_token


def test_a_job_cannot_be_claimed_twice(job: PullJob) -> None:
    claim(job)
    with pytest.raises(IllegalTransition):
        claim(job)


def test_leaving_running_frees_the_slots(job: PullJob) -> None:
    claim(job).succeed(now=timezone.now(), digest="sha256:x")
    job.refresh_from_db()
    assert (job.state, job.node_slot, job.registry_slot, job.run_token) == (JobState.SUCCEEDED, None, None, None)
    assert job.finished_at is not None


def test_a_report_writes_progress_heartbeat_and_version(job: PullJob) -> None:
    held = claim(job)
    before = held.version
    later = timezone.now() + timedelta(seconds=5)
    assert held.report(now=later, progress={"percent": 10.0})
    job.refresh_from_db()
    assert (job.progress, job.heartbeat_at, job.version) == ({"percent": 10.0}, later, before + 1)


@pytest.mark.parametrize("change", ["cancel", "take over", "finish"])
def test_a_report_says_when_the_job_is_no_longer_ours(job: PullJob, change: str) -> None:
    held = claim(job)
    if change == "cancel":
        assert PullJob.cancel(job.pk, now=timezone.now()) == JobState.CANCELLING
    elif change == "take over":
        held.requeue(due_at=timezone.now())
        claim(job)
    else:
        held.succeed(now=timezone.now())
    assert held.report(now=timezone.now(), progress={"percent": 99.0}) is False
    job.refresh_from_db()
    assert job.progress == {}


def test_a_fenced_worker_cannot_finish_what_another_runs(job: PullJob) -> None:
    lost = claim(job)
    assert lost.give_up_worker(now=timezone.now())
    claim(job)
    with pytest.raises(IllegalTransition):
        lost.succeed(now=timezone.now())
    with pytest.raises(IllegalTransition):
        lost.fail(now=timezone.now(), code="unknown", error={})


def test_a_queued_job_is_cancelled_at_once_and_a_running_one_by_its_worker(job: PullJob) -> None:
    other = PullJob.objects.create(node=job.node, node_name="n", reference="r/y:1", registry_host="r")
    assert PullJob.cancel(other.pk, now=timezone.now()) == JobState.CANCELLED
    held = claim(job)
    assert PullJob.cancel(job.pk, now=timezone.now()) == JobState.CANCELLING
    held.acknowledge_cancel(now=timezone.now())
    job.refresh_from_db()
    assert job.state == JobState.CANCELLED


@pytest.mark.parametrize("state", FINAL_STATES)
def test_final_states_never_move(job: PullJob, state: str) -> None:
    PullJob.objects.filter(pk=job.pk).update(state=state)
    with pytest.raises(IllegalTransition) as caught:
        PullJob.cancel(job.pk, now=timezone.now())
    assert caught.value.extra == {"state": state}
    with pytest.raises(IllegalTransition):
        claim(job)


def test_a_silent_worker_is_given_up_until_the_attempts_are_used(job: PullJob) -> None:
    now = timezone.now()
    assert claim(job).give_up_worker(now=now)
    job.refresh_from_db()
    assert (job.state, job.error_code) == (JobState.QUEUED, "worker_lost")
    assert claim(job).give_up_worker(now=now)
    job.refresh_from_db()
    assert (job.state, job.error_code, job.node_slot) == (JobState.FAILED, "worker_lost", None)


def test_a_cancelling_job_whose_worker_is_silent_ends_cancelled(job: PullJob) -> None:
    held = claim(job)
    PullJob.cancel(job.pk, now=timezone.now())
    held.refresh_from_db()
    assert held.give_up_worker(now=timezone.now())
    job.refresh_from_db()
    assert job.state == JobState.CANCELLED


def test_silence_is_measured_by_the_heartbeat(job: PullJob, settings) -> None:
    settings.JOB_STALE_AFTER = 30.0
    claim(job)
    now = timezone.now()
    assert not PullJob.silent(now=now + timedelta(seconds=20)).exists()
    assert PullJob.silent(now=now + timedelta(seconds=40)).exists()


@pytest.mark.django_db(transaction=True)
def test_of_many_simultaneous_claims_one_wins() -> None:
    job = PullJob.objects.create(node=make.node(), node_name="n", reference="r/x:1", registry_host="r")
    start, won, refused = threading.Barrier(8), [], []

    def worker() -> None:
        start.wait()
        try:
            won.append(claim(job).run_token)
        except IllegalTransition:
            refused.append(1)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=worker) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), len(refused)) == (1, 7)
