"""From rows to what `instances.placement` judges: nodes, their cards, what is held of both. A few queries for all."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import Count, Q, Sum

from core.rows import bare_rows
from instances.accelerator import MIB_PER_GB, Demand
from instances.cards import Card, is_model
from instances.faults import faults_of_nodes
from instances.models import Gpu, GpuAllocation, Instance, Orphan, ProductSpec
from instances.placement import Candidate, Room
from nodes.models import STATUS_FRESH_FOR, ComputeNode, NodeStatus
from pulls.presence import nodes_with

_NODE = ("pk", "name", "cpu", "memory", "data_disk")
_CARD = ("pk", "node_id", "device_id", "index", "model", "memory_mib", "outside_mib")
_SUMS = {
    "mib": Sum("memory_mib"),
    "percent": Sum("compute_percent"),
    "holders": Count("pk"),
}
_IN_SERVICE = Q(is_partitioned=False, is_missing=False, is_cordoned=False)
_UNTOUCHED = (0, 0, 0, 0)
_NOTHING = Room()
UNKNOWN = "gpus_unknown"  # of a node that was never asked


def demand_of(spec: ProductSpec, *, sliced: bool) -> Demand:
    """What the spec asks of the cards of a node."""
    return Demand(
        count=spec.gpu_count,
        model=spec.gpu_model if spec.gpu_count else "",
        memory_mib=spec.gpu_memory_gb * MIB_PER_GB,
        sliced=sliced,
        compute_percent=spec.sm_limit_percent,
    )


def needs_of(spec: ProductSpec) -> Room:
    """What the spec asks of a node besides cards."""
    return Room(spec.cpu_cores, spec.memory_gb * MIB_PER_GB, spec.data_disk_gb)


def candidates(
    nodes: models.QuerySet[ComputeNode], *, reference: str, now: datetime, demand: Demand | None = None
) -> list[Candidate]:
    """The nodes as they are now, in a number of queries that does not grow with them.

    With a `demand` only the cards that it may get: a fleet has thousands of others. Give one for many nodes.
    """
    fresh = Q(status=NodeStatus.CONNECTED, checked_at__gte=now - STATUS_FRESH_FOR)
    rows = nodes.order_by("pk").annotate(is_fresh=fresh).values_list(*_NODE, "gpu_inventory__problem", "is_fresh")
    ours = nodes.order_by().values("pk")
    cards, held, present = _cards(ours, demand), _held(ours), nodes_with(reference, ours)
    faults = faults_of_nodes(now=now)
    return [
        Candidate(
            id=pk,
            name=name,
            cards=cards.get(pk, ()),
            room=Room(cpu, memory * MIB_PER_GB, data_disk),
            held=held.get(pk, _NOTHING),
            connected=bool(connected),
            image_present=pk in present,
            cards_unknown=UNKNOWN if problem is None else problem,
            faults=faults.get(pk, ()),
        )
        for pk, name, cpu, memory, data_disk, problem, connected in rows
    ]


def _cards(nodes: Any, demand: Demand | None) -> dict[int, list[Card]]:
    if demand is not None and not demand.count:
        return {}
    gpus, allocations = Gpu.objects.all(), GpuAllocation.objects.all()
    if demand is None:
        gpus, allocations = gpus.filter(node__in=nodes), allocations.filter(gpu__node__in=nodes)
    else:  # all nodes, or nearly: some more cards cost less than to look at each one's node
        known = Gpu.objects.order_by().values_list("model", flat=True).distinct()
        gpus = gpus.filter(model__in=[model for model in known if is_model(model, demand.model)])
    taken = {row[0]: row for row in bare_rows(allocations.order_by().values_list("gpu").annotate(**_SUMS))}
    found: dict[int, list[Card]] = {}
    rows = gpus.order_by().annotate(is_usable=_IN_SERVICE).values_list(*_CARD, "is_usable")
    for pk, node, device, index, model, memory, outside, usable in bare_rows(rows):
        _gpu, mib, percent, holders = taken.get(pk, _UNTOUCHED)
        card = Card(device, index, model, memory, usable, mib, percent, holders, outside)
        found.setdefault(node, []).append(card)
    return found


def _held(nodes: Any) -> dict[int, Room]:
    sums = (Sum("cpu_cores"), Sum("memory_gb"), Sum("data_disk_gb"))
    of_instances, of_orphans = (
        model._default_manager.filter(node__in=nodes).order_by().values_list("node_id").annotate(*sums)
        for model in (Instance, Orphan)
    )
    found: dict[int, Room] = {}
    for node, cores, memory, disk in bare_rows(of_instances.union(of_orphans, all=True)):
        held = found.get(node, _NOTHING)
        memory_mib = held.memory_mib + memory * MIB_PER_GB
        found[node] = Room(held.cpu_cores + cores, memory_mib, held.data_disk_gb + disk)
    return found
