"""What kept containers from running on nodes lately. Placing ranks such nodes last, for creations would go there again
and again: a node on which nothing runs is the emptiest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, QuerySet

from core.rows import bare_rows
from instances.accelerator import Finding
from instances.failures import LIBRARY, OF_DEVICES
from instances.models import NodeFault
from nodes.models import ComputeNode

FRESH_FOR = timedelta(minutes=30)  # then the node is tried again, in case that nobody told of its recovery


def note_fault(node: ComputeNode, code: str, params: Mapping[str, Any], *, now: datetime) -> None:
    """`node`: as it was when it was met."""
    values = {
        "params": dict(params), "connection_version": node.connection_version, "directory": node.hami_core,
        "seen_at": now,
    }  # fmt: skip
    NodeFault.objects.update_or_create(node=node, code=code, defaults=values)


def devices_work(node: ComputeNode) -> None:
    """The engine gave devices to a container."""
    NodeFault.objects.filter(node=node, code__in=OF_DEVICES).delete()


def settle_library(node: ComputeNode, found: Iterable[Finding], *, now: datetime) -> None:
    """The slicing library was looked at: this stands against it, and nothing else any more."""
    wrong = {finding.code: finding.params for finding in found if finding.refuses}
    NodeFault.objects.filter(node=node, code__startswith=LIBRARY).exclude(code__in=wrong).delete()
    for code, params in wrong.items():
        note_fault(node, code, params, now=now)


def fresh_faults(*, now: datetime) -> QuerySet[NodeFault]:
    """Of nodes whose settings are still those with which they were met."""
    return NodeFault.objects.filter(
        seen_at__gte=now - FRESH_FOR, connection_version=F("node__connection_version"), directory=F("node__hami_core")
    ).order_by("pk")


def faults_of_nodes(*, now: datetime) -> dict[int, list[str]]:
    """Codes, by node."""
    found: dict[int, list[str]] = {}
    for node, code in bare_rows(fresh_faults(now=now).values_list("node_id", "code")):
        found.setdefault(node, []).append(code)
    return found
