"""`manage.py pull IMAGE --node NAME…`: ask for an image and, with `--wait`, watch it arrive.

Live bars in a terminal, plain lines in a pipe. Exit code 0: all there; 1: at least one failed or was cancelled;
2: the request itself was wrong; 130: Ctrl-C ended the watching, not the pulls.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q
from django.utils import timezone
from rich.console import Console

from core.errors import DomainError, InvalidInput
from core.jobs import ACTIVE_STATES, JobState
from core.system import SYSTEM
from imagelib.models import ImageRegistry
from nodes.models import ComputeNode
from pulls.models import PullJob
from pulls.services import request_pulls
from pulls.snapshot import snapshot
from pulls.terminal import BarDisplay, LineDisplay

POLL_EVERY = 0.5  # seconds


class Command(BaseCommand):
    help = "Pull an image (name of a library entry, or an image reference) onto compute nodes."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("image", help="A library entry's name, or an image reference such as nginx:1.27")
        where = parser.add_mutually_exclusive_group(required=True)
        where.add_argument("--node", nargs="+", metavar="NAME", help="Names of compute nodes")
        where.add_argument("--all-nodes", action="store_true", help="Every listed compute node")
        parser.add_argument("--wait", action="store_true", help="Stay until all pulls have ended")

    def handle(self, *, image: str, node: list[str] | None, all_nodes: bool, wait: bool, **_options: Any) -> None:
        nodes = self._nodes(node, all_nodes)
        try:
            results = request_pulls(user=SYSTEM, nodes=nodes, **self._what(image))
        except InvalidInput as error:
            raise CommandError(str(error), returncode=2) from None
        except DomainError as error:
            raise CommandError(str(error.message), returncode=2) from None
        ids = [job.pk for _node, job in results]
        if not wait:
            for _node, job in results:
                self.stdout.write(f"pull {job.pk}: {job.reference} → {job.node_name} ({job.get_state_display()})")
            return
        try:
            succeeded = self._watch(ids)
        except KeyboardInterrupt:
            self.stderr.write("No longer watching. The pulls go on; cancel them in the admin or over the API.")
            raise SystemExit(130) from None
        if not succeeded:
            raise SystemExit(1)

    def _nodes(self, names: list[str] | None, all_nodes: bool) -> list[int]:
        wanted = Q(is_listed=True) if all_nodes else Q(name__in=names or [])
        rows = ComputeNode.objects.filter(wanted)
        found = dict(rows.values_list("name", "pk"))
        missing = [name for name in names or [] if name not in found]
        if missing:
            known = ", ".join(ComputeNode.objects.values_list("name", flat=True)[:20]) or "none"
            raise CommandError(f"No compute node is named {', '.join(missing)}. Known: {known}", returncode=2)
        if not found:
            raise CommandError("There is no listed compute node.", returncode=2)
        return list(found.values())

    def _what(self, image: str) -> dict[str, Any]:
        entries = list(ImageRegistry.objects.filter(name=image)[:2])
        if len(entries) == 1:
            return {"image": entries[0].pk}
        if len(entries) > 1:
            raise CommandError(f"Several entries are named {image}: give the image reference instead.", returncode=2)
        return {"reference": image}

    def _watch(self, ids: list[int]) -> bool:
        """Follow the rows until all have ended. True when all succeeded."""
        console = Console(file=sys.stdout, highlight=False)
        display = BarDisplay(console) if console.is_terminal else LineDisplay(console)
        with display:
            while True:
                jobs = PullJob.objects.select_related("requested_by").filter(pk__in=ids).order_by("pk")
                pictures = [snapshot(job, now=timezone.now()) for job in jobs]
                display.show(pictures)
                if not any(picture["state"] in ACTIVE_STATES for picture in pictures):
                    return all(picture["state"] == JobState.SUCCEEDED for picture in pictures)
                time.sleep(POLL_EVERY)
