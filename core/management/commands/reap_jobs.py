"""`manage.py reap_jobs`: one round of the reaper by hand."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.commands import ProductCommand, hand_over
from core.reaper import reap
from core.server_lock import nobody_works


class Command(ProductCommand):
    help = gettext_lazy(
        "Requeue or fail jobs whose worker fell silent and ring again for jobs that wait. Safe at any time."
    )

    def handle(self, **_options: Any) -> None:
        result = reap(now=timezone.now(), grace=False)
        hand_over()
        self.stdout.write(_("Workers given up: %(given_up)s. Jobs rung for: %(rung)s.") % result)
        if nobody_works():
            self.stderr.write(_("No server is running, so jobs only wait. Start one: manage.py serve"))
