"""Where a build goes, and what the product itself adds to it, against the fake engine."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone, translation

from builds.models import Build
from builds.services.builds import request_build
from builds.snapshot import snapshot
from builds.work import run_build
from core.jobs import JobState
from imagelib.models import RegistryEndpoint
from pulls.tools import Tools
from tests.support.fake_builds import TakeContext
from tests.support.fake_engine import FakeEngine
from tests.support.fake_pulls import Fail, Say
from tests.support.one_build import BASE, FILES, application, builder, lines, texts

pytestmark = pytest.mark.django_db(transaction=True)
LABELS = [
    "imagelib.recipe",
    *(f"org.opencontainers.image.{name}" for name in ("created", "revision", "source", "title")),
]


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
    run_build(job.pk, tools=tools)
    job.refresh_from_db()
    return job


def test_a_place_that_was_closed_to_users_meanwhile_gets_nothing(built, tools, engine, ulrich) -> None:
    job = built(ulrich)
    RegistryEndpoint.objects.update(users_push_to="elsewhere")
    job = run(job, tools)
    assert (job.state, job.error_code, job.attempt) == (JobState.FAILED, "target_not_allowed", 1)
    assert not engine.builds.all and not engine.pushes.all
    text = snapshot(job, now=timezone.now(), for_operator=False)["error"]
    assert job.repository in text["cause"] and "users may push to" in text["advice"]


def test_an_operators_application_is_built_wherever_it_goes(built, tools, people) -> None:
    job = built(people)
    RegistryEndpoint.objects.update(users_push_to="")
    assert run(job, tools).state == JobState.SUCCEEDED


def test_labels_that_a_classic_builder_adds_are_told_as_ours(built, tools, engine) -> None:
    """It carries them out behind the Dockerfile's own steps, which may well have one of the same name."""
    steps = ["FROM x", "LABEL org.opencontainers.image.title=mine", "RUN echo LABEL imagelib.recipe=no"]
    ours = [f"LABEL {name}=value" for name in sorted(LABELS)]
    said = [*steps, *ours]
    engine.builds.script(
        TakeContext(),
        *(Say(stream=f"Step {number}/{len(said)} : {step}\n") for number, step in enumerate(said, 1)),
        Fail("no more"),
    )
    job = run(built(), tools)
    timings = snapshot(job, now=timezone.now(), for_operator=False)["timings"]
    assert [(one["text"], one["added"]) for one in timings] == [
        *((step, False) for step in steps),
        *((step, True) for step in ours),
    ]
    assert [line[3] for line in lines(job) if line[2] == "step"] == steps
    assert texts(job).count("Added to the image by this product: label ") == len(ours)


def test_files_that_could_be_executed_where_they_came_from_still_can(built, tools, engine) -> None:
    files = {**FILES, "run": "echo hi\n", "plain": "x"}
    job = built(files=files)
    job.files.programs = ["run"]
    job.files.save()
    run(job, tools)
    with tarfile.open(fileobj=io.BytesIO(bytes(engine.builds.all[0].context))) as archive:
        assert {one.name: oct(one.mode) for one in archive}.items() >= {"run": "0o755", "plain": "0o644"}.items()
