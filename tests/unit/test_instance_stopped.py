"""After the start: a slice that turns out to be none is stopped, where the installation wants that."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone, translation

from core.jobs import JobState
from instances.accelerators.nvidia_hami import LOOK_INSIDE
from instances.models import Observed
from instances.services import operate
from instances.snapshot import snapshot
from tests.support.fake_programs import Program
from tests.support.one_instance import AWAY, made, only, run

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def stopping(settings: Any) -> None:
    settings.STOP_INEFFECTIVE_SLICES = True


def test_a_slice_that_is_none_may_be_stopped(stopping, instance, engine, tools, ulrich) -> None:
    engine.containers.exec_programs[LOOK_INSIDE] = Program.saying("24576\n")
    assert run(instance, tools).state == JobState.SUCCEEDED
    assert not only(engine).running
    assert (instance.observed, instance.problem_code) == (Observed.EXITED, "slice_stopped")
    assert instance.problem["params"] == {"seen": 24576, "planned": 8192}
    with translation.override("en"):
        assert "was stopped" in snapshot(instance, now=timezone.now())["problem"]["text"]
    operate(user=ulrich, instance=instance.pk, kind="start")
    run(instance, tools)
    assert (instance.observed, instance.problem_code) == (Observed.EXITED, "slice_stopped")
    engine.containers.exec_programs[LOOK_INSIDE] = Program.saying("8192\n")
    operate(user=ulrich, instance=instance.pk, kind="start")
    run(instance, tools)
    assert (instance.observed, instance.problem_code) == (Observed.RUNNING, "")


def test_one_that_works_goes_on(stopping, instance, engine, tools) -> None:
    run(instance, tools)
    assert only(engine).running and instance.problem_code == ""


def test_a_node_lost_while_it_is_stopped_is_asked_again(stopping, instance, engine, tools) -> None:
    engine.containers.exec_programs[LOOK_INSIDE] = Program.saying("24576\n")
    engine.containers.refuse("stop", AWAY)
    assert run(instance, tools).state == JobState.QUEUED
    assert run(instance, tools).state == JobState.SUCCEEDED
    assert (instance.observed, instance.problem_code) == (Observed.EXITED, "slice_stopped")
    assert len(made(engine)) == 1
