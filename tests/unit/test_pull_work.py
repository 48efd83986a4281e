"""What a worker does with a pull, against the fake engine."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from core.jobs import JobState
from nodes.engine import EngineError
from nodes.models import ComputeNode
from pulls.lanes import claim_next
from pulls.models import PullJob
from pulls.services import request_pulls
from pulls.tools import Tools
from pulls.work import run_pull
from tests.api import make
from tests.support.fake_pulls import Arrive, Break, Fail, Hold, Refuse, Say
from tests.support.fake_registry import FakeImage
from tests.support.one_pull import IMAGE, REFERENCE, REPOSITORY, codes, in_background, wait_for

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_pull_that_succeeded_makes_the_nodes_disk_due(ask: Callable[..., PullJob], tools: Tools) -> None:
    later = timezone.now() + timedelta(minutes=9)
    ComputeNode.objects.update(disk_due_at=later)
    other = make.node(disk_due_at=later)
    job = ask()
    run_pull(job.pk, tools=tools)
    job.refresh_from_db()
    assert job.state == JobState.SUCCEEDED
    due = dict(ComputeNode.objects.values_list("pk", "disk_due_at"))
    assert due[job.node_id] <= timezone.now() and due[other.pk] == later


def test_an_image_arrives_and_the_row_says_what_the_engine_confirmed(ask, tools, engine) -> None:
    job = ask()
    run_pull(job.pk, tools=tools)
    job.refresh_from_db()
    assert (job.state, job.digest, job.attempt) == (JobState.SUCCEEDED, IMAGE.digest, 1)
    assert (job.progress["percent"], job.progress["bytes_downloaded"]) == (100.0, 5_000_000)
    assert engine.find(REFERENCE) is not None
    told = [code for code in codes(job) if code != "downloaded"]  # which only a pull that takes its time tells
    assert told == ["requested", "claimed", "total_unknown", "succeeded"]


def test_a_message_delivered_twice_pulls_once(ask, tools, engine) -> None:
    job = ask()
    run_pull(job.pk, tools=tools)
    run_pull(job.pk, tools=tools)
    assert len(engine.pulls) == 1
    job.refresh_from_db()
    assert job.attempt == 1


def test_a_transient_failure_is_tried_again_later(ask, tools, engine) -> None:
    job = ask()
    engine.script(REFERENCE, Say(status="Pulling from team/app"), Break())
    run_pull(job.pk, tools=tools)
    job.refresh_from_db()
    assert (job.state, job.error_code, job.attempt) == (JobState.QUEUED, "engine_gone", 1)
    assert job.due_at > timezone.now()
    assert (job.node_slot, job.registry_slot) == (None, None)
    run_pull(job.pk, tools=tools)  # too early: nothing happens
    assert len(engine.pulls) == 1
    PullJob.objects.update(due_at=timezone.now())
    run_pull(job.pk, tools=tools)
    job.refresh_from_db()
    assert (job.state, job.attempt, job.error_code) == (JobState.SUCCEEDED, 2, "")


def test_transient_failures_end_when_the_attempts_are_used_up(ask, tools, engine) -> None:
    job = ask()
    for _attempt in range(job.max_attempts):
        engine.script(REFERENCE, Break())
        PullJob.objects.update(due_at=timezone.now())
        run_pull(job.pk, tools=tools)
    job.refresh_from_db()
    assert (job.state, job.error_code, job.attempt) == (JobState.FAILED, "engine_gone", job.max_attempts)
    assert codes(job).count("retry") == job.max_attempts - 1


@pytest.mark.parametrize(
    ("step", "code"),
    [
        (Refuse(404, f"manifest for {REFERENCE} not found: manifest unknown: manifest unknown"), "image_not_found"),
        (Refuse(500, 'Head "http://127.0.0.1:1/v2/": no basic auth credentials'), "registry_credentials_missing"),
        (Fail("write /var/lib/docker/tmp/GetImageBlob1: no space left on device"), "no_space_left"),
    ],
)
def test_a_permanent_failure_ends_at_once_with_cause_and_evidence(ask, tools, engine, step, code) -> None:
    job = ask()
    engine.script(REFERENCE, step)
    run_pull(job.pk, tools=tools)
    job.refresh_from_db()
    assert (job.state, job.error_code, job.attempt) == (JobState.FAILED, code, 1)
    assert job.error["evidence"]
    assert codes(job)[-1] == "failed"


def test_an_unreachable_node_is_a_reason_to_wait(ask, tools, engine) -> None:
    job = ask()
    engine.failure = EngineError("engine_refused", "[Errno 111] Connection refused")
    run_pull(job.pk, tools=tools)
    job.refresh_from_db()
    assert (job.state, job.error_code) == (JobState.QUEUED, "engine_refused")


def test_a_stream_that_ends_well_without_the_image_is_no_success(ask, tools, engine) -> None:
    job = ask()
    told = Say(status=f"Digest: {IMAGE.digest}"), Say(status=f"Status: Downloaded newer image for {REFERENCE}")
    engine.script(REFERENCE, *told)
    run_pull(job.pk, tools=tools)
    job.refresh_from_db()
    assert (job.state, job.error_code) == (JobState.QUEUED, "image_absent_after_pull")
    assert job.progress["percent"] < 100


def test_another_digest_than_the_stream_told_is_no_success(ask, tools, engine) -> None:
    job = ask()
    other = FakeImage.sized(REPOSITORY, "1", [7])
    engine.script(
        REFERENCE, Arrive(other), Say(status=f"Digest: {IMAGE.digest}"), Say(status=f"Status: Downloaded {REFERENCE}")
    )
    run_pull(job.pk, tools=tools)
    job.refresh_from_db()
    assert job.error_code == "digest_mismatch"


def test_an_image_for_another_platform_is_no_success(ask, tools, engine) -> None:
    job = ask()
    engine.platform = "linux/arm64"
    run_pull(job.pk, tools=tools)
    job.refresh_from_db()
    assert (job.state, job.error_code) == (JobState.FAILED, "platform_mismatch")
    assert job.error["params"]["node"] == "linux/arm64"


def test_a_long_interval_between_writes_does_not_make_a_worker_look_dead(ask, tools, engine, settings) -> None:
    """The beat beside silent calls is slower than that, and leaves the version alone."""
    settings.PROGRESS_EVERY, settings.JOB_STALE_AFTER = 600, 3
    job = ask()
    release = threading.Event()
    layer = IMAGE.layers[0]
    moving = Say(status="Downloading", id=layer.short, progressDetail={"current": 1000, "total": layer.size})
    engine.script(REFERENCE, moving, Hold(release), Arrive(IMAGE), Say(status=f"Status: Downloaded {REFERENCE}"))
    worker = in_background(lambda: run_pull(job.pk, tools=tools))
    wait_for(lambda: engine.running_pulls == 1)
    began = PullJob.objects.get(pk=job.pk).version
    wait_for(lambda: PullJob.objects.get(pk=job.pk).version >= began + 3)
    release.set()
    worker.join(60)


def test_a_stalled_stream_ends_the_attempt(ask, tools, engine, settings) -> None:
    settings.STALL_AFTER = 0.6
    job = ask()
    layer = IMAGE.layers[0]
    moving = Say(status="Downloading", id=layer.short, progressDetail={"current": 1000, "total": layer.size})
    engine.script(REFERENCE, moving, Hold(threading.Event()))
    run_pull(job.pk, tools=tools)
    job.refresh_from_db()
    assert (job.state, job.error_code) == (JobState.QUEUED, "stalled")
    assert engine.pulls[0].stopped.is_set()


def test_a_pull_that_waits_for_another_on_the_same_node_is_not_stalled(ask, tools, engine, settings) -> None:
    settings.STALL_AFTER = 0.6
    job = ask()
    release = threading.Event()
    waiting = [Say(status="Waiting", id=layer.short) for layer in IMAGE.layers]
    told = Say(status=f"Digest: {IMAGE.digest}"), Say(status=f"Status: Downloaded {REFERENCE}")
    engine.script(REFERENCE, *waiting, Hold(release), Arrive(IMAGE), *told)
    PullJob.objects.create(
        node=job.node, node_name="n1", reference="r/busy:1", registry_host="r", state=JobState.RUNNING,
        moved_at=timezone.now() + timedelta(hours=1), node_slot=1, registry_slot=1,
    )  # fmt: skip
    worker = in_background(lambda: run_pull(job.pk, tools=tools))
    judged: set[Any] = set()

    def was_judged_and_went_on() -> bool:
        row = PullJob.objects.get(pk=job.pk)
        if row.moved_at is not None and (row.heartbeat_at - row.moved_at).total_seconds() > 1:
            judged.add(row.version)
        return len(judged) > 2

    wait_for(was_judged_and_went_on)
    release.set()
    worker.join(60)
    job.refresh_from_db()
    assert (job.state, job.attempt) == (JobState.SUCCEEDED, 1)


def test_a_worker_that_shuts_down_gives_the_job_back_without_using_up_an_attempt(ask, tools, engine) -> None:
    job = ask()
    stop = threading.Event()
    engine.script(REFERENCE, Say(status="Pulling from team/app"), Hold(threading.Event()))
    leaving = Tools(**{name: getattr(tools, name) for name in Tools.__slots__} | {"interrupted": stop.is_set})
    worker = in_background(lambda: run_pull(job.pk, tools=leaving))
    wait_for(lambda: engine.running_pulls == 1)
    stop.set()
    worker.join(60)
    job.refresh_from_db()
    assert (job.state, job.attempt) == (JobState.QUEUED, 0)
    assert engine.pulls[0].stopped.is_set()
    run_pull(job.pk, tools=tools)
    job.refresh_from_db()
    assert (job.state, job.attempt) == (JobState.SUCCEEDED, 1)


def test_a_worker_that_was_given_up_changes_nothing_any_more(ask, tools, engine) -> None:
    job = ask()
    release = threading.Event()
    engine.script(REFERENCE, Say(status="Pulling from team/app"), Hold(release))
    lost = in_background(lambda: run_pull(job.pk, tools=tools))
    wait_for(lambda: engine.running_pulls == 1)
    assert PullJob.objects.get(pk=job.pk).give_up_worker(now=timezone.now())
    second = claim_next(hint=job.pk, now=timezone.now())
    assert second is not None
    lost.join(60)
    release.set()
    job.refresh_from_db()
    assert (job.state, job.attempt, job.run_token) == (JobState.RUNNING, 2, second.run_token)


def test_what_is_no_longer_listed_is_not_pulled_for_ordinary_users(tools, engine, django_user_model) -> None:
    user = django_user_model.objects.create_user("ulrich")
    node, entry = make.node(), make.image(address=REFERENCE)
    [(_node, job)] = request_pulls(user=user, nodes=[node.pk], image=entry.pk)
    entry.is_listed = False
    entry.save()
    run_pull(job.pk, tools=tools)
    job.refresh_from_db()
    assert (job.state, job.error_code) == (JobState.FAILED, "image_not_listed")
    assert engine.pulls == []


def test_credentials_go_with_the_request_and_only_to_their_host(ask, tools, engine) -> None:
    make.registry(endpoint="127.0.0.1:1", username="puller", password="pull-s3cret")
    make.registry(endpoint="other.example.com", username="wrong", password="wrong")
    engine.registry.logins["127.0.0.1:1"] = ("puller", "pull-s3cret")
    job = ask()
    run_pull(job.pk, tools=tools)
    job.refresh_from_db()
    assert job.state == JobState.SUCCEEDED
    assert engine.pulls[0].auth is not None
    assert engine.pulls[0].auth.username == "puller"


def test_a_bug_ends_the_job_with_a_number_and_keeps_the_details_in_the_log(ask, tools, engine, caplog) -> None:
    def explode(_endpoint: Any) -> Any:
        raise ValueError("hidden detail")

    job = ask()
    broken = Tools(**{name: getattr(tools, name) for name in Tools.__slots__} | {"connect": explode})
    run_pull(job.pk, tools=broken)
    job.refresh_from_db()
    assert job.error_code == "internal_error"
    assert "hidden detail" not in str(job.error)
    assert job.error["evidence"] in caplog.text


def test_the_next_attempt_starts_without_what_the_last_one_knew(ask, tools, engine) -> None:
    job = ask()
    engine.script(REFERENCE, Say(status="Pulling from team/app"), Break())
    run_pull(job.pk, tools=tools)
    assert PullJob.objects.get(pk=job.pk).moved_at is not None
    PullJob.objects.update(due_at=timezone.now())
    claimed = claim_next(hint=job.pk, now=timezone.now())
    assert claimed is not None
    assert (claimed.moved_at, claimed.last_byte_at, claimed.bytes_total, claimed.digest) == (None, None, None, "")
    assert claimed.progress == {"phase": "resolving", "percent": 0.0}


def test_an_image_that_the_nodes_processor_also_runs_is_right(ask, tools, engine) -> None:
    job = ask()
    image = FakeImage(REPOSITORY, "1", IMAGE.layers, platform="linux/386")
    engine.registry.add(image)
    run_pull(job.pk, tools=tools)
    job.refresh_from_db()
    assert (job.state, job.error_code) == (JobState.SUCCEEDED, "")


def test_what_an_operator_asked_for_is_pulled_after_the_account_is_gone_and_a_users_is_not(
    tools, engine, people, django_user_model
) -> None:
    user, node = django_user_model.objects.create_user("ulrich"), make.node(name="n1")
    entry = make.image(address=REFERENCE)
    [(_n, mine)] = request_pulls(user=user, nodes=[node.pk], image=entry.pk)
    entry.is_listed = False
    entry.save()
    user.delete()
    run_pull(mine.pk, tools=tools)
    mine.refresh_from_db()
    assert mine.error_code == "image_not_listed"
    [(_n, theirs)] = request_pulls(user=people, nodes=[node.pk], image=entry.pk)
    people.delete()
    run_pull(theirs.pk, tools=tools)
    theirs.refresh_from_db()
    assert theirs.state == JobState.SUCCEEDED
