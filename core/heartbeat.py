"""A heartbeat beside calls that may be silent for long, such as asking a slow registry.

Limited in time: a worker thread that hangs for ever must look dead in the end, or its job would never be given up.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import structlog
from django.db import DatabaseError, InterfaceError, connection
from django.db.models import F
from django.utils import timezone

from core.changes import announce
from core.jobs import HELD_STATES, Job

logger = structlog.get_logger(__name__)
AT_MOST = 180.0  # seconds


@contextmanager
def heartbeat(
    job: Job, *, every: float = 5.0, at_most: float = AT_MOST, saying: Mapping[str, Any] | None = None
) -> Iterator[None]:
    """Keep `job` from looking abandoned for `at_most` seconds while the body runs. All times in seconds.

    `saying`: columns that each beat writes too, for a step that people need to hear of only when it takes its time.
    """
    over = threading.Event()
    thread = threading.Thread(
        target=_beat, args=(job, over, every, at_most, saying or {}), name="heartbeat", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _beat(job: Job, over: threading.Event, every: float, at_most: float, saying: Mapping[str, Any]) -> None:
    news = {**saying, "version": F("version") + 1} if saying else {}
    deadline = time.monotonic() + at_most
    mine = type(job)._default_manager.filter(pk=job.pk, run_token=job.run_token, state__in=HELD_STATES)
    while not over.wait(every) and time.monotonic() < deadline:
        try:
            if mine.update(heartbeat_at=timezone.now(), **news) and news:
                announce()
        except (DatabaseError, InterfaceError) as error:
            logger.warning("no heartbeat", job=job.pk, reason=type(error).__name__)
        finally:
            connection.close()  # beats are rare; a thread's connection is not worth keeping
