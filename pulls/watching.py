"""What commands that ask for pulls share: whom they mean, and how they watch."""

from __future__ import annotations

import os
import sys
import time
from datetime import datetime
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone
from django.utils.translation import gettext as _
from rich.console import Console

from core.commands import WRONG
from core.jobs import ACTIVE_STATES, JobState
from core.server_lock import nobody_works
from nodes.models import ComputeNode
from pulls.models import PullJob
from pulls.snapshot import snapshot
from pulls.terminal import BarDisplay, LineDisplay, Picture

POLL_EVERY = 0.5  # seconds
INTERRUPTED = 130  # as shells say it


def tell(jobs: list[PullJob], command: BaseCommand, *, asked_at: datetime) -> None:
    """What has been asked for, and that nobody is there to do it."""
    for job in jobs:
        command.stdout.write(_asked(job, shared=job.created_at < asked_at))
    if nobody_works():
        command.stderr.write(_("No server is running, so jobs only wait. Start one: manage.py serve"))


def watch(jobs: list[PullJob], command: BaseCommand) -> bool:
    """Follow the pulls until all have ended, with bars in a terminal and lines elsewhere. True when all succeeded."""
    ids = [job.pk for job in jobs]
    command.stdout.flush()
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
        command.stderr.write(text % {"paths": paths})
        raise SystemExit(INTERRUPTED) from None


def named_nodes(names: list[str]) -> list[int]:
    found = dict(ComputeNode.objects.filter(name__in=names).values_list("name", "pk"))
    missing = [name for name in names if name not in found]
    if missing:
        known = ", ".join(ComputeNode.objects.values_list("name", flat=True)[:20]) or _("none")
        text = _("There is no compute node named %(names)s. Known: %(known)s.")
        raise CommandError(text % {"names": ", ".join(missing), "known": known}, returncode=WRONG)
    return [found[name] for name in names]


def archive_path(file: str) -> str:
    """The whole path: the worker reads the file, wherever it was started."""
    if not Path(file).is_file() or not os.access(file, os.R_OK):
        raise CommandError(_("There is no file %(file)s that can be read.") % {"file": file}, returncode=WRONG)
    return str(Path(file).resolve())


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


def _asked(job: PullJob, *, shared: bool) -> str:
    text = _("Pull %(id)s: %(reference)s → %(node)s (%(state)s)")
    if shared:
        text = _("Pull %(id)s: %(reference)s → %(node)s (%(state)s; somebody asked for it earlier, it is shared)")
    values = {"id": job.pk, "reference": job.reference, "node": job.node_name, "state": job.get_state_display()}
    return text % values
