"""`manage.py pull IMAGE --node NAME…`: ask for an image and, with `--wait`, watch it arrive.

Live bars in a terminal, plain lines in a pipe. Exit code 0: all there (without `--wait`: all asked for); 1: at least
one failed or was cancelled; 2: the request itself was wrong; 130: Ctrl-C ended the watching, not the pulls.
"""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.commands import WRONG, ProductCommand, hand_over
from core.errors import DomainError
from core.system import SYSTEM
from imagelib.models import ImageRegistry
from imagelib.references import effective_or_invalid
from nodes.models import ComputeNode
from pulls.models import Source
from pulls.services import request_pulls
from pulls.watching import archive_path, named_nodes, tell, watch


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
        source = parser.add_mutually_exclusive_group()
        source.add_argument(
            "--auto",
            action="store_true",
            help=_("From the registry if it answers the node, else from a node that has it; nothing if it is there"),
        )
        source.add_argument("--from", dest="giver", metavar="NAME", help=_("Name of the compute node that gives it"))
        source.add_argument("--archive", metavar="FILE", help=_("An archive of docker save, or an OCI one"))
        parser.add_argument("--wait", action="store_true", help=_("Stay until all pulls have ended"))

    def handle(self, *, image: str, node: list[str] | None, all_nodes: bool, wait: bool, **options: Any) -> None:
        nodes = _listed_nodes() if all_nodes else named_nodes(node or [])
        entry = _entry(image)
        what = {"reference": image} if entry is None else {"image": entry.pk}
        asked_at = timezone.now()
        try:
            results = request_pulls(user=SYSTEM, nodes=nodes, **what, **_source(options))
        except DomainError as error:
            raise CommandError(str(error), returncode=WRONG) from None
        hand_over()
        for hint in effective_or_invalid(entry.address if entry else image).warnings:
            self.stderr.write(str(hint))
        jobs = [job for _node, job in results]
        tell(jobs, self, asked_at=asked_at)
        if wait and not watch(jobs, self):
            raise SystemExit(1)


def _source(options: dict[str, Any]) -> dict[str, Any]:
    """Where it comes from, as `request_pulls` wants it."""
    if options["giver"]:
        return {"source": Source.NODE, "source_node": named_nodes([options["giver"]])[0]}
    if options["archive"]:
        return {"source": Source.ARCHIVE, "archive": archive_path(options["archive"])}
    return {"source": Source.AUTO} if options["auto"] else {}


def _listed_nodes() -> list[int]:
    found = list(ComputeNode.objects.filter(is_listed=True).values_list("pk", flat=True))
    if not found:
        raise CommandError(_("There is no listed compute node."), returncode=WRONG)
    return found


def _entry(image: str) -> ImageRegistry | None:
    """The library entry of this name; None when the text must be an image reference."""
    entries = list(ImageRegistry.objects.filter(name=image)[:2])
    if len(entries) > 1:
        text = _("Several library entries are named %(name)s: give the image reference instead.")
        raise CommandError(text % {"name": image}, returncode=WRONG)
    return entries[0] if entries else None
