"""Calls that wait, made from the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import structlog
from django.db import connections

logger = structlog.get_logger(__name__)
T = TypeVar("T")


class Threads:
    """A pool for one kind of connection, so that many of them keep nobody else waiting."""

    def __init__(self, name: str, *, most: int) -> None:
        self._pool = ThreadPoolExecutor(most, thread_name_prefix=name)

    async def run(self, call: Callable[[], T]) -> T:
        """Who is cancelled meanwhile leaves the call to its own end."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, _then_disconnected, call)

    def begin(self, call: Callable[[], object]) -> None:
        """Nobody waits for it: also for a loop that comes to its end. A process ends when it has ended."""
        self._pool.submit(_then_disconnected, call).add_done_callback(_tell)


def _tell(done: Future[object]) -> None:
    if failure := done.exception():
        logger.error("background call crashed", exc_info=failure)


def _then_disconnected(call: Callable[[], T]) -> T:
    try:
        return call()
    finally:
        close_connections()


def close_connections() -> None:
    """A thread keeps no connection to the database while it waits, maybe for hours."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()
