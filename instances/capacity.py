"""From rows to what `instances.placement` judges: nodes, their cards, what is held of both. A few queries for all."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import Count, Q, Sum

from core.rows import bare_rows, joined_rows
from instances.accelerator import MIB_PER_GB, Demand
from instances.cards import Card, is_model
from instances.faults import faults_of_nodes
from instances.models import Gpu, GpuAllocation, Instance, Orphan, ProductSpec
from instances.placement import Candidate, Room
from nodes.models import STATUS_FRESH_FOR, ComputeNode, NodeStatus
from pulls.layers import NOTHING_KNOWN, weight_of
from pulls.presence import nodes_with

_NODE = ("pk", "name", "cpu", "memory", "data_disk", "platform")
_CARD = ("pk", "node_id", "device_id", "index", "model", "memory_mib", "outside_mib")
_SUMS = {
    "mib": Sum("memory_mib"),
    "percent": Sum("compute_percent"),
    "holders": Count("pk"),
}
_IN_SERVICE = Q(is_partitioned=False, is_missing=False, is_cordoned=False)
_WITH_SUMS = """
    SELECT node_id, device_id, "index", model, memory_mib, is_usable, COALESCE(mib, 0), COALESCE(percent, 0),
           COALESCE(holders, 0), outside_mib
      FROM ({}) AS card LEFT JOIN ({}) AS held ON held.gpu = card.pk
"""  # a node, and then what a `Card` has
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

    With a `demand` only the cards that it may get: a fleet has thousands of others. Give one for all nodes, or nearly
    all: what is held of a few others costs less than to look for each row's node. Between them it is of interest,
    too, how much of the image each one lacks.
    """
    fresh = Q(status=NodeStatus.CONNECTED, checked_at__gte=now - STATUS_FRESH_FOR)
    rows = nodes.order_by("pk").annotate(is_fresh=fresh).values_list(*_NODE, "gpu_inventory__problem", "is_fresh")
    ours = nodes.order_by().values("pk") if demand is None else None
    cards, held, present = _cards(ours, demand), _held(ours), nodes_with(reference, ours)
    faults = faults_of_nodes(now=now)
    weight = weight_of(reference) if reference and demand is not None else NOTHING_KNOWN
    return [
        Candidate(
            id=pk,
            name=name,
            cards=cards.get(pk, ()),
            room=Room(cpu, memory * MIB_PER_GB, data_disk),
            held=held.get(pk, _NOTHING),
            connected=bool(connected),
            image_present=pk in present,
            bytes_to_move=weight.bytes_to_move(pk, platform),
            cards_unknown=UNKNOWN if problem is None else problem,
            faults=faults.get(pk, ()),
        )
        for pk, name, cpu, memory, data_disk, platform, problem, connected in rows
    ]


def _cards(nodes: Any, demand: Demand | None) -> dict[int, list[Card]]:
    if demand is not None and not demand.count:
        return {}
    gpus, allocations = Gpu.objects.all(), GpuAllocation.objects.all()
    if demand is None:
        gpus, allocations = gpus.filter(node__in=nodes), allocations.filter(gpu__node__in=nodes)
    else:
        known = Gpu.objects.order_by().values_list("model", flat=True).distinct()
        gpus = gpus.filter(model__in=[model for model in known if is_model(model, demand.model)])
    sums = allocations.order_by().values_list("gpu").annotate(**_SUMS)
    rows = gpus.order_by().annotate(is_usable=_IN_SERVICE).values_list(*_CARD, "is_usable")
    found: dict[int, list[Card]] = {}
    for node, *card in joined_rows(rows, sums, _WITH_SUMS):
        found.setdefault(node, []).append(Card(*card))
    return found


def _held(nodes: Any) -> dict[int, Room]:
    sums = (Sum("cpu_cores"), Sum("memory_gb"), Sum("data_disk_gb"))
    rows = [Instance.objects.all(), Orphan.objects.all()]
    if nodes is not None:
        rows = [some.filter(node__in=nodes) for some in rows]
    of_instances, of_orphans = (some.order_by().values_list("node_id").annotate(*sums) for some in rows)
    found: dict[int, Room] = {}
    for node, cores, memory, disk in bare_rows(of_instances.union(of_orphans, all=True)):
        held = found.get(node, _NOTHING)
        memory_mib = held.memory_mib + memory * MIB_PER_GB
        found[node] = Room(held.cpu_cores + cores, memory_mib, held.data_disk_gb + disk)
    return found
