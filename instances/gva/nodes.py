"""Where a spec could run now, with the numbers that the front end's cards show."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.errors import NotFound
from instances.capacity import MIB_PER_GB, candidates, demand_of, needs_of
from instances.placement import Candidate, Card, place, takes
from instances.services import visible_specs
from instances.vgpu import share_of
from nodes.services import visible_nodes


def available_nodes(*, user: Any, spec: int) -> list[dict[str, Any]]:
    """The nodes that can take the spec, best first. Raises `NotFound`."""
    row = visible_specs(user).filter(pk=spec).first()
    if row is None:
        raise NotFound(_("There is no listed product spec with id %(id)s.") % {"id": spec}, code="spec_not_listed")
    nodes = {node.pk: node for node in visible_nodes(user).exclude(docker_address="")}
    states = candidates(visible_nodes(user).exclude(docker_address=""), reference="", now=timezone.now())
    by_id = {state.id: state for state in states}
    demand = demand_of(row, sliced=row.supports_memory_split)
    fits = place(demand, needs_of(row), states).fits
    return [_shown(nodes[fit.node], by_id[fit.node], demand, float(row.price_per_hour)) for fit in fits]


def _shown(node: Any, state: Candidate, demand: Any, price: float) -> dict[str, Any]:
    usable = [card for card in state.cards if card.usable]
    free = max((_free(card) for card in usable), default=0)
    return {
        "id": node.pk,
        "name": node.name,
        "region": node.region,
        "gpuName": node.gpu_name,
        "gpuCount": node.gpu_count,
        "availableGpu": sum(_would_take(card, demand) for card in usable) if demand.count else 0,
        "availableCpu": max(int(state.room.cpu_cores - state.held.cpu_cores), 0),
        "availableMemory": max((state.room.memory_mib - state.held.memory_mib) // MIB_PER_GB, 0),
        "memoryCapacity": free // MIB_PER_GB,
        "availableSystemDisk": node.system_disk,
        "availableDataDisk": max(state.room.data_disk_gb - state.held.data_disk_gb, 0),
        "publicIp": node.public_ip or "",
        "pricePerHour": price,
        "cpu": str(node.cpu),
        "memory": str(node.memory),
        "systemDisk": str(node.system_disk),
        "dataDisk": str(node.data_disk),
    }


def _free(card: Card) -> int:
    return 0 if card.exclusive else max(card.memory_mib - card.held_mib, 0)


def _would_take(card: Card, demand: Any) -> bool:
    return takes(card, share_of(demand, card.memory_mib))
