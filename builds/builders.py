"""Nodes that can build."""

from __future__ import annotations

from typing import Final

from nodes.models import ComputeNode, NodeStatus

LABEL: Final = "builder"
_NO: Final = frozenset({"", "0", "false", "no", "none"})


def is_builder(node: ComputeNode) -> bool:
    return LABEL in node.labels and str(node.labels[LABEL]).strip().lower() not in _NO


def builder_nodes() -> list[ComputeNode]:
    """Where a build goes that names no node: connected listed nodes with the label, else any connected listed ones.

    While none is connected, listed ones all the same: whoever tries finds out what keeps them away, and says so.
    """
    listed = list(ComputeNode.objects.filter(is_listed=True).exclude(docker_address="").order_by("pk"))
    connected = [node for node in listed if node.status == NodeStatus.CONNECTED]
    return [*filter(is_builder, connected)] or connected or [*filter(is_builder, listed)] or listed
