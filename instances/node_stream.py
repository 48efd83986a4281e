"""The event stream of one node: whatever happens to our containers there is looked at and written down at once."""

from __future__ import annotations

import threading
from collections.abc import Collection
from uuid import UUID

import structlog
from django.db import DatabaseError, InterfaceError, connection, reset_queries

from core.errors import SecretUnreadable
from instances.spec import LABEL
from instances.sweep import busy_among, settle
from nodes.engine import Engine, EngineError, EventStream
from nodes.models import ComputeNode
from pulls.tools import Tools

# Seconds. What an operation works on is looked at again after each tick, until that has ended.
TICK = 1.0
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0  # before connecting again
LASTED = 10.0  # a stream that stood so long was none that breaks at once
SECOND_LOOK = 2.0  # engines do not say from which moment they listen: what happened right at the beginning
# Streams that look at the same time, for each has its own connection to the database while it does.
_looking = threading.BoundedSemaphore(8)
logger = structlog.get_logger(__name__)


class NodeStream:
    """Follows the node in a thread of its own until `end`, however often the connection breaks."""

    def __init__(self, node: ComputeNode, tools: Tools) -> None:
        self._node, self._tools = node, tools
        self._over = threading.Event()
        self._stream: EventStream | None = None
        self._thread = threading.Thread(target=self._run, name=f"events-{node.pk}", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def end(self) -> None:
        """Ends soon; waits for nothing."""
        self._over.set()
        if (stream := self._stream) is not None:
            stream.close()

    def join(self, within: float) -> None:
        self._thread.join(within)

    def _run(self) -> None:
        pause = FIRST_PAUSE
        while not self._over.is_set():
            began = self._tools.monotonic()
            try:
                self._follow()
                reason = "the engine ended the stream"
            except (EngineError, SecretUnreadable, DatabaseError, InterfaceError) as error:
                reason = str(error) or type(error).__name__
            if self._over.is_set():
                return
            if self._tools.monotonic() - began > LASTED:
                pause = FIRST_PAUSE
            logger.info("no events of a node", node=self._node.pk, reason=reason, again_in=pause)
            self._over.wait(pause * (1 + self._tools.jitter()))
            pause = min(pause * 2, LONGEST_PAUSE)

    def _follow(self) -> None:
        """One connection, until it breaks."""
        with self._tools.connect(self._node.endpoint()) as engine:
            with engine.events(labels={LABEL: ""}, tick=TICK) as self._stream:
                unseen = self._look(engine)  # what happened while nobody listened
                logger.info("events of a node", node=self._node.pk)
                self._read(engine, self._stream, unseen)
            self._stream = None

    def _read(self, engine: Engine, stream: EventStream, unseen: set[str]) -> None:
        second_look = self._tools.monotonic() + SECOND_LOOK
        for event in stream:
            if self._over.is_set():
                return
            if event is not None and _is_uid(uid := event.labels.get(LABEL, "")):
                unseen.add(uid)
            if self._tools.monotonic() >= second_look:
                second_look = float("inf")
                unseen = self._look(engine)
            elif unseen:
                unseen = self._look(engine, unseen)

    def _look(self, engine: Engine, uids: Collection[str] | None = None) -> set[str]:
        """At these, or at all. Returns those that a worker holds: their turn comes when it has ended."""
        with _looking:
            try:
                reset_queries()  # with DEBUG on Django remembers every query of a thread
                busy = busy_among(self._node, uids)  # first: one that ends meanwhile is looked at now or once more
                settle(self._node, engine, now=self._tools.now(), uids=uids)
                return busy
            finally:
                connection.close()  # hundreds of threads must not keep one each


def _is_uid(text: str) -> bool:
    """Labels are anybody's to write."""
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
