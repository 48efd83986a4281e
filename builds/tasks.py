"""Celery tasks: ids in, one work function each."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from builds import submission_work, told, webhook_work
from pulls.tools import production_tools


@shared_task(ignore_result=True)
def check_submission(submission_id: int) -> None:
    submission_work.check_submission(submission_id, tools=production_tools())


@shared_task(ignore_result=True)
def call_webhook(call_id: int) -> None:
    webhook_work.call_webhook(call_id, tools=production_tools())


@shared_task(ignore_result=True)
def forget_what_was_told() -> None:
    told.forget_what_was_told(now=timezone.now())
