"""What a worker does with a build, against the fake engine."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.utils import timezone, translation

from builds.lanes import claim_next
from builds.log_buffer import size_of
from builds.models import Application, Build, LogChunk
from builds.services.builds import cancel_build, request_build, retry_build
from builds.snapshot import snapshot
from builds.work import run_build
from core.jobs import JobState
from nodes.engine import BUILDKIT, EngineError
from nodes.models import ComputeNode
from pulls.tools import Tools
from tests.api import make
from tests.support.fake_builds import TakeContext
from tests.support.fake_engine import FakeEngine
from tests.support.fake_pulls import Break, Fail, Hold, Refuse, Say
from tests.support.fake_registry import FakeImage
from tests.support.one_build import (
    BASE,
    DOCKERFILE,
    FILES,
    HOST,
    add_version,
    application,
    builder,
    kinds,
    lines,
    secret,
    target_registry,
    texts,
)
from tests.support.one_pull import in_background, wait_for

pytestmark = pytest.mark.django_db(transaction=True)
CANARY = "c4n4ry-S3cret"


@pytest.fixture(autouse=True)
def _english() -> Any:
    with translation.override("en"):
        yield


@pytest.fixture
def built(people: Any, engine: FakeEngine) -> Callable[..., Build]:
    """`built()`: a build that waits."""
    engine.registry.add(BASE)
    builder()

    def ask(user: Any = None, **values: Any) -> Build:
        owner = user or people
        return request_build(user=owner, application=application(owner, **values).pk)

    return ask


def run(job: Build, tools: Tools) -> Build:
    Build.objects.filter(pk=job.pk).update(due_at=timezone.now())
    run_build(job.pk, tools=tools)
    job.refresh_from_db()
    return job


def test_an_image_is_published_and_the_row_says_what_the_registry_shows(built, tools, engine) -> None:
    job = run(built(), tools)
    revision = job.files.revision
    reference = f"{HOST}/team/notebook:3.11-{revision}"
    assert (job.state, job.reference, job.revision) == (JobState.SUCCEEDED, reference, revision), texts(job)
    image = engine.registry.find(f"{HOST}/team/notebook", f"3.11-{revision}")
    assert image is not None and job.digest == image.digest
    labels = {key.rpartition(".")[2]: value for key, value in engine.find(reference).labels.items()}
    assert labels["revision"] == revision and labels["title"] == job.application_name
    assert labels["source"].endswith(f":application:{job.application_id}:1") and labels["created"].endswith("Z")
    shot = snapshot(job, now=timezone.now(), for_operator=False)
    assert (shot["percent"], shot["steps"], shot["phase"]) == (100.0, 8, "succeeded")
    assert {timing["state"] for timing in shot["timings"]} == {"done"}
    assert [line[3] for line in lines(job) if line[2] == "output"] == ["installing", "done"]
    assert kinds(job).count("step") == 7  # one more, for all labels, is a note of ours
    assert job.log_lines == len(lines(job)) and job.node_slot is None
    assert engine.find(reference) is not None  # it stays on the node


@pytest.mark.parametrize("spelling", ["BASE_REGISTRY", "BASE_REGISTORY"])
def test_a_dockerfile_gets_the_arguments_that_it_asks_for_in_either_spelling(built, tools, engine, spelling) -> None:
    run(built(files={"Dockerfile": DOCKERFILE.replace("BASE_REGISTRY", spelling), "requirements.txt": ""}), tools)
    assert engine.builds.all[0].spec.arguments == {
        spelling: HOST, "BASE_NAMESPACE": "base", "BASE_IMAGE": "notebook", "BASE_TAG": "3.11",
    }  # fmt: skip


def test_a_message_delivered_twice_builds_once(built, tools, engine) -> None:
    job = run(built(), tools)
    run_build(job.pk, tools=tools)
    assert len(engine.builds.all) == 1


def test_what_was_built_before_is_not_built_again(built, people, tools, engine) -> None:
    first = run(built(), tools)
    second = run(request_build(user=people, application=first.application_id), tools)
    assert (second.state, second.digest) == (JobState.SUCCEEDED, first.digest)
    assert len(engine.builds.all) == 1 and len(engine.pushes.all) == 1
    assert "already" in texts(second)


def test_a_tag_that_somebody_else_took_is_refused_before_anything_is_built(built, tools, engine) -> None:
    job = built()
    other = FakeImage.sized(f"{HOST}/team/notebook", f"3.11-{job.files.revision}", [7])
    engine.registry.add(other)
    run(job, tools)
    assert (job.state, job.error_code, job.attempt) == (JobState.FAILED, "tag_taken", 1)
    assert other.digest in snapshot(job, now=timezone.now(), for_operator=False)["error"]["cause"]
    assert not engine.builds.all


def test_a_tag_that_is_taken_while_the_build_goes_on_does_not_move(built, tools, engine) -> None:
    job, release = built(), threading.Event()
    name = f"{HOST}/team/notebook:3.11-{job.files.revision}"
    end = Say(aux={"ID": "sha256:1"}), Say(stream="Successfully built 0123456789ab\n")
    engine.builds.script(TakeContext(), Say(stream="Step 1/1 : FROM x"), Hold(release), *end)
    worker = in_background(lambda: run_build(job.pk, tools=tools))
    wait_for(lambda: engine.builds.running == 1)
    other = FakeImage.sized(f"{HOST}/team/notebook", f"3.11-{job.files.revision}", [7])
    engine.registry.add(other)
    engine.name_image(name, BASE)
    release.set()
    worker.join(60)
    job.refresh_from_db()
    assert (job.state, job.error_code) == (JobState.FAILED, "tag_taken")
    assert not engine.pushes.all


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({"Dockerfile": "FRMO x\n"}, "dockerfile_invalid"),
        ({"Dockerfile": "ARG A=1\n"}, "dockerfile_invalid"),
        ({"Dockerfile": DOCKERFILE.replace("echo done", "exit 3")}, "build_step_failed"),
        ({"Dockerfile": f"FROM {HOST}/base/nosuch:1\n"}, "base_image_missing"),
        ({"Dockerfile": DOCKERFILE, "big": "x" * 999_999, "big2": "x" * 999_999}, "context_too_large"),
    ],
)
def test_what_is_wrong_with_the_files_ends_the_build_at_once(built, tools, engine, settings, files, code) -> None:
    settings.BUILD_CONTEXT_MAX_BYTES = 1_500_000
    job = run(built(files=files), tools)
    assert (job.state, job.error_code, job.attempt) == (JobState.FAILED, code, 1), texts(job)
    assert not engine.pushes.all and job.digest == ""
    assert lines(job)[-1][2] == "note" and lines(job)[-1][3].startswith("Failed: ")


def test_the_failed_step_is_named_with_its_command(built, tools) -> None:
    job = run(built(files={"Dockerfile": DOCKERFILE.replace("echo done", "exit 3"), "requirements.txt": ""}), tools)
    assert job.error["params"]["exit"] == "3" and "exit 3" in job.error["params"]["command"]
    assert snapshot(job, now=timezone.now(), for_operator=False)["timings"][-1]["state"] == "failed"


def test_a_private_base_is_pulled_with_the_login_of_its_registry_and_its_push_too(built, tools, engine) -> None:
    target_registry(username="pusher", password="push-s3cret")
    engine.registry.logins[HOST] = ("pusher", "push-s3cret")
    job = run(built(), tools)
    assert job.state == JobState.SUCCEEDED, texts(job)
    assert engine.builds.all[0].spec.auths[HOST].username == "pusher"
    assert engine.pushes.all[0].auth.username == "pusher"


def test_users_get_a_login_for_listed_bases_only(built, tools, engine, ulrich) -> None:
    target_registry(username="pusher", password="push-s3cret")
    job = run(built(ulrich), tools)
    assert not engine.builds.all[0].spec.auths and engine.builds.all[0].spec.pull
    assert HOST in next(line[3] for line in lines(job) if "login" in str(line[3]))
    make.image(address=BASE.reference)
    hidden = {"Dockerfile": DOCKERFILE + f"COPY --from={HOST}/base/secret:1 /x /x\n", "requirements.txt": ""}
    run(built(ulrich, files=hidden), tools)
    assert not engine.builds.all[-1].spec.auths  # the unlisted image would get it as well
    run(built(ulrich, files={**FILES, "other": ""}), tools)
    assert engine.builds.all[-1].spec.auths[HOST].username == "pusher"
    assert not engine.builds.all[-1].spec.pull


@pytest.mark.parametrize(
    "hiding", ['RUN echo "x <<EOF y"', "RUN true \\\n <<EOF", "COPY --fr''om=x / /", "RUN cat <\\\n<EOF"]
)
def test_what_we_may_misread_gets_no_login(built, tools, engine, ulrich, hiding) -> None:
    target_registry(username="pusher", password="push-s3cret")
    make.image(address=BASE.reference)
    engine.builds.script(TakeContext(), Fail("x"))
    text = f"{DOCKERFILE}{hiding}\nFROM {HOST}/base/secret:1\n"
    job = run(built(ulrich, files={"Dockerfile": text, "requirements.txt": ""}), tools)
    assert not engine.builds.all[0].spec.auths and engine.builds.all[0].spec.pull
    assert "cannot be told for certain" in texts(job)


def test_an_operator_who_asks_for_it_lends_no_trust_to_a_users_dockerfile(built, people, tools, engine, ulrich) -> None:
    target_registry(username="pusher", password="push-s3cret")
    text = DOCKERFILE.replace("echo done", "exit 3") + f"COPY --from={HOST}/base/secret:1 /x /x\n"
    first = run(built(ulrich, files={"Dockerfile": text, "requirements.txt": ""}), tools)
    assert first.state == JobState.FAILED
    again = run(retry_build(user=people, build=first.pk), tools)
    asked = run(request_build(user=people, application=first.application_id), tools)
    assert again.as_operator and asked.as_operator and len(engine.builds.all) == 3
    assert not any(build.spec.auths for build in engine.builds.all)
    assert all(build.spec.pull for build in engine.builds.all)
    Application.objects.filter(pk=first.application_id).update(owner=None)
    run(request_build(user=people, application=first.application_id), tools)
    assert not engine.builds.all[3].spec.auths


def test_a_registry_that_refuses_the_push_publishes_nothing(built, tools, engine) -> None:
    engine.pushes.script(Say(status="Preparing", id="aaaaaaaaaaaa"), Fail("denied: requested access is denied"))
    job = run(built(), tools)
    assert (job.state, job.error_code, job.attempt, job.digest) == (JobState.FAILED, "push_denied", 1, "")
    assert job.image_id  # what was built stays on the node, for a retry


@pytest.mark.parametrize("shown", ["nothing", "another"])
def test_another_digest_in_the_registry_is_no_success(built, tools, engine, shown) -> None:
    job, release, digest = built(), threading.Event(), "sha256:" + "1" * 64
    engine.pushes.script(Hold(release), Say(status=f"x: digest: {digest} size: 1"))
    worker = in_background(lambda: run_build(job.pk, tools=tools))
    wait_for(lambda: engine.pushes.all)
    if shown == "another":
        engine.registry.add(FakeImage.sized(f"{HOST}/team/notebook", f"3.11-{job.files.revision}", [7]))
    release.set()
    worker.join(60)
    job.refresh_from_db()
    assert (job.state, job.error_code, job.digest) == (JobState.QUEUED, "push_mismatch", "")
    assert digest in job.error["evidence"]
    assert job.progress["percent"] < 100


def test_troubles_that_pass_are_tried_again_and_the_log_goes_on(built, tools, engine) -> None:
    job = built()
    engine.builds.script(TakeContext(), Say(stream="Step 1/2 : FROM x"), Say(stream="\n"), Break())
    run(job, tools)
    assert (job.state, job.error_code, job.attempt, job.node_slot) == (JobState.QUEUED, "engine_gone", 1, None)
    before = job.log_lines
    run(job, tools)
    assert (job.state, job.attempt, job.error_code) == (JobState.SUCCEEDED, 2, "")
    assert job.log_lines > before == LogChunk.objects.filter(build=job, attempt=2).order_by("first").first().first
    assert "Attempt 2" in texts(job)


def test_the_limit_of_the_log_is_that_of_all_attempts(built, tools, engine, settings) -> None:
    settings.BUILD_LOG_MAX_BYTES, settings.BUILD_MAX_ATTEMPTS = 2_000, 6
    job = built()
    said = [Say(stream=f"line {number:040}\n") for number in range(100)]
    for _attempt in range(5):
        engine.builds.script(TakeContext(), Say(stream="Step 1/2 : FROM x\n"), *said, Break())
        assert run(job, tools).state == JobState.QUEUED
    assert sum(size_of(chunk.lines) for chunk in LogChunk.objects.filter(build=job)) <= 3_000


def test_attempts_end(built, tools, engine, settings) -> None:
    settings.BUILD_MAX_ATTEMPTS = 2
    job = built()
    engine.failure = EngineError("engine_refused", "[Errno 111] Connection refused")
    run(job, tools)
    assert (job.state, job.error_code) == (JobState.QUEUED, "engine_refused")
    run(job, tools)
    assert (job.state, job.error_code, job.attempt) == (JobState.FAILED, "engine_refused", 2)


@pytest.mark.parametrize("during", ["build", "push"])
def test_a_cancelled_build_stops_on_the_engine(built, people, tools, engine, during) -> None:
    job, never = built(), threading.Event()
    if during == "build":
        engine.builds.script(TakeContext(), Say(stream="Step 1/1 : RUN sleep"), Say(stream="\n"), Hold(never))
    else:
        engine.pushes.script(Say(status="Pushing", id="aaaaaaaaaaaa"), Hold(never))
    worker = in_background(lambda: run_build(job.pk, tools=tools))
    at_work = engine.builds.all if during == "build" else engine.pushes.all
    wait_for(lambda: at_work and Build.objects.get(pk=job.pk).progress.get("phase", "").startswith(during))
    assert cancel_build(user=people, build=job.pk).state == JobState.CANCELLING
    worker.join(60)
    job.refresh_from_db()
    assert (job.state, job.node_slot, job.digest) == (JobState.CANCELLED, None, "")
    assert at_work[0].stopped.is_set() and not at_work[0].completed
    assert lines(job)[-1][3].startswith("Cancelled")
    assert cancel_build(user=people, build=job.pk).state == JobState.CANCELLED  # a second click


def test_a_silent_engine_ends_the_attempt(built, tools, engine, settings) -> None:
    settings.BUILD_STALL_AFTER = 0.3
    engine.builds.script(TakeContext(), Say(stream="Step 1/1 : RUN sleep"), Say(stream="\n"), Hold(threading.Event()))
    job = run(built(), tools)
    assert (job.state, job.error_code) == (JobState.QUEUED, "build_stalled")
    assert engine.builds.all[0].stopped.is_set()


def test_a_worker_that_shuts_down_gives_the_build_back(built, tools, engine) -> None:
    job, stop = built(), threading.Event()
    engine.builds.script(TakeContext(), Hold(threading.Event()))
    leaving = replace(tools, interrupted=stop.is_set)
    worker = in_background(lambda: run_build(job.pk, tools=leaving))
    wait_for(lambda: engine.builds.running == 1)
    stop.set()
    worker.join(60)
    job.refresh_from_db()
    assert (job.state, job.attempt) == (JobState.QUEUED, 0)
    assert run(job, tools).state == JobState.SUCCEEDED


def test_a_worker_that_was_given_up_changes_nothing_any_more(built, tools, engine) -> None:
    job, release = built(), threading.Event()
    engine.builds.script(TakeContext(), Say(stream="Step 1/1 : RUN sleep"), Say(stream="\n"), Hold(release))
    lost = in_background(lambda: run_build(job.pk, tools=tools))
    wait_for(lambda: engine.builds.running == 1)
    assert Build.objects.get(pk=job.pk).give_up_worker(now=timezone.now())
    second = claim_next(now=timezone.now())
    assert second is not None
    lost.join(60)
    release.set()
    job.refresh_from_db()
    assert (job.state, job.attempt, job.run_token) == (JobState.RUNNING, 2, second.run_token)
    assert engine.builds.all[0].stopped.is_set() and not engine.pushes.all


def test_two_workers_and_one_message_build_once(built, tools, engine) -> None:
    job = built()
    workers = [in_background(lambda: run_build(job.pk, tools=tools)) for _worker in range(2)]
    for worker in workers:
        worker.join(60)
    job.refresh_from_db()
    assert (job.state, job.attempt, len(engine.builds.all)) == (JobState.SUCCEEDED, 1, 1)


def test_secrets_are_in_no_line_no_row_and_no_failure(built, people, tools, engine) -> None:
    engine.registry.add(BASE)
    files = {"Dockerfile": DOCKERFILE.replace("RUN ", "RUN --mount=type=secret,id=TOKEN cat /run/secrets/TOKEN && ")}
    app = application(people, files={**files, "requirements.txt": ""})
    secret(app, "TOKEN", CANARY)
    job = run(request_build(user=people, application=app.pk), tools)
    assert job.state == JobState.SUCCEEDED, texts(job)
    assert engine.builds.all[0].spec.builder == BUILDKIT == job.builder
    assert engine.builds.all[0].spec.secrets == {"TOKEN": CANARY.encode()}
    assert "******" in texts(job) and CANARY not in texts(job)
    words = f"The command '/bin/sh -c x {CANARY}' returned a non-zero code: 1"
    engine.builds.script(TakeContext(), Say(stream=f"Step 1/1 : RUN echo {CANARY}"), Say(stream="\n"), Fail(words))
    add_version(app, {**files, "requirements.txt": "more"})
    failed = run(request_build(user=people, application=app.pk), tools)
    assert failed.state == JobState.FAILED
    rows = [*Build.objects.values(), *LogChunk.objects.values()]
    assert CANARY not in repr(rows)


@pytest.mark.parametrize("before", [0, 7, 8192 - 7, 8192 - 1, 2 * 8192 - 3])
def test_a_secret_across_the_pieces_of_a_long_line_is_hidden(people, tools, engine, before) -> None:
    engine.registry.add(BASE)
    builder()
    app = application(people)
    secret(app, "TOKEN", CANARY)
    begin = Say(stream="Step 1/1 : RUN x"), Say(stream="\n"), Say(stream=" ---> Running in 0123456789ab\n")
    line = "x" * before + CANARY + "y" * 8192 + "\n"
    words = "a" * 690 + f" {CANARY} " + "b" * 3000
    engine.builds.script(TakeContext(), *begin, Say(stream=line), Say(stream="z" * 9000), Fail(words))
    job = run(request_build(user=people, application=app.pk), tools)
    written = "".join(line[3] for line in lines(job) if line[2] == "output")
    assert written == "x" * before + "******" + "y" * 8192 + "z" * 9000
    assert " … " in job.error["evidence"]
    assert CANARY[:4] not in str(job.error) and CANARY[-4:] not in str(job.error)


def test_nodes_and_bases_are_judged_when_the_build_starts(built, tools, engine, ulrich) -> None:
    app = application(ulrich)
    node = builder()
    job = request_build(user=ulrich, application=app.pk, node=node.pk)
    ComputeNode.objects.filter(pk=node.pk).update(is_listed=False)
    run(job, tools)
    assert (job.state, job.error_code) == (JobState.FAILED, "node_not_listed")
    assert not engine.builds.all


def test_a_bug_ends_the_build_with_a_number_and_keeps_the_details_in_the_log(built, tools, engine, caplog) -> None:
    def explode(_endpoint: Any) -> Any:
        raise ValueError("hidden detail")

    job = run(built(), replace(tools, connect=explode))
    assert job.error_code == "internal_error"
    assert "hidden detail" not in str(job.error) and job.error["evidence"] in caplog.text


def test_a_refusal_of_the_engine_itself_has_its_code(built, tools, engine) -> None:
    engine.builds.script(TakeContext(), Refuse(500, "write /var/lib/docker/x: no space left on device"))
    job = run(built(), tools)
    assert (job.state, job.error_code) == (JobState.FAILED, "no_space_left")
