"""From rows to what `instances.placement` judges: nodes, their cards, what is held of both. A few queries for all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import Count, Q, Sum
from django.db.models.functions import Coalesce

from core.jobs import JobState
from instances.accelerator import Demand
from instances.models import Gpu, Instance, ProductSpec
from instances.placement import Candidate, Card, Room
from nodes.models import STATUS_FRESH_FOR, ComputeNode, NodeStatus
from pulls.models import PullJob

MIB_PER_GB = 1024


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


def candidates(nodes: models.QuerySet[ComputeNode], *, reference: str, now: datetime) -> list[Candidate]:
    """The nodes as they are now, in a number of queries that does not grow with them."""
    rows = list(nodes)
    ids = [row.pk for row in rows]
    cards, held, present = _cards(ids), _held(ids), _nodes_with(reference, ids)
    return [
        Candidate(
            id=row.pk,
            name=row.name,
            cards=cards[row.pk],
            room=Room(row.cpu, row.memory * MIB_PER_GB, row.data_disk),
            held=held.get(row.pk, Room()),
            connected=row.status == NodeStatus.CONNECTED and _is_fresh(row, now),
            image_present=row.pk in present,
            bytes_to_move=0 if row.pk in present else None,
        )
        for row in rows
    ]


def _is_fresh(node: ComputeNode, now: datetime) -> bool:
    return node.checked_at is not None and now - node.checked_at <= STATUS_FRESH_FOR


def _cards(ids: Iterable[int]) -> dict[int, list[Card]]:
    of_gpu: dict[str, Any] = {
        "mib": Coalesce(Sum("allocations__memory_mib"), 0),
        "percent": Coalesce(Sum("allocations__compute_percent"), 0),
        "holders": Count("allocations"),
        "exclusive": Count("allocations", filter=Q(allocations__is_exclusive=True)),
    }
    found: dict[int, list[Card]] = defaultdict(list)
    rows = Gpu.objects.filter(node__in=ids).order_by("node", "index", "pk").annotate(**of_gpu)
    columns = ("node_id", "device_id", "index", "model", "memory_mib", "is_partitioned", "is_missing", "is_cordoned")
    for node, device, index, model, memory, split, missing, cordoned, *sums in rows.values_list(*columns, *of_gpu):
        usable = not (split or missing or cordoned)
        mib, percent, holders, exclusive = sums
        found[node].append(Card(device, index, model, memory, usable, mib, percent, holders, bool(exclusive)))
    return found


def _held(ids: Iterable[int]) -> dict[int, Room]:
    sums = (Sum("cpu_cores"), Sum("memory_gb"), Sum("data_disk_gb"))
    rows = Instance.objects.filter(node__in=ids).order_by().values_list("node_id").annotate(*sums)
    return {node: Room(cores, memory * MIB_PER_GB, disk) for node, cores, memory, disk in rows}


def _nodes_with(reference: str, ids: Iterable[int]) -> set[int]:
    """Where the last pull of the reference went well: the image is probably still there."""
    pulled = PullJob.objects.filter(node__in=ids, reference=reference, state=JobState.SUCCEEDED)
    return set(pulled.order_by().values_list("node_id", flat=True).distinct())
