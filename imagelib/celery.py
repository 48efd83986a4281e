"""The Celery application. Celery carries job ids and nothing else: the row is the job, the broker a doorbell."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery, signals
from kombu.transport import TRANSPORT_ALIASES

from core.shutdown import stopping

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "imagelib.settings")
TRANSPORT_ALIASES["memory"] = "imagelib.memory_broker:Transport"  # what `memory://` means in this project


def make_app(name: str) -> Celery:
    """An application with the project's settings and tasks."""
    made = Celery(name)
    made.config_from_object("django.conf:settings", namespace="CELERY")
    made.autodiscover_tasks()
    return made


app = make_app("imagelib")
app.set_default()  # the current application of every thread, also of the web server's


@signals.worker_shutting_down.connect
def let_go(**_signal: Any) -> None:
    """SIGTERM to a `celery worker`: its pulls stop and go back into the queue, another worker takes them at once."""
    stopping.set()


@signals.worker_ready.connect
def look_around(**_signal: Any) -> None:
    """A worker that starts finishes what dead ones left, rings for jobs whose message was lost, and is ready to listen
    to the engines and to ask probes."""
    from django.utils import timezone  # noqa: PLC0415  (settings and models are ready only now)

    from core.reaper import reap  # noqa: PLC0415
    from instances.prober import start_probing  # noqa: PLC0415
    from instances.watching import start_watching  # noqa: PLC0415

    reap(now=timezone.now())
    start_watching()
    start_probing()
