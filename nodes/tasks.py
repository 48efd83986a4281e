"""Celery's way into the sweep."""

from __future__ import annotations

from celery import shared_task

from nodes.services import read_disks, sweep_all


@shared_task(ignore_result=True)
def sweep_nodes() -> None:
    sweep_all()


@shared_task(ignore_result=True)
def read_node_disks() -> None:
    read_disks()
