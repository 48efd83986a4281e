"""From meter and log to the rows: at most one write per interval, and the answer to "is this job still mine?".

A write is one transaction: the job's row, and one row of the log that holds all lines since the last one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import structlog
from django.db import InterfaceError, OperationalError, connection, reset_queries, transaction

from builds.hiding import Hider
from builds.log_buffer import LogBuffer, size_of
from builds.meter import BuildMeter
from builds.models import Build, LogChunk
from builds.notes import NOTE, SENTENCES
from core.jobs import JobState
from nodes.engine import BuildEvent, BuildEventKind
from pulls.outcome import Stopped
from pulls.tools import Tools

logger = structlog.get_logger(__name__)
EVERY = 0.5  # seconds: two writes a second at most
HEARTBEAT_EVERY = 1.0  # seconds between writes when nothing moves; a silent build hears of its cancellation then
_OUTPUT = str(BuildEventKind.OUTPUT)
_NO_LINE = frozenset({BuildEventKind.PROGRESS})


class Reporter:
    """Of one attempt; raises `Stopped` when the job was cancelled or taken over. `meter` and `log` go with it."""

    def __init__(self, job: Build, tools: Tools, *, limit: int) -> None:
        self.meter = BuildMeter(moved_at=tools.monotonic())
        self._job, self._tools = job, tools
        self._log = LogBuffer(first=job.log_lines, limit=limit, kept=_kept(job))
        self._began = self._written_at = tools.monotonic()  # written by the claim
        self._secrets: set[str] = set()
        self._hider = Hider(())
        self._held: dict[tuple[int, int], str] = {}  # ends of pieces of long lines, by step and stream
        self._labels: tuple[str, ...] = ()
        self._last: dict[str, Any] = job.progress
        self._unwritten: dict[str, Any] = {}  # columns that the row has not got yet

    def hide(self, secrets: Iterable[str]) -> None:
        """From now on these are in no line."""
        self._secrets.update(secrets)
        self._hider = Hider(self._secrets)

    def expect_labels(self, names: Iterable[str]) -> None:
        """Classic builders carry out labels that are asked for as steps behind those of the Dockerfile."""
        self._labels = tuple(f"LABEL {name}=" for name in names)

    def hidden(self, text: str) -> str:
        """Evidence."""
        return self._hider.hide_cut(text)

    def note(self, code: str, **values: Any) -> None:
        """A line of our own: JSON-ready values, never secret."""
        assert code in SENTENCES, code
        self._add(0, NOTE, {"code": code, "values": values})

    def take(self, event: BuildEvent) -> None:
        """An event of the builder."""
        hidden = "" if event.kind is BuildEventKind.OUTPUT else self._hider.hide(event.text)
        added = self._is_added(event)
        self.meter.feed_build(event, text=hidden, added=added, now=self._tools.monotonic())
        if event.kind in _NO_LINE:
            return
        ended = event.kind in (BuildEventKind.DONE, BuildEventKind.FAILED)
        if event.kind is BuildEventKind.OUTPUT:
            self._take_output(event)
        elif added:
            self._add(event.step, NOTE, {"code": "label", "values": {"label": hidden.removeprefix("LABEL ")}})
        else:
            self._add(event.step, str(event.kind), f"{event.seconds or 0.0:.1f}" if ended else hidden)

    def _is_added(self, event: BuildEvent) -> bool:
        """A step that no Dockerfile has: one of the last ones, as many as there are labels."""
        last = event.steps is not None and event.step > event.steps - len(self._labels)
        return last and event.kind is BuildEventKind.STEP and event.text.startswith(self._labels)

    def _take_output(self, event: BuildEvent) -> None:
        """A secret may begin in one piece of a long line and end in the next."""
        place = event.step, event.stream
        text = self._held.pop(place, "") + event.text
        if not event.goes_on:
            self._add(event.step, str(event.kind), text)
            return
        hidden, self._held[place] = self._hider.hide_beginning(text)
        if hidden:
            self._add(event.step, str(event.kind), hidden)

    def tick(self) -> None:
        """Called for every event and every pause; writes when it is time."""
        since = self._tools.monotonic() - self._written_at
        if since < EVERY:
            return
        picture = self.meter.picture()
        if self._log.waiting or self._unwritten or picture != self._last or since >= HEARTBEAT_EVERY:
            self._store(picture)

    def glance(self) -> None:
        """Between the steps: is the job still ours, and this process staying?"""
        if self._tools.interrupted():
            raise Stopped("interrupted")
        self.tick()

    def remember(self, **columns: Any) -> None:
        """Columns for the next write, or for the last transition."""
        for name, value in columns.items():
            setattr(self._job, name, value)
        self._unwritten |= columns

    def store(self, **columns: Any) -> None:
        """Columns that people wait for: at once."""
        self.remember(**columns)
        self._store(self.meter.picture())

    def final(self) -> dict[str, Any]:
        """Columns for the last transition, which `keep` makes with the rest of the log."""
        for (step, _stream), text in self._held.items():
            self._add(step, str(BuildEventKind.OUTPUT), text)
        self._held.clear()
        self._job.progress = self.meter.picture()
        return {**self._unwritten, "progress": self._job.progress, "log_lines": self._log.count}

    def keep(self) -> None:
        """The rest of the log, within the transaction of the last transition."""
        self._keep()

    def _add(self, step: int, kind: str, text: Any) -> None:
        seconds = round(self._tools.monotonic() - self._began, 2)
        self._log.add([seconds, step, kind, text])

    def _keep(self) -> Any:
        batch = self._log.batch()
        if batch is not None:
            # Secrets go when it is clear what stays: much of what a step writes never gets here.
            lines = [[*line[:3], self._hider.hide(line[3])] if line[2] == _OUTPUT else line for line in batch.lines]
            chunk = LogChunk(build_id=self._job.pk, attempt=self._job.attempt, first=batch.first, lines=lines)
            # A commit whose answer was lost may have stored the first of these lines.
            LogChunk.objects.bulk_create(
                [chunk], update_conflicts=True, unique_fields=["build", "first"], update_fields=["attempt", "lines"]
            )
            if batch.leaving:
                LogChunk.objects.filter(build_id=self._job.pk, first__in=batch.leaving).delete()
        return batch

    def _store(self, picture: dict[str, Any]) -> None:
        self._written_at, self._last = self._tools.monotonic(), picture
        self._job.progress = picture
        now = self._tools.now()
        idle = max(self._tools.monotonic() - self.meter.moved_at, 0.0)
        columns = {**self._unwritten, "moved_at": now - timedelta(seconds=idle), "log_lines": self._log.count}
        mine = True
        with self._database_may_be_away():
            with transaction.atomic():
                mine = self._job.report(now=now, progress=picture, **columns)
                batch = self._keep() if mine else None
            if mine:
                self._unwritten = {}
            if batch is not None:
                self._log.stored(batch)
        reset_queries()  # with DEBUG on Django remembers every query of a thread, and a build may take hours
        if not mine:
            self._stop()

    @contextmanager
    def _database_may_be_away(self) -> Iterator[None]:
        """The engine goes on building meanwhile; the next write tells whether the job is still ours."""
        try:
            yield
        except (OperationalError, InterfaceError) as error:
            logger.warning("progress not written", build=self._job.pk, reason=type(error).__name__)
            connection.close()

    def _stop(self) -> None:
        row = Build.objects.filter(pk=self._job.pk).values_list("state", "run_token").first()
        mine = row is not None and row[1] == self._job.run_token
        raise Stopped("cancelled" if row and mine and row[0] == JobState.CANCELLING else "taken_over")


def _kept(job: Build) -> Iterator[tuple[int, int]]:
    """What earlier attempts left of the log: number of the first line and size of each chunk."""
    chunks = LogChunk.objects.filter(build_id=job.pk).order_by("first").values_list("first", "lines")
    return ((first, size_of(lines)) for first, lines in chunks.iterator(chunk_size=20))
