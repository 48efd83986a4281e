"""`manage.py reap_jobs`: one round of the reaper by hand."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from core.reaper import reap


class Command(BaseCommand):
    help = "Requeue or fail jobs whose worker fell silent and ring again for jobs that wait. Safe at any time."

    def handle(self, **_options: Any) -> None:
        result = reap(now=timezone.now(), grace=False)
        self.stdout.write(f"given up: {result['given_up']}, rung for: {result['rung']}")
