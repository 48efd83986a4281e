"""What people ask about the cards of a node."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.errors import Conflict, NotFound
from core.operators import require_operator
from instances.discovery import Inventory, look_for_devices, store_inventory
from instances.engine_slots import examinations
from instances.models import Gpu, GpuInventory
from instances.reading import NodeAway
from instances.refusal_texts import sentence
from nodes.engine import EngineError, connect
from nodes.failure_texts import engine_failure_text
from nodes.models import ComputeNode
from nodes.services import visible_nodes

WITHIN = 40.0  # seconds: some short-lived containers


def gpus_of(*, user: Any, node: int) -> dict[str, Any]:
    """`{checked_at, problem, gpus}`; the names of holders only for who may see the instances."""
    row = node_of(user, node)
    inventory = GpuInventory.objects.filter(node=row).first()
    problem = inventory.problem if inventory else "gpus_unknown"
    return {
        "checked_at": inventory.checked_at if inventory else None,
        "problem": {"code": problem, "text": sentence(problem, {})} if problem else None,
        "gpus": [_shown(gpu, user) for gpu in row.gpus.prefetch_related("allocations__instance__user")],
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
            found = look_for_devices(engine, image=settings.GPU_PROBE_IMAGE, now=timezone.now())
    except EngineError as error:
        raise NodeAway(engine_failure_text(error.code).cause, extra={"evidence": error.evidence}) from error
    if not store_inventory(row, found, now=timezone.now()):
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
        "holders": [
            {"instance": one.instance_id, "name": one.instance.name, "memory_mib": one.memory_mib}
            for one in held
            if user.is_staff or one.instance.user_id == user.pk
        ],
    }
