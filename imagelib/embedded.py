"""Worker and beat inside the web process, for installations without Redis: same tasks, same code path."""

from __future__ import annotations

import threading
from typing import Self

import structlog
from celery.beat import Service
from celery.worker import WorkController
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, reset_queries
from django.utils import timezone

from core.reaper import reap, ring_due
from core.shutdown import stopping
from imagelib.celery import app, make_app
from instances.prober import start_probing
from instances.watching import start_watching

logger = structlog.get_logger(__name__)
OTHERS_EVERY = 1.0  # seconds
LET_GO_WITHIN = 1.0  # seconds
SCHEDULE_PAUSE = 5.0  # seconds before a schedule that could not read the database starts again


class EmbeddedWorkers:
    """Two worker controllers (one per queue) and the schedule, each in a thread of this process."""

    def __init__(self) -> None:
        self._workers: list[WorkController] = []
        self._schedule = _Schedule()

    def __enter__(self) -> Self:
        stopping.clear()
        # Nobody else can hold a job: this process has the lock, and its own workers have not started. What was
        # queued is rung for here too; the broker keeps the messages until they listen.
        result = reap(now=timezone.now(), everything_held=True)
        for queue, slots in (("transfers", settings.WORKER_TRANSFERS), ("control", settings.WORKER_CONTROL)):
            # An application each: what a worker consumes is a property of its application.
            worker = WorkController(
                app=make_app(f"imagelib.{queue}"),
                hostname=f"{queue}@embedded",
                queues=[queue],
                concurrency=slots,
                pool_cls="threads",
                without_gossip=True,
                without_mingle=True,
                without_heartbeat=True,
                quiet=True,
            )
            self._workers.append(worker)
            threading.Thread(target=worker.start, name=f"worker-{queue}", daemon=True).start()
        threading.Thread(target=self._schedule.run, name="schedule", daemon=True).start()
        threading.Thread(target=_listen_for_others, name="doorbell", daemon=True).start()
        self._threads = (start_watching(), start_probing())
        logger.info("workers started", **result)
        return self

    def __exit__(self, *_error: object) -> None:
        stopping.set()
        self._schedule.stop()
        for worker in self._workers:
            worker.stop(in_sighandler=False)
        for thread in self._threads:
            thread.join(LET_GO_WITHIN)


class _Schedule:
    """Celery's beat, started again when it ends because the database was away for a moment."""

    def __init__(self) -> None:
        self._service: Service | None = None

    def run(self) -> None:
        while not stopping.is_set():
            self._service = Service(app, scheduler_cls=settings.CELERY_BEAT_SCHEDULER)
            try:
                self._service.start()
            except (DatabaseError, InterfaceError) as error:
                logger.warning("the schedule starts again", reason=type(error).__name__)
                connection.close()
                stopping.wait(SCHEDULE_PAUSE)

    def stop(self) -> None:
        if self._service is not None:
            self._service.stop()


def _listen_for_others() -> None:
    """Commands in other processes queue jobs too, and this process's broker cannot hear them ring."""
    while not stopping.wait(OTHERS_EVERY):
        try:
            reset_queries()  # with DEBUG on Django remembers every query of a thread
            ring_due(now=timezone.now(), limit=20)
        except (DatabaseError, InterfaceError) as error:
            logger.warning("waiting jobs cannot be read", reason=type(error).__name__)
            connection.close()
    connection.close()
