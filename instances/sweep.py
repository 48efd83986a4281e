"""Keeping rows true: what the engines say of our containers, and what a lost node left half done."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import structlog
from django.db import connection, transaction
from django.db.models import Exists, OuterRef

from core.errors import SecretUnreadable
from core.jobs import ACTIVE_STATES
from instances.creation import undo
from instances.models import GpuAllocation, Instance, Observed, Operation
from instances.observing import observe
from instances.spec import LABEL
from nodes.engine import ContainerInfo, Engine, EngineError
from nodes.models import ComputeNode, NodeStatus
from pulls.tools import Tools

THREADS = 16
NOTHING_HELD = {"cpu_cores": 0, "memory_gb": 0, "data_disk_gb": 0}
logger = structlog.get_logger(__name__)


def sweep_instances(*, tools: Tools) -> int:
    """One round over the connected nodes that have instances. Returns how many nodes answered."""
    nodes = list(
        ComputeNode.objects.filter(
            Exists(Instance.objects.filter(node=OuterRef("pk"))), status=NodeStatus.CONNECTED
        ).exclude(docker_address="")
    )
    with ThreadPoolExecutor(THREADS, thread_name_prefix="instances") as threads:
        return sum(threads.map(lambda node: _sweep_node(node, tools), nodes))


def _sweep_node(node: ComputeNode, tools: Tools) -> bool:
    try:
        with tools.connect(node.endpoint()) as engine:
            now = tools.now()  # before the list: what changes meanwhile is newer
            containers = {one.labels.get(LABEL, ""): one for one in engine.list_containers(labels={LABEL: ""})}
            for instance in _settled(node):
                _settle(instance, containers.get(str(instance.uid)), engine, now=now)
    except (EngineError, SecretUnreadable) as error:
        logger.info("instances not seen", node=node.name, reason=str(error))
        return False
    finally:
        connection.close()  # a thread's own
    return True


def _settled(node: ComputeNode) -> Iterable[Instance]:
    """Those that no operation works on."""
    busy = Operation.objects.filter(instance=OuterRef("pk"), state__in=ACTIVE_STATES)
    return Instance.objects.filter(~Exists(busy), node=node)


def _settle(instance: Instance, container: ContainerInfo | None, engine: Engine, *, now: datetime) -> None:
    if instance.observed != Observed.FAILED:
        if container is not None and container.state != Observed.RUNNING:
            container = engine.inspect_container(container.id)  # why it does not run
        observe(instance, container, now=now)
        return
    if instance.allocations.exists() or instance.cpu_cores or instance.memory_gb or instance.data_disk_gb:
        undo(engine, instance)  # the node was away when the creation failed
        free(instance)


def free(instance: Instance) -> None:
    """Nothing of it is on the engine any more, so it holds nothing."""
    with transaction.atomic():
        GpuAllocation.objects.filter(instance=instance).delete()
        Instance.objects.filter(pk=instance.pk).update(**NOTHING_HELD)
