"""Celery's way into `instances.work`: ids in, nothing out."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from instances import first_look, history, measuring, sweep, work
from pulls.tools import production_tools


@shared_task(ignore_result=True)
def run_operation(operation_id: int) -> None:
    work.run_operation(operation_id, tools=production_tools())


@shared_task(ignore_result=True)
def sweep_instances() -> None:
    sweep.sweep_instances(tools=production_tools())


@shared_task(ignore_result=True)
def measure_instances() -> None:
    measuring.measure_instances(tools=production_tools())


@shared_task(ignore_result=True)
def forget_old_history() -> None:
    history.forget_old_history(now=timezone.now())


@shared_task(ignore_result=True)
def discover_new_nodes() -> None:
    first_look.discover_new_nodes(tools=production_tools())
