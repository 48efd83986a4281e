"""Nodes that were never asked for their cards are asked as soon as they answer, once. Afterwards it is for operators to
ask again: each look starts a container there."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import structlog
from django.db import DatabaseError, connection
from django.db.models import Q, QuerySet

from core.errors import SecretUnreadable
from instances.discovery import Inventory, discover, store_inventory
from nodes.engine import EngineError, EngineRejected
from nodes.models import ComputeNode, NodeStatus
from pulls.tools import Tools

THREADS = 8
MOST_AT_ONCE = 100  # nodes; the others in the next round
logger = structlog.get_logger(__name__)


def discover_new_nodes(*, tools: Tools) -> None:
    nodes = list(new_nodes()[:MOST_AT_ONCE])
    with ThreadPoolExecutor(THREADS, thread_name_prefix="first look") as threads:
        list(threads.map(lambda node: _look(node, tools), nodes))


def new_nodes() -> QuerySet[ComputeNode]:
    """Those without an answer; one that had no image to ask with was not asked yet."""
    unasked = Q(gpu_inventory=None) | Q(gpu_inventory__problem="no_probe_image")
    rows = ComputeNode.objects.filter(unasked, status=NodeStatus.CONNECTED).exclude(docker_address="")
    return rows.order_by("gpu_inventory__checked_at", "pk")


def _look(node: ComputeNode, tools: Tools) -> None:
    """A failure is no news: the node's page says that its cards are unknown, and so do refusals."""
    now = tools.now()
    try:
        with tools.connect(node.endpoint()) as engine:
            try:
                discover(engine, node, now=now)
            except EngineRejected as error:  # it answers, and will not answer this: asking again is of no use
                store_inventory(node, Inventory(problem="gpus_unknown", evidence=error.evidence), held={}, now=now)
    except (EngineError, SecretUnreadable, DatabaseError) as error:
        logger.info("cards not discovered", node=node.name, reason=str(error))
    finally:
        connection.close()  # a thread's own
