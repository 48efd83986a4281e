"""A creation that waits for the pull of its image."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from core.jobs import JobState
from instances.models import Instance, Observed, Operation
from instances.services import operate
from tests.support.one_instance import AWAY, instance_of, prepare, run, run_only

pytestmark = pytest.mark.django_db(transaction=True)


def test_while_the_pull_runs_no_worker_holds_it_and_no_engine_is_asked(ulrich, node, engine, tools) -> None:
    prepare(engine, image=False)
    instance = instance_of(ulrich, node)
    first = run(instance, tools)
    version = instance.version
    engine.failure = AWAY
    waiting = run(instance, tools, times=3)
    assert (waiting.state, waiting.error_code, waiting.started_at) == (JobState.QUEUED, "", first.started_at)
    assert instance.version == version and waiting.version == first.version + 3, "the pull's progress shows"
    assert 0 < (waiting.due_at - timezone.now()).total_seconds() <= 1
    Operation.objects.update(created_at=timezone.now() - timedelta(hours=1))
    assert 2 < (run(instance, tools).due_at - timezone.now()).total_seconds() <= 3


def test_a_removal_wins_over_a_look_at_the_pull(ulrich, node, engine, tools) -> None:
    prepare(engine, image=False)
    instance = instance_of(ulrich, node)
    creation = run(instance, tools)

    def removed_meanwhile() -> datetime:
        if Instance.objects.get().observed != Observed.REMOVING:
            operate(user=ulrich, instance=instance.pk, kind="remove")
        return timezone.now()

    assert run_only(creation, replace(tools, now=removed_meanwhile)) == JobState.CANCELLED
    assert run(instance, tools).state == JobState.SUCCEEDED
    assert not Instance.objects.exists()
