"""Where a spec could run now, with the numbers that the front end's cards show."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.dialects.gva_schema import NUMBER, TEXT, json_object
from core.errors import NotFound
from instances.accelerator import MIB_PER_GB, Demand
from instances.capacity import candidates, demand_of, needs_of
from instances.cards import free_memory, is_model
from instances.placement import Candidate, place, would_take
from instances.services import visible_specs
from nodes.models import ComputeNode
from nodes.services import visible_nodes

AVAILABLE_NODE = json_object(
    id=NUMBER, name=TEXT, region=TEXT, gpuName=TEXT, gpuCount=NUMBER, availableGpu=NUMBER, availableCpu=NUMBER,
    availableMemory=NUMBER, memoryCapacity=NUMBER, availableSystemDisk=NUMBER, availableDataDisk=NUMBER, publicIp=TEXT,
    pricePerHour={"type": "number"}, cpu=TEXT, memory=TEXT, systemDisk=TEXT, dataDisk=TEXT,
)  # fmt: skip


def available_nodes(*, user: Any, spec: int) -> list[dict[str, Any]]:
    """The nodes that can take the spec, best first. What is not listed nobody runs, operators neither.

    Raises `NotFound`.
    """
    row = visible_specs(user).filter(pk=spec, is_listed=True).first()
    if row is None:
        raise NotFound(_("There is no listed product spec with id %(id)s.") % {"id": spec}, code="spec_not_listed")
    nodes = visible_nodes(user).filter(is_listed=True).exclude(docker_address="")
    demand = demand_of(row, sliced=row.supports_memory_split)
    found = candidates(nodes, reference="", now=timezone.now(), demand=demand)
    states = {state.id: state for state in found}
    fits = place(demand, needs_of(row), states.values()).fits
    rows = nodes.in_bulk([fit.node for fit in fits])
    price = float(row.price_per_hour)
    return [_shown(rows[fit.node], states[fit.node], demand, price) for fit in fits if fit.node in rows]


def _shown(node: ComputeNode, state: Candidate, demand: Demand, price: float) -> dict[str, Any]:
    cards = [card for card in state.cards if card.usable and is_model(card.model, demand.model)]
    return {
        "id": node.pk,
        "name": node.name,
        "region": node.region,
        "gpuName": node.gpu_name,
        "gpuCount": node.gpu_count,
        "availableGpu": sum(would_take(card, demand) for card in cards),
        "availableCpu": max(int(state.room.cpu_cores - state.held.cpu_cores), 0),
        "availableMemory": max((state.room.memory_mib - state.held.memory_mib) // MIB_PER_GB, 0),
        "memoryCapacity": max((free_memory(card) for card in cards), default=0) // MIB_PER_GB,
        "availableSystemDisk": node.system_disk,
        "availableDataDisk": max(state.room.data_disk_gb - state.held.data_disk_gb, 0),
        "publicIp": node.public_ip or "",
        "pricePerHour": price,
        "cpu": str(node.cpu),
        "memory": str(node.memory),
        "systemDisk": str(node.system_disk),
        "dataDisk": str(node.data_disk),
    }
