"""`manage.py build APP [--node NAME] [--wait]`: build an application and, with `--wait`, follow its log.

Exit code 0: published (without `--wait`: asked for); 1: failed or cancelled; 2: the request itself was wrong; 130:
Ctrl-C ended the watching, not the build.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from django.core.management.base import CommandError
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rich.console import Console

from builds.models import Application, Build, Trigger
from builds.reading import log_page
from builds.services.builds import request_build
from builds.snapshot import snapshot
from builds.terminal import Display
from core.commands import WRONG, ProductCommand, hand_over
from core.errors import DomainError
from core.jobs import FINAL_STATES, JobState
from core.server_lock import nobody_works
from core.system import SYSTEM
from pulls.watching import INTERRUPTED, POLL_EVERY, named_nodes


class Command(ProductCommand):
    help = gettext_lazy(
        "Build an application's image and push it to its registry. "
        "Exit code 0: published, 1: the build failed or was cancelled, 2: wrong request."
    )

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("application", help=_("The name of an application"))
        parser.add_argument("--node", metavar="NAME", help=_("Name of the compute node; without it one is chosen"))
        parser.add_argument("--branch", default="", help=_("Another branch of its git repository"))
        parser.add_argument("--commit", default="", help=_("A commit of its git repository, 40 hexadecimal digits"))
        parser.add_argument("--wait", action="store_true", help=_("Stay until the build has ended, and show its log"))

    def handle(self, *, application: str, node: str | None, wait: bool, **options: Any) -> None:
        where = named_nodes([node])[0] if node else None
        wanted = {"branch": options["branch"], "commit": options["commit"]}
        try:
            job = request_build(
                user=SYSTEM, application=_named(application), node=where, trigger=Trigger.COMMAND, **wanted
            )
        except DomainError as error:
            raise CommandError(str(error), returncode=WRONG) from None
        hand_over()
        self.stdout.write(_("Build %(id)s of %(name)s") % {"id": job.pk, "name": job.application_name})
        if nobody_works():
            self.stderr.write(_("No server is running, so jobs only wait. Start one: manage.py serve"))
        if wait and not self._watch(job.pk):
            raise SystemExit(1)

    def _watch(self, pk: int) -> bool:
        """Follow it to its end. True when the image is in its registry."""
        self.stdout.flush()
        display, position = Display(Console(file=sys.stdout, highlight=False)), 0
        try:
            while True:
                try:
                    job = Build.objects.select_related("requested_by", "cancelled_by", "files").filter(pk=pk).first()
                    if job is None:
                        return False  # deleted meanwhile
                    page = log_page(job, start=position)
                except (OperationalError, InterfaceError):  # the build waits for it too
                    connection.close()
                    time.sleep(POLL_EVERY)
                    continue
                position = page["next"]
                display.log(page["lines"])
                if job.state not in FINAL_STATES or page["complete"]:
                    display.show(snapshot(job, now=timezone.now(), for_operator=True))
                if page["complete"]:
                    return job.state == JobState.SUCCEEDED
                if not page["lines"]:
                    time.sleep(POLL_EVERY)
        except KeyboardInterrupt:
            text = _("No longer watching; the build goes on. To cancel, use the admin, or POST %(path)s.")
            self.stderr.write(text % {"path": f"/api/builds/{pk}/cancel/"})
            raise SystemExit(INTERRUPTED) from None


def _named(name: str) -> int:
    pk = Application.objects.filter(name=name).values_list("pk", flat=True).first()
    if pk is None:
        known = ", ".join(Application.objects.values_list("name", flat=True)[:20]) or _("none")
        text = _("There is no application named %(name)s. Known: %(known)s.")
        raise CommandError(text % {"name": name, "known": known}, returncode=WRONG)
    return pk
