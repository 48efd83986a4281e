"""A database that is away or refuses while a worker works on an instance."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from django.db import DataError, InterfaceError, OperationalError, connection
from django.utils import translation

from core.jobs import JobState
from instances.models import Instance, Observed
from instances.snapshot import problem_of
from instances.sweep import sweep_instances
from pulls.tools import Tools
from tests.support.fake_engine import FakeEngine
from tests.support.one_instance import NOTHING, holds, is_clean, made, only, run

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def failing(error: Exception, *, table: str, column: str, times: int) -> Iterator[list[str]]:
    """So many updates of that column fail. Gives them as they come."""
    failed: list[str] = []

    def execute(run_it: Any, sql: str, *rest: Any) -> Any:
        if len(failed) < times and sql.startswith(f'UPDATE "{table}"') and f'"{column}" =' in sql.partition("WHERE")[0]:
            failed.append(sql)
            raise error
        return run_it(sql, *rest)

    with connection.execute_wrapper(execute):
        yield failed


@pytest.mark.parametrize("error", [OperationalError("database is locked"), InterfaceError("connection already closed")])
def test_a_database_that_fails_meanwhile_costs_one_attempt(
    instance: Instance, engine: FakeEngine, tools: Tools, error: Exception
) -> None:
    with failing(error, table="instances_instance", column="plan", times=1) as failed:
        waiting = run(instance, tools)
    assert len(failed) == 1
    assert (waiting.state, waiting.error_code, waiting.attempt) == (JobState.QUEUED, "database_away", 1)
    assert run(instance, tools).state == JobState.SUCCEEDED
    assert only(engine).running and len(made(engine)) == 1
    assert (instance.observed, instance.problem_code) == (Observed.RUNNING, "")


def test_one_that_keeps_failing_is_told_in_the_end(instance: Instance, engine: FakeEngine, tools: Tools) -> None:
    with failing(OperationalError("gone"), table="instances_instance", column="plan", times=99):
        for _ in range(5):
            operation = run(instance, tools)
            engine.containers.all.clear()  # else the next attempt finds it made
    assert (operation.state, operation.attempt) == (JobState.FAILED, operation.max_attempts)
    with translation.override("en"):
        told = problem_of(instance)
    assert told is not None and told["text"].startswith("The server's database did not answer")
    sweep_instances(tools=tools)
    instance.refresh_from_db()
    assert is_clean(engine) and holds(instance) == NOTHING


def test_how_it_ended_waits_for_the_database(instance: Instance, engine: FakeEngine, tools: Tools) -> None:
    slept: list[float] = []
    patient = replace(tools, sleep=slept.append)
    with failing(OperationalError("gone"), table="instances_operation", column="finished_at", times=3):
        operation = run(instance, patient)
    assert (operation.state, operation.attempt, len(slept)) == (JobState.SUCCEEDED, 1, 3)
    assert instance.observed == Observed.RUNNING and only(engine).running


def test_an_answer_that_no_row_can_hold_ends_it_with_a_number(
    instance: Instance, engine: FakeEngine, tools: Tools
) -> None:
    with failing(DataError("integer out of range"), table="instances_instance", column="restarts", times=1):
        operation = run(instance, tools)
    assert (operation.state, instance.problem_code) == (JobState.FAILED, "internal_error")
    assert operation.error["evidence"] == instance.problem["params"]["evidence"] != ""
    sweep_instances(tools=tools)
    instance.refresh_from_db()
    assert is_clean(engine) and holds(instance) == NOTHING
