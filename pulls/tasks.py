"""Celery's way into `pulls.work`: ids in, nothing out."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from pulls import history, uploads, work
from pulls.tools import production_tools


@shared_task(ignore_result=True)
def run_pull(pull_id: int) -> None:
    work.run_pull(pull_id, tools=production_tools())


@shared_task(ignore_result=True)
def forget_old_pulls() -> None:
    history.forget_old_pulls(now=timezone.now())


@shared_task(ignore_result=True)
def forget_old_archives() -> None:
    uploads.forget_archives()
