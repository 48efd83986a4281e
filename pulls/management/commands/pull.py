"""`manage.py pull IMAGE --node NAME…`: ask for an image and, with `--wait`, watch it arrive.

Live bars in a terminal, plain lines in a pipe. Exit code 0: all there (without `--wait`: all asked for); 1: at least
one failed or was cancelled; 2: the request itself was wrong; 130: Ctrl-C ended the watching, not the pulls.
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

from core.commands import WRONG, ProductCommand, hand_over
from core.errors import DomainError
from core.jobs import ACTIVE_STATES, JobState
from core.server_lock import nobody_works
from core.system import SYSTEM
from imagelib.models import ImageRegistry
from imagelib.references import effective_or_invalid
from nodes.models import ComputeNode
from pulls.models import PullJob
from pulls.services import request_pulls
from pulls.snapshot import snapshot
from pulls.terminal import BarDisplay, LineDisplay, Picture

POLL_EVERY = 0.5  # seconds
INTERRUPTED = 130  # as shells say it


class Command(ProductCommand):
    help = gettext_lazy(
        "Pull an image (name of a library entry, or an image reference) onto compute nodes. "
        "Exit code 0: all there, 1: a pull failed or was cancelled, 2: wrong request."
    )

    def add_arguments(self, parser: Any) -> None:
        what = _("A library entry's name, or an image reference such as nginx:1.27")
        parser.add_argument("image", help=what)
        where = parser.add_mutually_exclusive_group(required=True)
        where.add_argument("--node", nargs="+", metavar="NAME", help=_("Names of compute nodes"))
        where.add_argument("--all-nodes", action="store_true", help=_("Every listed compute node"))
        parser.add_argument("--wait", action="store_true", help=_("Stay until all pulls have ended"))

    def handle(self, *, image: str, node: list[str] | None, all_nodes: bool, wait: bool, **_options: Any) -> None:
        nodes = _listed_nodes() if all_nodes else _named_nodes(node or [])
        entry = _entry(image)
        what = {"reference": image} if entry is None else {"image": entry.pk}
        asked_at = timezone.now()
        try:
            results = request_pulls(user=SYSTEM, nodes=nodes, **what)
        except DomainError as error:
            raise CommandError(str(error), returncode=WRONG) from None
        hand_over()
        for hint in effective_or_invalid(entry.address if entry else image).warnings:
            self.stderr.write(str(hint))
        for _node, job in results:
            self.stdout.write(_asked(job, shared=job.created_at < asked_at))
        if nobody_works():
            self.stderr.write(_("No server is running, so jobs only wait. Start one: manage.py serve"))
        if wait and not self._watch([job.pk for _node, job in results]):
            raise SystemExit(1)

    def _watch(self, ids: list[int]) -> bool:
        """Follow the rows until all have ended. True when all succeeded."""
        self.stdout.flush()
        console = Console(file=sys.stdout, highlight=False)
        try:
            with BarDisplay(console) if console.is_terminal else LineDisplay(console) as display:
                while True:
                    pictures = _pictures(ids)
                    if pictures is not None:
                        display.show(pictures)
                        if not any(picture["state"] in ACTIVE_STATES for picture in pictures):
                            return _all_there(pictures, len(ids))
                    time.sleep(POLL_EVERY)
        except KeyboardInterrupt:
            paths = ", ".join(f"/api/pulls/{pk}/cancel/" for pk in ids)
            text = _("No longer watching; the pulls go on. To cancel, use the admin, or POST %(paths)s.")
            self.stderr.write(text % {"paths": paths})
            raise SystemExit(INTERRUPTED) from None


def _listed_nodes() -> list[int]:
    found = list(ComputeNode.objects.filter(is_listed=True).values_list("pk", flat=True))
    if not found:
        raise CommandError(_("There is no listed compute node."), returncode=WRONG)
    return found


def _named_nodes(names: list[str]) -> list[int]:
    found = dict(ComputeNode.objects.filter(name__in=names).values_list("name", "pk"))
    missing = [name for name in names if name not in found]
    if missing:
        known = ", ".join(ComputeNode.objects.values_list("name", flat=True)[:20]) or _("none")
        text = _("There is no compute node named %(names)s. Known: %(known)s.")
        raise CommandError(text % {"names": ", ".join(missing), "known": known}, returncode=WRONG)
    return [found[name] for name in names]


def _entry(image: str) -> ImageRegistry | None:
    """The library entry of this name; None when the text must be an image reference."""
    entries = list(ImageRegistry.objects.filter(name=image)[:2])
    if len(entries) > 1:
        text = _("Several library entries are named %(name)s: give the image reference instead.")
        raise CommandError(text % {"name": image}, returncode=WRONG)
    return entries[0] if entries else None


def _asked(job: PullJob, *, shared: bool) -> str:
    text = _("Pull %(id)s: %(reference)s → %(node)s (%(state)s)")
    if shared:
        text = _("Pull %(id)s: %(reference)s → %(node)s (%(state)s; somebody asked for it earlier, it is shared)")
    values = {"id": job.pk, "reference": job.reference, "node": job.node_name, "state": job.get_state_display()}
    return text % values


def _pictures(ids: list[int]) -> list[Picture] | None:
    """None while the database is away: the pulls wait for it too."""
    try:
        jobs = list(PullJob.objects.select_related("requested_by").filter(pk__in=ids).order_by("pk"))
    except (OperationalError, InterfaceError):
        connection.close()
        return None
    return [snapshot(job, now=timezone.now()) for job in jobs]


def _all_there(pictures: list[Picture], count: int) -> bool:
    """A row that was deleted meanwhile is no success."""
    return len(pictures) == count and all(picture["state"] == JobState.SUCCEEDED for picture in pictures)
