"""Celery tasks: ids in, one work function each."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from builds import history, work
from builds.services import hooks
from pulls.tools import production_tools


@shared_task(ignore_result=True)
def run_build(build_id: int) -> None:
    work.run_build(build_id, tools=production_tools())


@shared_task(ignore_result=True)
def take_up_pushes() -> None:
    hooks.take_up_waiting()


@shared_task(ignore_result=True)
def forget_old_deliveries() -> None:
    hooks.forget_old_deliveries(now=timezone.now())


@shared_task(ignore_result=True)
def forget_old_builds() -> None:
    history.forget_old_builds(now=timezone.now())
