"""Worker and beat inside the web process, for installations without Redis: same tasks, same code path."""

from __future__ import annotations

import threading
from typing import Self

import structlog
from celery.beat import EmbeddedService
from celery.worker import WorkController
from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone

from core.reaper import reap, ring_due
from core.shutdown import stopping
from imagelib.celery import app, make_app

logger = structlog.get_logger(__name__)
OTHERS_EVERY = 1.0  # seconds


class EmbeddedWorkers:
    """Two worker controllers (one per queue) and the schedule, each in a thread of this process."""

    def __init__(self) -> None:
        self._workers: list[WorkController] = []
        self._beat: EmbeddedService | None = None

    def __enter__(self) -> Self:
        stopping.clear()
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
        self._beat = EmbeddedService(app, thread=True, scheduler_cls=settings.CELERY_BEAT_SCHEDULER)
        self._beat.daemon = True
        self._beat.start()
        # Nobody else can hold a job: this process has the lock. What was queued comes back here too.
        result = reap(now=timezone.now(), everything_held=True)
        logger.info("workers started", **result)
        threading.Thread(target=_listen_for_others, name="doorbell", daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        stopping.set()
        if self._beat is not None:
            self._beat.stop()
        for worker in self._workers:
            worker.stop(in_sighandler=False)


def _listen_for_others() -> None:
    """Commands in other processes queue jobs too, and this process's broker cannot hear them ring."""
    while not stopping.wait(OTHERS_EVERY):
        try:
            ring_due(now=timezone.now(), limit=20)
        except DatabaseError as error:
            logger.warning("waiting jobs cannot be read", reason=type(error).__name__)
            connection.close()
    connection.close()
