"""Who listens to the engines: one process of the deployment, one stream for each node that has instances.

The process that holds the lease listens; each of the others asks every `EVERY` seconds whether it may. When the holder
dies, one of them begins after `LEASE` + `EVERY` seconds at the latest, and looks at every node first.
"""

from __future__ import annotations

import threading

import structlog
from django.db import DatabaseError, InterfaceError, connection, reset_queries
from django.db.models import Exists, OuterRef

from core.leases import Holding
from core.shutdown import stopping
from instances.models import Instance
from instances.node_stream import NodeStream
from nodes.models import ComputeNode
from pulls.tools import Tools, production_tools

EVERY, LEASE = 2.0, 8.0  # seconds
MOST_STREAMS = 500  # two threads each, which sleep; of further nodes only the sweep tells
logger = structlog.get_logger(__name__)
Key = tuple[int, int]  # a node, and a way to connect to it


class Watch:
    """Runs in a thread of a worker until `stopping`."""

    def __init__(self, tools: Tools, *, stopping: threading.Event, every: float = EVERY, lease: float = LEASE) -> None:
        self._tools, self._stopping, self._every = tools, stopping, every
        self._holding = Holding("engine events", seconds=lease)
        self._streams: dict[Key, NodeStream] = {}

    @property
    def following(self) -> set[int]:
        """The nodes whose streams this process has; from any thread."""
        return {pk for pk, _version in list(self._streams)}

    def run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._round()
                self._stopping.wait(self._every)
        finally:
            self._follow({})
            self._holding.let_go()

    def _round(self) -> None:
        try:
            reset_queries()
            wanted = _nodes() if self._holding.hold() else {}
        except (DatabaseError, InterfaceError) as error:
            logger.warning("nodes to listen to cannot be read", reason=type(error).__name__)
            connection.close()
            if self._holding.is_mine:
                return
            wanted = {}
        self._follow(wanted)

    def _follow(self, wanted: dict[Key, ComputeNode]) -> None:
        for key in [key for key, stream in self._streams.items() if key not in wanted or not stream.alive]:
            self._streams.pop(key).end()
        for key in wanted.keys() - self._streams.keys():
            self._streams[key] = NodeStream(wanted[key], self._tools)


def start_watching() -> threading.Thread:
    """Begin, in this process; ends with `core.shutdown.stopping`."""
    thread = threading.Thread(target=Watch(production_tools(), stopping=stopping).run, name="watch", daemon=True)
    thread.start()
    return thread


def _nodes() -> dict[Key, ComputeNode]:
    """Those with instances, whether or not they are listed, or answer just now."""
    rows = ComputeNode.objects.filter(Exists(Instance.objects.filter(node=OuterRef("pk")))).exclude(docker_address="")
    found = list(rows.order_by("pk")[: MOST_STREAMS + 1])
    if len(found) > MOST_STREAMS:
        logger.warning("too many nodes to listen to all of them", most=MOST_STREAMS)
    return {(node.pk, node.connection_version): node for node in found[:MOST_STREAMS]}
