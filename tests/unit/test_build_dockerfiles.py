"""What a worker decides from the Dockerfile of a build: whether it may reach an engine, which builder gets it, with
which logins, and what the failure means."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone, translation

from builds.models import Build
from builds.services.builds import request_build, retry_build
from builds.snapshot import snapshot
from builds.work import run_build
from core.jobs import JobState
from nodes.engine import BUILDKIT, CLASSIC, EngineError
from pulls.tools import Tools
from tests.api import make
from tests.support.fake_builds import TakeContext
from tests.support.fake_engine import FakeEngine
from tests.support.fake_pulls import Break, Fail, Hold, Say
from tests.support.one_build import BASE, DOCKERFILE, HOST, application, builder, lines, secret, target_registry, texts
from tests.support.one_pull import in_background, wait_for

pytestmark = pytest.mark.django_db(transaction=True)
LLB = "failed to solve with frontend dockerfile.v0: failed to create LLB definition: "
UNAUTHORIZED = f"{LLB}pulling from host {HOST} failed with status code [manifests 1]: 401 Unauthorized"


@pytest.fixture(autouse=True)
def _english() -> Any:
    with translation.override("en"):
        yield


@pytest.fixture
def built(people: Any, engine: FakeEngine, tools: Tools) -> Callable[..., Build]:
    """`built(text)`: a build that has been tried once."""
    engine.registry.add(BASE)
    builder()

    def build(text: str, user: Any = None, secrets: tuple[str, ...] = (), **values: Any) -> Build:
        owner = user or people
        app = application(owner, files={"Dockerfile": text, "requirements.txt": ""}, **values)
        for name in secrets:
            secret(app, name, "a-S3cret-value")
        return run(request_build(user=owner, application=app.pk), tools)

    return build


def run(job: Build, tools: Tools) -> Build:
    Build.objects.filter(pk=job.pk).update(due_at=timezone.now())
    run_build(job.pk, tools=tools)
    job.refresh_from_db()
    return job


def cause(job: Build) -> str:
    return str(snapshot(job, now=timezone.now(), for_operator=False)["error"]["cause"])


@pytest.mark.parametrize(
    "text",
    [
        f"ARG B=${{TARGETOS:+{HOST}/base/secret:1}}\nFROM ${{B:-{BASE.reference}}}\n",
        f"ARG B=${{NOPE}}\nFROM ${{B-{BASE.reference}}}${{B+{HOST}/base/secret:1}}\n",
        f"FROM {BASE.reference}\nCOPY --chown=\u00e0--from={HOST}/base/secret:1 / /\n",
    ],
)
def test_no_form_that_builders_read_otherwise_gets_a_stored_login(built, engine, ulrich, text) -> None:
    target_registry(username="pusher", password="push-s3cret")
    make.image(address=BASE.reference)
    engine.builds.script(TakeContext(), Fail("x"))
    job = built(text, ulrich, secrets=("TOKEN",))
    (build,) = engine.builds.all
    assert build.spec.builder == BUILDKIT and build.spec.pull and not build.spec.auths
    assert "cannot be told for certain" in texts(job)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("ARG A=1\n#\x0cFROM scratch\n", "U+000C"),
        ("ARG A=1\n# \u2028FROM scratch\n", "U+2028"),
        ("ARG A=1\n\u3000FROM\u3000scratch\n", "FROM"),
        ("# other=1\n# escape=`\nARG A=1 \\\nFROM scratch\n", "FROM"),
        ("#" * 200_001 + "\nFROM scratch\n", "too_large"),
    ],
)
def test_what_engines_may_not_survive_reaches_none(built, engine, text, told) -> None:
    job = built(text, secrets=("TOKEN",))
    assert (job.state, job.error_code, job.attempt) == (JobState.FAILED, "dockerfile_invalid", 1)
    assert told in job.error["evidence"] and not engine.builds.all


def test_a_build_whose_engine_ended_is_not_repeated_by_itself(people, built, tools, engine) -> None:
    job, release = built("FROM x:1\n"), threading.Event()
    assert job.state == JobState.FAILED
    engine.builds.script(TakeContext(), Say(stream="Step 1/2 : FROM x\n"), Hold(release), Break())
    again = retry_build(user=people, build=job.pk)
    Build.objects.filter(pk=again.pk).update(due_at=timezone.now())
    worker = in_background(lambda: run_build(again.pk, tools=tools))
    wait_for(lambda: engine.builds.running == 1)
    engine.failure = EngineError("engine_refused", "[Errno 111] Connection refused")
    release.set()
    worker.join(60)
    again.refresh_from_db()
    assert (again.state, again.error_code) == (JobState.FAILED, "engine_ended")
    assert cause(again).startswith("Docker on the node ended while it built the image")


def test_a_connection_that_broke_is_no_end_of_the_engine(built, engine) -> None:
    engine.builds.script(TakeContext(), Say(stream="Step 1/2 : FROM x\n"), Break())
    job = built(DOCKERFILE)
    assert (job.state, job.error_code) == (JobState.QUEUED, "engine_gone")


def test_a_continued_flag_is_built_with_buildkit(built, engine) -> None:
    assert built(f"{DOCKERFILE}RUN \\\n --mount=type=cache,target=/x true\n").state == JobState.SUCCEEDED
    assert engine.builds.all[0].spec.builder == BUILDKIT


def test_what_a_base_image_wants_of_buildkit_is_built_with_it(built, engine) -> None:
    words = "the --mount option requires BuildKit. Refer to https://docs.docker.com/go/buildkit/"
    engine.builds.script(TakeContext(), Say(stream="Step 1/7 : FROM x"), Say(stream="\n"), Fail(words))
    job = built(DOCKERFILE)
    assert [build.spec.builder for build in engine.builds.all] == [CLASSIC, BUILDKIT]
    assert (job.state, job.builder, job.attempt) == (JobState.SUCCEEDED, BUILDKIT, 1)
    shot = snapshot(job, now=timezone.now(), for_operator=False)
    assert {timing["state"] for timing in shot["timings"]} == {"done"}
    assert [line[3] for line in lines(job) if "builds" in str(line[3])][1].endswith("with buildkit.")


def test_with_the_limits_that_only_the_classic_builder_keeps_it_alone_builds(built, engine, settings) -> None:
    settings.BUILD_CLASSIC_ONLY = True
    engine.builds.preferred = BUILDKIT
    job = built(DOCKERFILE, secrets=("UNUSED",))
    assert (job.state, job.builder) == (JobState.SUCCEEDED, CLASSIC)
    spec = engine.builds.all[0].spec
    assert spec.memory_bytes and spec.cpus
    refused = built(f"{DOCKERFILE}RUN --mount=type=cache,target=/x true\n")
    assert (refused.state, refused.error_code) == (JobState.FAILED, "buildkit_not_allowed")
    engine.builds.script(TakeContext(), Fail("the --mount option requires BuildKit."))
    assert built(f"{DOCKERFILE}RUN echo more\n").error_code == "buildkit_needed"
    assert [build.spec.builder for build in engine.builds.all] == [CLASSIC, CLASSIC]


@pytest.mark.parametrize(("login", "code"), [(False, "base_image_denied"), (True, "registry_unauthorized")])
def test_a_login_is_blamed_only_if_it_was_sent(built, engine, ulrich, login, code) -> None:
    target_registry(username="pusher", password="push-s3cret")
    if login:
        make.image(address=BASE.reference)
    engine.builds.script(TakeContext(), Fail(UNAUTHORIZED))
    job = built(DOCKERFILE, ulrich)
    assert bool(engine.builds.all[0].spec.auths) is login
    assert (job.state, job.error_code) == (JobState.FAILED, code)


@pytest.mark.parametrize(("line", "code"), [(9, "heredoc_unknown"), (7, "dockerfile_invalid")])
def test_a_builder_that_knows_no_heredocs_is_told_by_name(built, engine, line, code) -> None:
    engine.builds.script(TakeContext(), Fail(f"{LLB}dockerfile parse error line {line}: unknown instruction: HI"))
    job = built(f"{DOCKERFILE}RUN <<EOF\nhi there\nEOF\n")
    assert (job.error_code, job.error["params"]["line"]) == (code, str(line))
    assert (f"Line {line}" in cause(job)) is (code == "heredoc_unknown")
