"""Celery tasks: ids in, one work function each."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from builds.services import hooks


@shared_task(ignore_result=True)
def take_up_pushes() -> None:
    hooks.take_up_waiting()


@shared_task(ignore_result=True)
def forget_old_deliveries() -> None:
    hooks.forget_old_deliveries(now=timezone.now())
