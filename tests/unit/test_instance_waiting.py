"""A creation that waits for the pull of its image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from celery.signals import before_task_publish
from django.utils import timezone

from core.jobs import PATIENCE, JobState
from imagelib.models import ImageRegistry
from instances.models import Instance, Observed, Operation
from instances.services import operate
from nodes.models import ComputeNode
from pulls.models import PullJob
from pulls.services import visible_pulls
from pulls.work import run_pull
from tests.support.one_instance import AWAY, instance_of, prepare, run, run_only
from tests.support.one_pull import REFERENCE, REPOSITORY

pytestmark = pytest.mark.django_db(transaction=True)


def test_while_the_pull_runs_no_worker_holds_it_and_no_engine_is_asked(ulrich, node, engine, tools) -> None:
    prepare(engine, image=False)
    instance = instance_of(ulrich, node)
    first = run(instance, tools)
    version = instance.version
    engine.failure = AWAY
    for _ in range(3):
        Operation.objects.update(due_at=timezone.now())
        waiting = run(instance, tools)
    assert (waiting.state, waiting.error_code, waiting.started_at) == (JobState.QUEUED, "", first.started_at)
    assert instance.version == version and waiting.version == first.version + 3, "the pull's progress shows"
    assert 0 < (waiting.due_at - timezone.now()).total_seconds() <= 1
    Operation.objects.update(created_at=timezone.now() - timedelta(hours=1), due_at=timezone.now())
    assert 2 < (run(instance, tools).due_at - timezone.now()).total_seconds() <= 3


@pytest.mark.parametrize("edit", ["image unlisted", "image elsewhere", "node unlisted"])
def test_what_is_edited_after_the_reservation_does_not_touch_it(ulrich, node, engine, tools, edit: str) -> None:
    """Whoever asks, and whether or not the image happens to be there."""
    prepare(engine, image=False)
    instance = instance_of(ulrich, node)
    if edit == "image unlisted":
        ImageRegistry.objects.update(is_listed=False)
    elif edit == "image elsewhere":
        ImageRegistry.objects.update(address=f"{REPOSITORY}:2")
    else:
        ComputeNode.objects.update(is_listed=False)
    assert run(instance, tools).state == JobState.QUEUED
    pull = PullJob.objects.get()
    assert (pull.reference, pull.requested_by) == (REFERENCE, ulrich)
    assert visible_pulls(ulrich).get() == pull
    run_pull(pull.pk, tools=tools)
    assert run(instance, tools).state == JobState.SUCCEEDED


@pytest.fixture
def rings() -> Iterator[list[int]]:
    """The operations that were rung for, as it happens."""
    heard: list[int] = []

    def sent(sender: str, body: Any, **_rest: Any) -> None:
        if sender == Operation.task:
            heard.append(body[0][0])

    before_task_publish.connect(sent)
    yield heard
    before_task_publish.disconnect(sent)


def test_a_message_that_comes_twice_begins_no_second_chain(ulrich, node, engine, tools, rings) -> None:
    prepare(engine, image=False)
    instance = instance_of(ulrich, node)
    waiting = run(instance, tools)
    rings.clear()
    Operation.objects.update(due_at=timezone.now() + timedelta(minutes=5))  # however slow this machine is
    assert run(instance, tools, times=5).version == waiting.version and not rings, "it was rung for already"
    Operation.objects.update(due_at=timezone.now())
    assert run(instance, tools, times=5).version == waiting.version + 1 and rings == [waiting.pk]


def test_two_workers_that_are_told_at_the_same_moment_ring_once(ulrich, node, engine, tools, rings) -> None:
    prepare(engine, image=False)
    instance = instance_of(ulrich, node)
    waiting = run(instance, tools)
    rings.clear()
    Operation.objects.update(due_at=timezone.now())

    def as_the_other_does() -> datetime:
        run_only(waiting, tools)
        return timezone.now()

    run_only(waiting, replace(tools, now=as_the_other_does))
    assert rings == [waiting.pk]


@pytest.mark.parametrize("trouble", [None, AWAY], ids=["waits", "again"])
def test_the_reaper_rings_for_none_that_somebody_rang_for(ulrich, node, engine, tools, trouble) -> None:
    prepare(engine, image=False)
    instance = instance_of(ulrich, node)
    engine.failure = trouble
    operation = run(instance, tools)
    due = operation.due_at + timedelta(seconds=1)
    assert operation.state == JobState.QUEUED and not Operation.unheard(now=due, limit=5)
    assert Operation.unheard(now=due + PATIENCE, limit=5) == [operation.pk], "the message may have been lost"


def test_a_broker_that_is_away_leaves_it_to_the_reaper(ulrich, node, engine, tools, broker_away) -> None:
    prepare(engine, image=False)
    instance = instance_of(ulrich, node)
    operation = run(instance, tools)
    assert Operation.unheard(now=operation.due_at, limit=5) == [operation.pk]


def test_a_removal_wins_over_a_look_at_the_pull(ulrich, node, engine, tools) -> None:
    prepare(engine, image=False)
    instance = instance_of(ulrich, node)
    creation = run(instance, tools)
    Operation.objects.update(due_at=timezone.now())

    def removed_meanwhile() -> datetime:
        if Instance.objects.get().observed != Observed.REMOVING:
            operate(user=ulrich, instance=instance.pk, kind="remove")
        return timezone.now()

    assert run_only(creation, replace(tools, now=removed_meanwhile)) == JobState.CANCELLED
    assert run(instance, tools).state == JobState.SUCCEEDED
    assert not Instance.objects.exists()
