"""The Celery application. Celery carries job ids and nothing else: the row is the job, the broker a doorbell."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "imagelib.settings")


def make_app(name: str) -> Celery:
    """An application with the project's settings and tasks."""
    made = Celery(name)
    made.config_from_object("django.conf:settings", namespace="CELERY")
    made.autodiscover_tasks()
    return made


app = make_app("imagelib")
app.set_default()  # the current application of every thread, also of the web server's
