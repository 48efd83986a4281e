"""What a worker does with an operation: claim → engine calls → finish. No transaction spans a call to an engine."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import structlog
from django.db import DataError, IntegrityError, InterfaceError, OperationalError, connection, transaction
from django.db.models import F

from core.changes import announce
from core.doorbell import ring
from core.errors import SecretUnreadable
from core.heartbeat import AT_MOST, heartbeat
from core.jobs import IllegalTransition, JobState
from instances.creation import GRACE, create, find_container, hold, undo, verified
from instances.failures import classify_refusal, passes
from instances.hiding import without
from instances.models import Instance, Observed, Operation, OperationKind, delete_instance_row
from instances.observing import ended_at_once
from instances.outcome import Done, OperationFailed, Waiting, cause_of
from instances.placing_anew import place_anew
from instances.services.furnishing import forget_verdict, secrets_of
from instances.services.reserving import lock_instance
from instances.sweep import free
from instances.values import without_values
from nodes.engine import Engine, EngineError, EngineRejected
from pulls.patience import when_database_answers
from pulls.tools import Tools

logger = structlog.get_logger(__name__)
RETRY_AFTER = (2, 5, 15, 30)  # seconds
LEAVING_PAUSE = 1.0  # seconds
SHORTEST_WAIT, LONGEST_WAIT = 1.0, 3.0  # seconds between two looks at a pull
LEEWAY = timedelta(seconds=0.5)  # between the clocks of workers


def run_operation(pk: int, *, tools: Tools) -> None:
    """Run the operation if it still waits. Delivered twice, it does nothing twice."""
    if tools.interrupted():
        ring(Operation, pk, countdown=LEAVING_PAUSE)  # this process is leaving: somebody else must hear it
        return
    if _waits_for_its_pull(pk, tools):
        return
    try:
        operation = Operation.claim(pk, now=tools.now())
    except IllegalTransition:
        return
    instance = Instance.objects.select_related("node", "user", "image", "spec").filter(operations=operation).first()
    if instance is None:
        operation.fail(now=tools.now(), code="instance_gone", error={})
        return
    try:
        outcome = _attempt(operation, instance, tools)
        when_database_answers(lambda: _finish(operation, instance, outcome, tools), tools)
    except IllegalTransition:
        logger.info("operation was taken over", operation=operation.pk, attempt=operation.attempt)
    except (DataError, IntegrityError):  # an answer of the engine that no row can hold
        bug = _bug(operation)
        when_database_answers(lambda: _fail_or_retry(operation, instance, bug, tools), tools)


def _waits_for_its_pull(pk: int, tools: Tools) -> bool:
    """Then nobody claims it: no engine is asked what the row of the pull tells, and a removal finds it waiting. The
    new version shows how far the pull has come to those who watch the instance."""
    operation = Operation.objects.select_related("pull").filter(pk=pk, state=JobState.QUEUED).first()
    if operation is None or operation.pull is None or not operation.pull.is_active:
        return False
    now = tools.now()
    if operation.due_at > now + LEEWAY:  # delivered twice: somebody has seen to the next look
        return True
    waited = (now - operation.created_at).total_seconds()
    seconds = min(max(waited / 10, SHORTEST_WAIT), LONGEST_WAIT)
    due = now + timedelta(seconds=seconds)
    # Not if it was cancelled in this moment, nor if somebody who was told too has seen to it.
    mine = Operation.objects.filter(pk=pk, state=JobState.QUEUED, due_at=operation.due_at)
    if mine.update(version=F("version") + 1, due_at=due, rung_at=due):
        announce()
        _ring_in(seconds, pk)
    return True


def _ring_in(seconds: float, pk: int) -> None:
    """The row says that the message is on its way; if it is not, the reaper rings as soon as it is due."""
    if not ring(Operation, pk, countdown=seconds + 0.05):
        Operation.objects.filter(pk=pk, state=JobState.QUEUED).update(rung_at=None)


def _attempt(operation: Operation, instance: Instance, tools: Tools) -> Done | Waiting | OperationFailed:
    # A program that has its grace to end by itself keeps the engine silent for that long.
    at_most = AT_MOST + (operation.grace or 0)
    try:
        with heartbeat(operation, at_most=at_most), tools.connect(instance.node.endpoint()) as engine:
            try:
                return _ACTIONS[OperationKind(operation.kind)](operation, instance, engine, tools)
            except OperationFailed as failed:
                failed.transient = failed.transient or passes(failed.code, attempt=operation.attempt)
                if operation.kind == OperationKind.CREATE and not failed.transient:
                    hold(operation)  # else what is there is another worker's
                    failed.undone = _leaves_nothing(engine, instance)
                return failed
    except IllegalTransition:
        raise
    except EngineRejected as error:
        code = classify_refusal(error.evidence)
        return OperationFailed(code, transient=passes(code, attempt=operation.attempt), evidence=error.evidence)
    except EngineError as error:
        cause = cause_of("engine", error.code)
        return OperationFailed("node_lost", transient=True, evidence=error.evidence, cause=cause)
    except SecretUnreadable as error:
        return OperationFailed("node_lost", evidence=str(error), cause=cause_of("secret", ""))
    except (OperationalError, InterfaceError) as error:
        connection.close()
        return OperationFailed("database_away", transient=True, evidence=type(error).__name__)
    except Exception:  # noqa: BLE001  the task boundary: a bug ends the operation with a number to find in the log
        return _bug(operation)


def _bug(operation: Operation) -> OperationFailed:
    """The exception at hand goes to the log; the row gets the number to find it by."""
    number = uuid4().hex[:12]
    logger.exception("operation crashed", operation=operation.pk, number=number)
    return OperationFailed("internal_error", evidence=number)


def _leaves_nothing(engine: Engine, instance: Instance) -> bool:
    """False when that cannot be known now: the sweep goes on with it, and why the creation failed stays the answer."""
    try:
        undo(engine, instance)
    except EngineError as error:
        logger.info("creation not undone yet", instance=instance.pk, reason=str(error))
        return False
    return True


def _start(_operation: Operation, instance: Instance, engine: Engine, tools: Tools) -> Done:
    return _act(instance, engine, tools, engine.start_container)


def _stop(_operation: Operation, instance: Instance, engine: Engine, tools: Tools) -> Done:
    return _act(instance, engine, tools, lambda container: engine.stop_container(container, grace=GRACE), starts=False)


def _restart(operation: Operation, instance: Instance, engine: Engine, tools: Tools) -> Done:
    grace = GRACE if operation.grace is None else operation.grace
    return _act(instance, engine, tools, lambda container: engine.restart_container(container, grace=grace))


def _act(
    instance: Instance, engine: Engine, tools: Tools, action: Callable[[str], None], *, starts: bool = True
) -> Done:
    container = find_container(engine, instance)
    if container is None:
        raise OperationFailed("container_gone")
    try:
        action(container.id)
    except EngineRejected as error:
        raise OperationFailed(classify_refusal(error.evidence), evidence=error.evidence) from error
    seen = engine.inspect_container(container.id)
    if seen is None:
        raise OperationFailed("container_gone")
    columns = {"problem_code": "", "problem": {}, **verified(engine, instance, seen, now=tools.now())}
    return Done({**columns, **ended_at_once(seen)} if starts else columns)


def _remove(_operation: Operation, instance: Instance, engine: Engine, _tools: Tools) -> Done:
    undo(engine, instance)
    if find_container(engine, instance) is not None:
        raise OperationFailed("engine_refused", transient=True, evidence="the container is still there")
    return Done(gone=True)


_ACTIONS: dict[OperationKind, Callable[..., Any]] = {
    OperationKind.CREATE: create,
    OperationKind.START: _start,
    OperationKind.STOP: _stop,
    OperationKind.RESTART: _restart,
    OperationKind.REMOVE: _remove,
}


def _finish(operation: Operation, instance: Instance, outcome: Done | Waiting | OperationFailed, tools: Tools) -> None:
    if isinstance(outcome, Waiting):
        _wait(operation, outcome, tools)
    elif isinstance(outcome, OperationFailed):
        outcome.evidence = without(without_values(outcome.evidence, instance.options), secrets_of(instance))
        if place_anew(operation, instance, outcome, now=tools.now()):
            return
        _fail_or_retry(operation, instance, outcome, tools)
    else:
        with transaction.atomic():
            lock_instance(instance.pk)
            operation.succeed(now=tools.now())
            if outcome.gone:
                delete_instance_row(instance)
            else:
                if operation.kind in (OperationKind.START, OperationKind.RESTART):
                    forget_verdict(instance)
                Instance.objects.filter(pk=instance.pk).change(**outcome.columns)


def _wait(operation: Operation, waiting: Waiting, tools: Tools) -> None:
    """Back into the queue: a worker is not to stand beside a pull that takes hours."""
    due = tools.now() + timedelta(seconds=waiting.seconds)
    operation.requeue(due_at=due, rung_at=due, attempt=operation.attempt - 1, progress=waiting.progress)
    _ring_in(waiting.seconds, operation.pk)


def _fail_or_retry(operation: Operation, instance: Instance, failed: OperationFailed, tools: Tools) -> None:
    error = {"transient": failed.transient, "params": failed.params, "evidence": failed.evidence}
    if failed.transient and operation.attempt < operation.max_attempts:
        delay = RETRY_AFTER[min(operation.attempt, len(RETRY_AFTER)) - 1]
        due = tools.now() + timedelta(seconds=delay)
        operation.requeue(due_at=due, rung_at=due, code=failed.code, error=error)
        _ring_in(delay, operation.pk)
        return
    params = {**failed.params, "evidence": failed.evidence}
    columns: dict[str, Any] = {"problem_code": failed.code, "problem": {"params": params}}
    if operation.kind == OperationKind.CREATE:
        columns |= {"observed": Observed.FAILED, "observed_at": tools.now()}
    elif failed.code == "container_gone":
        columns |= {"observed": Observed.GONE, "observed_at": tools.now()}
    with transaction.atomic():
        lock_instance(instance.pk)
        operation.fail(now=tools.now(), code=failed.code, error=error)
        Instance.objects.filter(pk=instance.pk).change(**columns)
        if failed.undone:
            free(instance)
