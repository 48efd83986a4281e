"""Live progress: one poller per web process reads the rows somebody watches and fans changes out.

Works with any number of processes and without Redis, because the row is the truth: word of a change only makes the
poller look at once. Each watcher has a bounded
queue: one that reads too slowly loses intermediate pictures, never the last one (a picture replaces its
predecessor). Event id = `version` of the row, so a reconnecting browser gets only what is new to it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import structlog
from django.db import DatabaseError, InterfaceError, connections

from core.server_sent import KEEP_ALIVE, KEEP_ALIVE_EVERY, RETRY, event

logger = structlog.get_logger(__name__)
LOOK_EVERY = 0.25  # seconds without word of a change (`core.changes`); one indexed query, only while somebody watches
PAUSE = 0.01  # seconds between two looks, however many changes are announced
ALLOWED_FOR = 60.0  # seconds between two looks at whether the reader may still watch

Versions = Callable[[Iterable[int]], Mapping[int, int]]  # ids → {id: version}
# ids, language, whether operators look → {id: snapshot}
Pictures = Callable[[Iterable[int], str, bool], Mapping[int, dict[str, Any]]]


@dataclass(eq=False)
class Watcher:
    """One open stream: what it watches, in which language, for whom, and what it has not been sent yet."""

    ids: frozenset[int]
    language: str
    operator: bool = False
    seen: dict[int, int] = field(default_factory=dict)  # versions that the browser has
    pending: dict[int, dict[str, Any]] = field(default_factory=dict)  # at most one picture per id
    wake: asyncio.Event = field(default_factory=asyncio.Event)


class Hub:
    """The poller and its watchers. Lives in one event loop; the database is read in one thread of its own."""

    def __init__(
        self,
        *,
        versions: Versions,
        pictures: Pictures,
        listen: Callable[[Callable[[], None]], None] = lambda _listener: None,
        look_every: float = LOOK_EVERY,
    ) -> None:
        self._versions, self._pictures, self._listen, self._look_every = versions, pictures, listen, look_every
        self._watchers: set[Watcher] = set()
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed = asyncio.Event()
        self._reader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="progress")
        self._closing = False

    @property
    def watching(self) -> int:
        return len(self._watchers)

    async def watch(
        self,
        ids: Iterable[int],
        *,
        language: str,
        seen: Mapping[int, int],
        operator: bool = False,
        allowed: Callable[[], bool] = lambda: True,
    ) -> AsyncGenerator[bytes, None]:
        """Server-sent events for `ids`: the present picture at once, then every change, until the reader leaves.

        `allowed` is asked again every minute: a stream may be open for days, and rights change.
        """
        watcher = Watcher(frozenset(ids), language, operator, dict(seen))
        self._watchers.add(watcher)
        self._changed.set()  # it has seen nothing yet
        if self._task is None:
            self._listen(self.look)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._poll())
        try:
            yield RETRY
            judged = time.monotonic()
            while not self._closing:
                if time.monotonic() - judged > ALLOWED_FOR:
                    if not await asyncio.get_running_loop().run_in_executor(self._reader, allowed):
                        return
                    judged = time.monotonic()
                try:
                    await asyncio.wait_for(watcher.wake.wait(), KEEP_ALIVE_EVERY)
                except TimeoutError:
                    yield KEEP_ALIVE
                    continue
                watcher.wake.clear()
                pending, watcher.pending = watcher.pending, {}
                for picture in pending.values():
                    yield encode(picture)
        finally:
            self._watchers.discard(watcher)

    def close(self) -> None:
        """End every stream, so that open browsers do not delay a shutdown."""
        self._closing = True
        for watcher in self._watchers:
            watcher.wake.set()

    def look(self) -> None:
        """Something changed: look now. From any thread, also when nobody watches."""
        if self._loop is not None and self._watchers:
            with suppress(RuntimeError):  # the loop has just ended
                self._loop.call_soon_threadsafe(self._changed.set)

    async def _poll(self) -> None:
        loop = self._loop = asyncio.get_running_loop()
        while True:
            while self._watchers and not self._closing:
                self._changed.clear()
                try:
                    await self._round(loop)
                except (DatabaseError, InterfaceError) as error:
                    logger.warning("progress cannot be read", reason=type(error).__name__)
                    await loop.run_in_executor(self._reader, connections.close_all)
                except Exception:  # the stream loop: one bad picture must not silence every other stream
                    logger.exception("progress cannot be shown")
                await asyncio.sleep(PAUSE)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), self._look_every)
            await loop.run_in_executor(self._reader, connections.close_all)
            # Who came meanwhile found this task still alive and started no other.
            if self._closing or not self._watchers:
                return

    async def _round(self, loop: asyncio.AbstractEventLoop) -> None:
        watchers = list(self._watchers)
        wanted = frozenset().union(*(watcher.ids for watcher in watchers))
        versions = await loop.run_in_executor(self._reader, self._versions, wanted)
        stale: dict[tuple[str, bool], set[int]] = {}
        for watcher in watchers:
            ids = {pk for pk in watcher.ids & versions.keys() if watcher.seen.get(pk, 0) < versions[pk]}
            if ids:
                stale.setdefault((watcher.language, watcher.operator), set()).update(ids)
        for viewer, ids in stale.items():
            pictures = await loop.run_in_executor(self._reader, self._pictures, ids, *viewer)
            for watcher in watchers:
                if (watcher.language, watcher.operator) == viewer:
                    _deliver(watcher, pictures)


def _deliver(watcher: Watcher, pictures: Mapping[int, dict[str, Any]]) -> None:
    for pk in watcher.ids & pictures.keys():
        picture = pictures[pk]
        if watcher.seen.get(pk, 0) < picture["version"]:
            watcher.seen[pk] = picture["version"]
            watcher.pending[pk] = picture
            watcher.wake.set()


def encode(picture: Mapping[str, Any]) -> bytes:
    """One event: `id: <version>`, `event: snapshot`, `data: <JSON>`."""
    return event("snapshot", picture, number=picture["version"])
