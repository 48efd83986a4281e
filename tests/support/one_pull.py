"""The pull that unit tests of the worker play with: its names, and how to watch it from another thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from django.db import connections

from pulls.models import PullJob
from tests.support.fake_registry import FakeImage

REPOSITORY = "127.0.0.1:1/team/app"
REFERENCE = f"{REPOSITORY}:1"
IMAGE = FakeImage.sized(REPOSITORY, "1", [4_000_000, 1_000_000])


def codes(job: PullJob) -> list[str]:
    return list(job.events.values_list("code", flat=True))


def in_background(action: Callable[[], None]) -> threading.Thread:
    def run() -> None:
        try:
            action()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def wait_for(truth: Callable[[], Any], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not truth():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)
