"""The one who asks the probes, against the fake engine: verdicts reach the rows, and what is not alive is restarted."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from core.heartbeat import heartbeat
from core.leases import Holding
from instances.models import DeployedContainer, Instance, Observed, Operation, OperationKind
from instances.observing import columns_of
from instances.services import operate, save_secret_set
from instances.services.reserving import queue
from tests.support.fake_programs import Program
from tests.support.one_deployment import app_image, deployed, run_all
from tests.support.one_instance import newest, only, prepare, run
from tests.support.probing import BAD, GOOD, PROBES, probed, probing, until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def row(people, ulrich, node, engine, tools) -> Callable[[], DeployedContainer]:
    return probed(people, ulrich, engine, tools)


def test_verdicts_reach_the_row(row, engine, tools) -> None:
    assert (row().has_probes, row().is_ready) == (True, False), "before the first answer"
    version = row().instance.version
    with probing(tools):
        until(lambda: row().is_ready)
        found = until(lambda: row() if len(row().probe_results) == 2 else None)
        assert (found.has_started, found.is_alive, found.probe_restarts) == (True, True, 0)
        assert {kind: (one["ok"], one["params"]["said"]) for kind, one in found.probe_results.items()} == {
            "readiness": (True, "ok"), "liveness": (True, "ok"),
        }  # fmt: skip
        assert found.instance.version > version, "who watches the instance hears of it"
        engine.containers.exec_programs[("ready",)] = BAD
        until(lambda: row().is_ready is False)
        assert row().is_alive and row().probe_restarts == 0, "nothing else follows from it"


class Refusing:
    """A database that does not take what is said of a container, while it is `on`, in this column."""

    def __init__(self, container: int, *, column: str = "probe_results") -> None:
        self.on, self.refused = False, 0
        self._container, self._column = container, column

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if self.on and sql.startswith("UPDATE") and self._column in sql and self._container in params:
            self.refused += 1
            raise OperationalError("the connection is lost")
        return execute(sql, params, many, context)


def test_a_verdict_is_written_when_the_database_is_back(row, engine, tools) -> None:
    database = Refusing(row().pk)
    with probing(tools, statements=database):
        until(lambda: row().is_ready)
        database.on = True
        engine.containers.exec_programs[("ready",)] = BAD
        until(lambda: database.refused)
        database.on = False
        until(lambda: row().is_ready is False)
        assert row().probe_results["readiness"]["ok"] is False


def test_a_restart_that_the_database_does_not_take_is_asked_for_again(row, engine, tools) -> None:
    database = Refusing(row().pk, column="probe_restarts")
    with probing(tools, statements=database):
        until(lambda: row().is_ready)
        database.on = True
        engine.containers.exec_programs[("alive",)] = BAD
        until(lambda: database.refused)
        assert newest(row().instance).kind == OperationKind.CREATE, "no restart that nobody counts"
        database.on = False
        until(lambda: row().probe_restarts == 1)
        assert newest(row().instance).kind == OperationKind.RESTART


def test_a_row_that_cannot_be_written_does_not_keep_others_from_it(people, ulrich, node, engine, tools) -> None:
    prepare(engine)
    engine.containers.exec_programs |= {("ready",): GOOD, ("alive",): GOOD}
    app_image(people, PROBES)
    first, second = run_all(deployed(ulrich, replicas=2), tools)
    database = Refusing(first.pk)
    database.on = True
    with probing(tools, statements=database):
        until(lambda: DeployedContainer.objects.get(pk=second.pk).is_ready)
        assert DeployedContainer.objects.get(pk=first.pk).is_ready is False
        database.on = False
        until(lambda: DeployedContainer.objects.get(pk=first.pk).is_ready)


@pytest.mark.parametrize("changed", [False, True])
def test_what_a_probe_says_is_told_without_secrets(people, ulrich, node, engine, tools, caplog, changed: bool) -> None:
    """What is in the container is no longer known when its set has changed since: then nothing is told."""
    keys = save_secret_set(user=people, values={"name": "keys", "values": {"PASSWORD": "hunter2hunter2"}})
    prepare(engine)
    engine.containers.exec_programs |= {
        ("ready",): Program.saying("as admin:hunter2hunter2\n"),
        ("alive",): GOOD,
    }
    url = {"name": "URL", "value": "db://$(PASSWORD)@db"}
    app_image(people, {**PROBES, "envFrom": [{"secretRef": {"name": "keys"}}], "env": [url]})
    [instance] = run_all(deployed(ulrich), tools)
    if changed:
        save_secret_set(user=people, values={"values": {"PASSWORD": "another-one"}}, row=keys)
    caplog.set_level("INFO")
    with probing(tools):
        until(lambda: DeployedContainer.objects.get().is_ready)
        engine.containers.exec_programs[("alive",)] = Program.saying("not as hunter2hunter2\n", exit_code=1)
        found = until(lambda: DeployedContainer.objects.filter(probe_restarts=1).first())
    said = {kind: one["params"]["said"] for kind, one in found.probe_results.items()}
    masked = {"readiness": "as admin:******", "liveness": "not as ******"}
    assert said == (dict.fromkeys(masked, "******") if changed else masked)
    [line] = [record for record in caplog.messages if "restarted by its probes" in record]
    assert "exited" in line and "hunter2" not in caplog.text and str(instance.pk) in line


def test_what_is_not_alive_is_restarted_and_judged_anew(row, engine, tools) -> None:
    with probing(tools):
        until(lambda: row().is_ready)
        engine.containers.exec_programs[("alive",)] = BAD
        until(lambda: row().probe_restarts == 1)
        operation = newest(row().instance)
        assert (operation.kind, operation.requested_by, row().is_ready) == (OperationKind.RESTART, None, False)
        engine.containers.exec_programs[("alive",)] = GOOD
        before = only(engine).info.started_at
        run(row().instance, tools)
        assert only(engine).info.started_at != before
        found = until(lambda: row() if row().is_ready else None)
        assert (found.is_alive, found.probe_restarts) == (True, 1)


@pytest.mark.parametrize(("failing", "grace"), [("liveness", 45), ("startup", 20), (None, 10)])
def test_a_program_has_the_time_of_the_probe_that_failed(row, engine, tools, ulrich, failing, grace: int) -> None:
    probe = {**row().template["probes"]["liveness"], "period": 0}
    probes = {"startup": {**probe, "command": ["ready"], "grace": 20}, "liveness": {**probe, "grace": 45}}
    DeployedContainer.objects.update(template={"probes": probes})
    with probing(tools):
        until(lambda: row().has_started)
        if failing is None:
            operate(user=ulrich, instance=row().pk, kind=OperationKind.RESTART)
            run(row().instance, tools)
            assert only(engine).graces == [grace], "what people ask for is as usual"
            return
        engine.containers.exec_programs[("ready",) if failing == "startup" else ("alive",)] = BAD
        Instance.objects.update(restarts=1)  # a new run, which has to start first
        until(lambda: row().probe_restarts == 1)
    run(row().instance, tools)
    assert only(engine).graces == [grace]


@pytest.mark.parametrize(("grace", "lives_for"), [(None, 170), (600, 770)])  # seconds
def test_a_restart_with_a_long_grace_does_not_look_dead(
    row, engine, tools, ulrich, monkeypatch, grace, lives_for
) -> None:
    """Else another worker would restart the program again, while it ends."""
    now = [0.0]
    monkeypatch.setattr("core.heartbeat.time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setitem(heartbeat.__wrapped__.__kwdefaults__, "every", 0.01)
    instance = row().instance
    queue(instance, OperationKind.RESTART, ulrich, grace=grace)

    def beats() -> None:
        before = newest(instance).heartbeat_at
        until(lambda: newest(instance).heartbeat_at != before)

    def silent() -> None:
        now[0] = lives_for
        for _ in range(3):  # the first one may have begun before
            beats()
        now[0] = lives_for + 20
        until(lambda: not any(thread.name == "heartbeat" for thread in threading.enumerate()))

    engine.containers.meanwhile("restart", silent)
    run(instance, tools)
    assert len(only(engine).graces) == 1


def test_a_second_restart_waits(row, engine, tools) -> None:
    engine.containers.exec_programs[("alive",)] = BAD
    clock, asked = [0.0], []

    def monotonic() -> float:
        asked.append(None)
        return clock[0]

    with probing(replace(tools, monotonic=monotonic)):
        until(lambda: row().probe_restarts == 1)
        run(row().instance, tools)
        clock[0] = 5.0
        until(lambda: row().is_alive is False)
        clock[0] = 9.9
        rounds = len(asked)
        until(lambda: len(asked) > rounds + 100)
        assert row().probe_restarts == 1
        clock[0] = 10.0
        until(lambda: row().probe_restarts == 2)


@pytest.mark.parametrize(
    ("started", "ended", "asked"),
    [(7200, 7200, True), (7200, 60, False), (60, 7200, False), (-60, -60, False), (None, 7200, False)],
)
def test_the_first_probe_comes_so_long_after_the_start(row, engine, tools, started, ended, asked: bool) -> None:
    """Whoever asks since when. A node whose clock is behind is not taken at its word: our operation was later."""
    now = timezone.now()
    Instance.objects.update(started_at=None if started is None else now - timedelta(seconds=started))
    Operation.objects.update(finished_at=now - timedelta(seconds=ended))
    late = {**row().template["probes"]["readiness"], "delay": 3600}
    DeployedContainer.objects.update(template={"probes": {"readiness": late}})
    rounds: list[None] = []

    def monotonic() -> float:
        rounds.append(None)
        return time.monotonic()

    with probing(replace(tools, monotonic=monotonic)) as prober:
        until(lambda: row().is_ready if asked else prober.watching)
        before = len(rounds)
        until(lambda: len(rounds) > before + 100)
        assert row().is_ready is asked


def test_the_start_of_a_container_is_known(row, engine) -> None:
    assert row().instance.started_at == datetime.fromisoformat(only(engine).info.started_at)
    for text in ("", "soon", "0001-01-01T00:00:00+23:00"):
        assert columns_of(replace(only(engine).info, started_at=text), now=timezone.now())["started_at"] is None


def test_what_recovers_before_its_next_restart_is_left_alone(row, engine, tools) -> None:
    engine.containers.exec_programs[("alive",)] = BAD
    quick = {kind: {**probe, "period": 0} for kind, probe in row().template["probes"].items()}
    DeployedContainer.objects.update(template={"probes": quick})
    clock, asked = [0.0], []

    def monotonic() -> float:
        asked.append(None)
        return clock[0]

    with probing(replace(tools, monotonic=monotonic)):
        until(lambda: row().probe_restarts == 1)
        run(row().instance, tools)
        clock[0] = 5.0
        until(lambda: row().is_alive is False)
        assert row().is_ready is False
        engine.containers.exec_programs[("alive",)] = GOOD
        until(lambda: row().is_alive and row().is_ready)
        clock[0] = 20.0
        rounds = len(asked)
        until(lambda: len(asked) > rounds + 100)
        assert row().probe_restarts == 1 and row().is_ready


def test_what_is_stopped_is_asked_nothing(row, engine, tools, ulrich) -> None:
    with probing(tools) as prober:
        until(lambda: row().is_ready)
        operate(user=ulrich, instance=row().pk, kind=OperationKind.STOP)
        engine.containers.exec_programs[("alive",)] = BAD
        until(lambda: not prober.watching)
        run(row().instance, tools)
        assert (row().instance.observed, row().probe_restarts) == (Observed.EXITED, 0)


@pytest.mark.parametrize("kind", [OperationKind.START, OperationKind.RESTART])
def test_a_new_run_is_not_ready_by_the_word_of_the_last_one(row, tools, ulrich, kind: OperationKind) -> None:
    if kind == OperationKind.START:
        operate(user=ulrich, instance=row().pk, kind=OperationKind.STOP)
        run(row().instance, tools)
    DeployedContainer.objects.update(has_started=True, is_ready=True, is_alive=False)
    operate(user=ulrich, instance=row().pk, kind=kind)
    run(row().instance, tools)
    found = row()
    assert (found.instance.observed, found.is_ready) == (Observed.RUNNING, False)
    assert (found.has_started, found.is_alive) == (None, None)


@pytest.mark.parametrize("change", [{"restarts": 1}, {"started_at": datetime(2026, 1, 1, tzinfo=UTC)}])
def test_a_container_that_its_engine_restarted_is_judged_anew(row, engine, tools, change: dict[str, Any]) -> None:
    patient = {**row().template["probes"]["readiness"], "failures": 1000}
    DeployedContainer.objects.update(template={"probes": {"readiness": patient}})
    with probing(tools):
        until(lambda: row().is_ready)
        engine.containers.exec_programs[("ready",)] = BAD
        until(lambda: not row().probe_results["readiness"]["ok"])
        assert row().is_ready, "a few failures of a thousand"
        Instance.objects.update(**change)
        until(lambda: row().is_ready is False)


def test_one_process_asks(row, tools) -> None:
    with probing(tools) as first, probing(tools) as second:
        until(lambda: first.watching or second.watching)
        holder, other = (first, second) if first.watching else (second, first)
        until(lambda: row().is_ready)
        assert holder.watching == {row().pk} and not other.watching
    assert Holding("probes", seconds=1).hold(), "they let go at their end"
