"""What people ask about the cards of a node."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.errors import Conflict, NotFound
from core.operators import require_operator
from instances.discovery import Inventory, discover
from instances.engine_slots import examinations
from instances.models import Gpu, GpuAllocation, GpuInventory, Orphan
from instances.orphans import known_uids, remove_with_volumes
from instances.reading import NodeAway
from instances.refusal_texts import sentence
from nodes.engine import EngineError, connect
from nodes.failure_texts import engine_failure_text
from nodes.models import ComputeNode
from nodes.services import visible_nodes

WITHIN = 40.0  # seconds: some short-lived containers


def gpus_of(*, user: Any, node: int) -> dict[str, Any]:
    """`{checked_at, problem, gpus, orphans}`; the names of holders only for who may see the instances, and containers
    without a row for operators."""
    row = node_of(user, node)
    inventory = GpuInventory.objects.filter(node=row).first()
    problem = inventory.problem if inventory else "gpus_unknown"
    return {
        "checked_at": inventory.checked_at if inventory else None,
        "problem": {"code": problem, "text": sentence(problem, {})} if problem else None,
        "gpus": [
            _shown(gpu, user) for gpu in row.gpus.prefetch_related("allocations__instance", "allocations__orphan")
        ],
        "orphans": [_orphan(one) for one in row.orphans.prefetch_related("allocations__gpu")] if user.is_staff else [],
    }


def discover_gpus(*, user: Any, node: int) -> Inventory:
    """Ask the node for its cards and store them. Raises `NotFound`, `PermissionRefused`, `NodeAway`, `Busy`
    while it or too many others are examined, and `Conflict` when the node meanwhile leads to another machine."""
    require_operator(user)
    row = node_of(user, node)
    timeout, hosts = settings.ENGINE_TIMEOUT, settings.SSH_KNOWN_HOSTS
    try:
        with (
            examinations.held(row.pk),
            connect(row.endpoint(), timeout=timeout, within=WITHIN, known_hosts=hosts) as engine,
        ):
            found = discover(engine, row, now=timezone.now())
    except EngineError as error:
        raise NodeAway(engine_failure_text(error.code).cause, extra={"evidence": error.evidence}) from error
    if found is None:
        raise Conflict(_("The node was changed or deleted while its engine was asked: discover again."))
    return found


def node_of(user: Any, pk: int) -> ComputeNode:
    """Raises `NotFound` for a node that the user may not see."""
    row: ComputeNode | None = visible_nodes(user).filter(pk=pk).first()
    if row is None:
        raise NotFound(_("There is no listed compute node with id %(ids)s.") % {"ids": pk})
    return row


def _shown(gpu: Gpu, user: Any) -> dict[str, Any]:
    held = list(gpu.allocations.all())
    return {
        "id": gpu.pk,
        "device_id": gpu.device_id,
        "index": gpu.index,
        "model": gpu.model,
        "memory_mib": gpu.memory_mib,
        "driver_version": gpu.driver_version,
        "is_partitioned": gpu.is_partitioned,
        "is_missing": gpu.is_missing,
        "is_cordoned": gpu.is_cordoned,
        "held_mib": sum(one.memory_mib for one in held),
        "held_percent": sum(one.compute_percent for one in held),
        "used_mib": gpu.used_mib,
        "outside_mib": gpu.outside_mib,
        "seen_at": gpu.seen_at,
        "holders": [
            {"instance": one.instance_id, "orphan": one.orphan_id, "name": _holder(one), "memory_mib": one.memory_mib}
            for one in held
            if user.is_staff or (one.instance and one.instance.user_id == user.pk)
        ],
    }


def _holder(held: GpuAllocation) -> str:
    return held.instance.name if held.instance else held.orphan.container_name  # type: ignore[union-attr]


def _orphan(row: Orphan) -> dict[str, Any]:
    return {
        "id": row.pk,
        "name": row.name,
        "user": row.owner,
        "container_id": row.container_id,
        "container_name": row.container_name,
        "state": row.state,
        "gpus": [{"device_id": one.gpu.device_id, "memory_mib": one.memory_mib} for one in row.allocations.all()],
        "cpu_cores": row.cpu_cores,
        "memory_gb": row.memory_gb,
        "data_disk_gb": row.data_disk_gb,
        "found_at": row.found_at,
        "seen_at": row.seen_at,
    }


def remove_orphan(*, user: Any, node: int, orphan: int) -> None:
    """Remove the container with its data volume, and free what it held. Raises `PermissionRefused`, `NotFound`,
    `Conflict` for a container that has a row after all, and `NodeAway`."""
    require_operator(user)
    row = Orphan.objects.filter(pk=orphan, node=node_of(user, node)).first()
    if row is None:
        raise NotFound(_("This container is no longer there."))
    if known_uids([row.uid]):
        raise Conflict(_("This container belongs to an instance: remove the instance."))
    timeout, hosts = settings.ENGINE_TIMEOUT, settings.SSH_KNOWN_HOSTS
    try:
        with connect(row.node.endpoint(), timeout=timeout, within=WITHIN, known_hosts=hosts) as engine:
            remove_with_volumes(engine, row)
    except EngineError as error:
        raise NodeAway(engine_failure_text(error.code).cause, extra={"evidence": error.evidence}) from error
