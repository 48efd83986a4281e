"""From the meter to the row: at most one write per interval, and the answer to "does this job still belong to me?"."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, reset_queries, transaction

from core.jobs import JobState
from pulls.events import record
from pulls.meter import Progress
from pulls.models import PullJob
from pulls.outcome import Stopped
from pulls.tools import Tools

logger = structlog.get_logger(__name__)
HEARTBEAT_EVERY = 1.0  # seconds between writes when nothing moves; a silent pull hears of its cancellation then


class Measuring(Protocol):
    """What the reporter asks of a meter, see `pulls.meter` and `pulls.transfer_meter`."""

    @property
    def moved_at(self) -> float: ...

    @property
    def last_byte_at(self) -> float | None: ...

    def progress(self, *, now: float) -> Progress: ...

    def verifying(self) -> None: ...

    def verified(self) -> None: ...


class Reporter:
    """Writes progress and heartbeat of one attempt; raises `Stopped` when the job was cancelled or taken over."""

    def __init__(self, job: PullJob, tools: Tools, *, every: float) -> None:
        # A write is a heartbeat too.
        self._job, self._tools, self._every = job, tools, min(every, settings.JOB_STALE_AFTER / 3)
        self._meter: Measuring | None = None
        self._written_at = tools.monotonic()  # by the claim
        self._last: dict[str, Any] = job.progress
        self._retried: set[str] = set()
        self._downloaded = False
        self._unwritten: dict[str, Any] = {}  # columns that the row has not got yet
        self._untold: list[tuple[str, dict[str, Any]]] = []  # events that the history has not got yet

    def start(
        self, meter: Measuring, *, digest: str, bytes_total: int | None, event: tuple[str, dict[str, Any]]
    ) -> None:
        """The total is known: the first snapshot goes out at once. `event`: code and values for the history."""
        self._meter = meter
        self._untold.append(event)
        self._store(meter.progress(now=self._tools.monotonic()).as_dict(), digest=digest, bytes_total=bytes_total)

    def tick(self) -> None:
        """Called for every event and every pause; writes when it is time."""
        since = self._tools.monotonic() - self._written_at
        if since < self._every or self._meter is None:
            return
        progress = self._meter.progress(now=self._tools.monotonic()).as_dict()
        if progress != self._last or since >= HEARTBEAT_EVERY:
            self._store(progress)

    def glance(self) -> None:
        """Between the steps before the stream: is the job still ours, and this process staying?"""
        if self._tools.interrupted():
            raise Stopped("interrupted")
        if self._tools.monotonic() - self._written_at >= self._every:
            self._store(self._last)

    def verifying(self) -> dict[str, Any]:
        """The stream has ended well. What watchers are to see if the engine takes its time to show the image."""
        if self._meter is None:
            return {}
        self._meter.verifying()
        return self._meter.progress(now=self._tools.monotonic()).as_dict()

    def verified(self) -> None:
        """The last picture travels with the final transition."""
        if self._meter is not None:
            self._meter.verified()
            self._job.progress = self._meter.progress(now=self._tools.monotonic()).as_dict()

    def engine_retries(self, layer: str) -> None:
        """Once per layer in the history; the engine repeats it every second."""
        if layer in self._retried:
            return
        with self._database_may_be_away():
            record(self._job, "engine_retries", at=self._tools.now(), layer=layer)
            self._retried.add(layer)

    def _store(self, progress: dict[str, Any], **columns: Any) -> None:
        self._written_at, self._last = self._tools.monotonic(), progress
        self._job.progress = progress
        now = self._tools.now()
        if self._meter is not None:
            columns["moved_at"] = self._moment(self._meter.moved_at, now)
            if self._meter.last_byte_at is not None:
                columns["last_byte_at"] = self._moment(self._meter.last_byte_at, now)
        self._unwritten |= columns
        if progress.get("phase") == "extracting" and not self._downloaded:
            self._untold.append(("downloaded", {}))
            self._downloaded = True
        mine = True
        with self._database_may_be_away():
            with transaction.atomic():
                mine = self._job.report(now=now, progress=progress, **self._unwritten)
                for code, values in self._untold if mine else ():
                    record(self._job, code, at=now, **values)
            self._unwritten, self._untold = {}, []
        reset_queries()  # with DEBUG on Django remembers every query of a thread, and a pull may take hours
        if not mine:
            self._stop()

    def _moment(self, monotonic: float, now: datetime) -> datetime:
        return now - timedelta(seconds=max(self._tools.monotonic() - monotonic, 0.0))

    @contextmanager
    def _database_may_be_away(self) -> Iterator[None]:
        """The engine goes on pulling meanwhile; the next write tells whether the job is still ours."""
        try:
            yield
        except (OperationalError, InterfaceError) as error:
            logger.warning("progress not written", pull=self._job.pk, reason=type(error).__name__)
            connection.close()

    def _stop(self) -> None:
        row: dict[str, Any] = PullJob.objects.filter(pk=self._job.pk).values("state", "run_token").first() or {}  # type: ignore[assignment]
        mine = row.get("run_token") == self._job.run_token
        raise Stopped("cancelled" if mine and row.get("state") == JobState.CANCELLING else "taken_over")
