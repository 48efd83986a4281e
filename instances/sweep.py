"""Keeping rows true: what the engines say of our containers, and what a lost node left half done."""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import structlog
from django.db import DataError, IntegrityError, connection, transaction
from django.db.models import Exists, OuterRef, QuerySet, Subquery

from core.errors import SecretUnreadable
from core.jobs import ACTIVE_STATES, HELD_STATES
from instances.creation import undo, verify_again
from instances.examining import remove_leftovers
from instances.left_shells import end_left_shells
from instances.models import (
    GpuAllocation,
    HostPort,
    Instance,
    Observed,
    Operation,
    OperationKind,
    delete_instance_row,
)
from instances.observing import observe
from instances.orphans import note_orphans
from instances.spec import LABEL
from nodes.engine import ContainerInfo, Engine, EngineError, EngineRejected
from nodes.models import ComputeNode, NodeStatus
from pulls.tools import Tools

THREADS = 16
NOTHING_HELD = {"cpu_cores": 0, "memory_gb": 0, "data_disk_gb": 0}
logger = structlog.get_logger(__name__)


def sweep_instances(*, tools: Tools) -> int:
    """One round over the connected nodes: one without an instance may have containers all the same. Returns how many
    nodes answered."""
    nodes = list(ComputeNode.objects.filter(status=NodeStatus.CONNECTED).exclude(docker_address=""))
    with ThreadPoolExecutor(THREADS, thread_name_prefix="instances") as threads:
        return sum(threads.map(lambda node: _sweep_node(node, tools), nodes))


def _sweep_node(node: ComputeNode, tools: Tools) -> bool:
    try:
        with tools.connect(node.endpoint()) as engine:
            now = tools.now()
            settle(node, engine, now=now)
            remove_leftovers(engine, now=now)
            end_left_shells(node, engine, now=now)
    except (EngineError, SecretUnreadable) as error:
        logger.info("instances not seen", node=node.name, reason=str(error))
        return False
    finally:
        connection.close()  # a thread's own
    return True


def settle(node: ComputeNode, engine: Engine, *, now: datetime, uids: Collection[str] | None = None) -> None:
    """Make the rows of the node's instances true; `uids`: of those alone, looked at closely. `now`: no later than this
    call, for what changes meanwhile is newer. Raises `EngineError` when the engine does not answer."""
    instances = _settled(node, uids)
    if uids is not None and not instances.exists():
        return
    labels = {LABEL: next(iter(uids)) if uids is not None and len(uids) == 1 else ""}
    seen = engine.list_containers(labels=labels)
    containers = {one.labels.get(LABEL, ""): one for one in seen}
    for instance in instances:  # read only now, after the engine told
        try:
            _settle(instance, containers.get(str(instance.uid)), engine, now=now, closely=uids is not None)
        except (EngineRejected, DataError, IntegrityError) as error:  # its own trouble, not the others'
            logger.info("instance not settled", instance=instance.pk, reason=str(error))
    if uids is None:
        note_orphans(node, engine, seen, now=now)


def busy_among(node: ComputeNode, uids: Collection[str] | None = None) -> set[str]:
    """Of these instances of the node, or of all: those that a worker holds. Operations that wait look later anyway."""
    held = Operation.objects.filter(instance__node=node, state__in=HELD_STATES)
    if uids is not None:
        held = held.filter(instance__uid__in=uids)
    return {str(uid) for uid in held.values_list("instance__uid", flat=True)}


def _settled(node: ComputeNode, uids: Collection[str] | None) -> QuerySet[Any]:
    """Those that no operation works on; `last_kind`: what was done last, `last_error`: how that failed."""
    operations = Operation.objects.filter(instance=OuterRef("pk")).order_by("-pk")
    busy = operations.filter(state__in=ACTIVE_STATES)
    rows = Instance.objects.filter(~Exists(busy), node=node).annotate(
        last_kind=Subquery(operations.values("kind")[:1]), last_error=Subquery(operations.values("error_code")[:1])
    )
    return rows if uids is None else rows.filter(uid__in=uids)


def _settle(instance: Any, container: ContainerInfo | None, engine: Engine, *, now: datetime, closely: bool) -> None:
    """`instance` as `_settled` gives it."""
    if instance.last_kind == OperationKind.REMOVE:  # the node was away, or refused, when it was to be removed
        undo(engine, instance)
        delete_instance_row(instance)
    elif instance.observed in (Observed.CREATING, Observed.PULLING):  # every worker that made it was lost
        undo(engine, instance)
        lost = {"observed": Observed.FAILED, "observed_at": now, "problem_code": "worker_lost", "problem": {}}
        Instance.objects.filter(pk=instance.pk).change(**lost)
        free(instance)
    elif instance.observed != Observed.FAILED:
        seen = _inspected(instance, container, engine, always=closely)
        observe(instance, seen, now=now, lost=instance.last_error == "worker_lost")
        if seen is not None and instance.is_sliced:
            verify_again(engine, instance, seen, now=now)
    elif container is not None or _holds(instance):  # the node was away when the creation failed
        undo(engine, instance)
        free(instance)


def _inspected(
    instance: Instance, container: ContainerInfo | None, engine: Engine, *, always: bool
) -> ContainerInfo | None:
    """The list does not tell why a container does not run, how often the engine restarted it, nor that one of its
    programs was ended for want of memory."""
    doubtful = always or instance.oom_killed or instance.options.get("restart_policy", "no") != "no"
    if container is None or (container.state == Observed.RUNNING and not doubtful):
        return container
    return engine.inspect_container(container.id)


def _holds(instance: Instance) -> bool:
    parts = instance.allocations.exists() or instance.host_ports.exists()
    return parts or any(getattr(instance, column) for column in NOTHING_HELD)


def free(instance: Instance) -> None:
    """Nothing of it is on the engine any more, so it holds nothing."""
    with transaction.atomic():
        GpuAllocation.objects.filter(instance=instance).delete()
        HostPort.objects.filter(instance=instance).delete()
        Instance.objects.filter(pk=instance.pk).change(container_id="", **NOTHING_HELD)
