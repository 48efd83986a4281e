"""Celery tasks: ids in, one work function each."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from builds import history, submission_work, told, webhook_work, work
from builds.services import hooks
from pulls.tools import production_tools


@shared_task(ignore_result=True)
def run_build(build_id: int) -> None:
    work.run_build(build_id, tools=production_tools())


@shared_task(ignore_result=True)
def check_submission(submission_id: int) -> None:
    submission_work.check_submission(submission_id, tools=production_tools())


@shared_task(ignore_result=True)
def call_webhook(call_id: int) -> None:
    webhook_work.call_webhook(call_id, tools=production_tools())


@shared_task(ignore_result=True)
def take_up_pushes() -> None:
    hooks.take_up_waiting()


@shared_task(ignore_result=True)
def forget_old_deliveries() -> None:
    hooks.forget_old_deliveries(now=timezone.now())


@shared_task(ignore_result=True)
def forget_old_builds() -> None:
    history.forget_old_builds(now=timezone.now())


@shared_task(ignore_result=True)
def forget_what_was_told() -> None:
    told.forget_what_was_told(now=timezone.now())
