"""`manage.py doctor`: is everything there and working? Each finding comes with its fix.

Exit code 0: all good; 1: something degraded (a node or registry fails); 2: the product itself cannot work.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.commands import ProductCommand
from imagelib.diagnosis import Finding, Level, diagnose


class Command(ProductCommand):
    help = gettext_lazy(
        "Check database, broker, workers, schedule, secrets, nodes and registries. "
        "Exit code 0: all good, 1: degraded, 2: the product cannot work."
    )

    def handle(self, **_options: Any) -> None:
        worst = Level.GOOD
        for finding in diagnose():
            worst = max(worst, finding.level)
            self._show(finding)
        if worst:
            raise SystemExit(int(worst))

    def _show(self, finding: Finding) -> None:
        marks = {Level.GOOD: _("ok"), Level.DEGRADED: _("WARNING"), Level.BROKEN: _("ERROR")}
        self.stdout.write(f"{marks[finding.level]}  {finding.subject}: {finding.text}")
        if finding.fix:
            self.stdout.write("    " + _("What to do: %(fix)s") % {"fix": finding.fix})
