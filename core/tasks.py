"""Periodic housekeeping: thin Celery tasks."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from core.downloads import forget_expired
from core.idempotency import forget_old
from core.logins import forget_ended_logins as forget_logins
from core.reaper import reap


@shared_task(ignore_result=True)
def reap_jobs() -> None:
    reap(now=timezone.now())


@shared_task(ignore_result=True)
def forget_idempotency_keys() -> None:
    forget_old(now=timezone.now())


@shared_task(ignore_result=True)
def forget_ended_logins() -> None:
    forget_logins(now=timezone.now())


@shared_task(ignore_result=True)
def forget_download_tickets() -> None:
    forget_expired(now=timezone.now())
