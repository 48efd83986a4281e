"""Builds that end between the push and the last word."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.db import OperationalError, connections
from django.utils import timezone, translation

from builds.lanes import claim_next
from builds.models import Build
from builds.reporting import Reporter
from builds.services.builds import cancel_build, request_build
from builds.work import run_build
from core.jobs import JobState
from pulls.tools import Tools
from tests.support.fake_engine import FakeEngine
from tests.support.fake_pulls import Hold, Say
from tests.support.fake_registry import FakeImage
from tests.support.one_build import BASE, HOST, application, builder, lines
from tests.support.one_pull import in_background, wait_for

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _english() -> Any:
    with translation.override("en"):
        yield


class Killed(BaseException):
    """As a signal ends a process."""


@pytest.fixture
def job(people: Any, engine: FakeEngine) -> Build:
    engine.registry.add(BASE)
    builder()
    return request_build(user=people, application=application(people).pk)


def run(job: Build, tools: Tools) -> Build:
    Build.objects.filter(pk=job.pk).update(due_at=timezone.now())
    run_build(job.pk, tools=tools)
    job.refresh_from_db()
    return job


def when_the_registry_is_asked(tools: Tools, act: Callable[[], None]) -> Tools:
    def registry(*place: Any) -> Any:
        act()
        return tools.registry(*place)

    return replace(tools, registry=registry)


def after_the_push(engine: FakeEngine, tools: Tools, act: Callable[[], None]) -> Tools:
    """`act` happens when the registry is asked for what was pushed."""
    return when_the_registry_is_asked(tools, lambda: act() if engine.pushes.all else None)


def killed() -> None:
    raise Killed


def test_a_worker_that_dies_after_the_push_does_not_make_the_tag_anothers(job, tools, engine) -> None:
    with pytest.raises(Killed):
        run_build(job.pk, tools=after_the_push(engine, tools, killed))
    assert Build.objects.get(pk=job.pk).give_up_worker(now=timezone.now())
    run(job, tools)
    assert (job.state, job.attempt) == (JobState.SUCCEEDED, 2), job.error
    assert job.digest == engine.registry.find(*job.reference.rsplit(":", 1)).digest
    assert len(engine.builds.all) == len(engine.pushes.all) == 1


def test_nor_does_it_for_the_next_build_of_the_application(job, tools, engine, people) -> None:
    with pytest.raises(Killed):
        run_build(job.pk, tools=after_the_push(engine, tools, killed))
    Build.objects.filter(pk=job.pk).update(attempt=9)
    assert Build.objects.get(pk=job.pk).give_up_worker(now=timezone.now())
    after = run(request_build(user=people, application=job.application_id), tools)
    assert (after.state, len(engine.pushes.all)) == (JobState.SUCCEEDED, 1), after.error


def test_a_cancelled_build_tells_what_it_pushed(job, tools, engine, people) -> None:
    digest, never = "sha256:" + "1" * 64, threading.Event()
    engine.pushes.script(Say(status=f"x: digest: {digest} size: 1"), Hold(never))
    worker = in_background(lambda: run_build(job.pk, tools=tools))
    wait_for(lambda: engine.pushes.all and engine.pushes.all[0].said)
    cancel_build(user=people, build=job.pk)
    worker.join(60)
    job.refresh_from_db()
    assert (job.state, job.digest) == (JobState.CANCELLED, digest)
    assert lines(job)[-1][3].startswith("Cancelled, but") and digest in lines(job)[-1][3]


def test_so_does_one_that_was_cancelled_at_the_last_look(job, tools, engine, people) -> None:
    def cancel() -> None:
        cancel_build(user=people, build=job.pk)

    run(job, after_the_push(engine, tools, cancel))
    assert job.state == JobState.CANCELLED
    assert job.digest == engine.registry.find(*job.reference.rsplit(":", 1)).digest
    assert lines(job)[-1][3].startswith("Cancelled, but") and job.digest in lines(job)[-1][3]


def test_a_commit_whose_answer_is_lost_costs_nothing(job, tools, monkeypatch) -> None:
    reporter = Reporter(claim_next(now=timezone.now()), tools, limit=10_000)
    wrapper, answers = type(connections["default"]), [True, False, True]  # of the three commits
    commit = wrapper._commit

    def flaky(self: Any) -> None:
        commit(self)
        if not answers.pop(0):
            raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(wrapper, "_commit", flaky)
    for revision in ("1", "2", "3"):
        reporter.note("revision", revision=revision)
        reporter.store()
    assert not answers
    assert [line[3] for line in lines(job)] == ["Revision 1.", "Revision 2.", "Revision 3."]


def test_an_image_that_took_the_name_meanwhile_is_not_pushed(job, tools, engine) -> None:
    other = FakeImage.sized(f"{HOST}/team/notebook", "other", [7])

    def take_the_name() -> None:
        if engine.builds.all:
            name = f"{HOST}/team/notebook:3.11-{job.files.revision}"
            engine.name_image("kept:1", engine.find(name))  # what was built stays there
            engine.name_image(name, other)

    run(job, when_the_registry_is_asked(tools, take_the_name))
    assert (job.state, job.error_code) == (JobState.QUEUED, "image_name_moved")
    assert other.id in job.error["evidence"] and not engine.pushes.all
    run(job, tools)
    assert job.state == JobState.SUCCEEDED
