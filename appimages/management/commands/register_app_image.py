"""`manage.py register_app_image -c NODE -i IMAGE [-f FILE] [-n NAME] [--import]`, with the flags of Kuscia's script.

Exit code 0: registered, and imported where that was asked for; 1: the image did not arrive everywhere; 2: the request
itself was wrong; 130: Ctrl-C while the image was on its way. Unless it is 0, no AppImage is stored.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from appimages.registration import USUAL_NAME, Mode, Registered, bring, nodes_meant, nothing_to_do, prepare, store
from core.commands import WRONG, ProductCommand, hand_over
from core.documents import LARGEST
from core.errors import DomainError
from core.system import SYSTEM
from pulls.models import Source
from pulls.watching import archive_path, named_nodes, tell, watch


class Command(ProductCommand):
    help = gettext_lazy(
        "Register the AppImages of a Kuscia template with an image, and import the image onto compute nodes. "
        "Exit code 0: done, 1: the image did not arrive everywhere, 2: wrong request; then nothing is registered."
    )

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument(
            "-c", action="append", default=[], dest="nodes", metavar="NODE[,NODE…]",
            help=_("Compute nodes; may be repeated. With --mode central all listed ones unless given"),
        )  # fmt: skip
        parser.add_argument("-i", dest="image", metavar="IMAGE", help=_("Image, such as secretflow/app:1.0"))
        parser.add_argument("-f", dest="file", metavar="FILE", help=_("Template of the AppImage, YAML or JSON"))
        name = _("Name for templates with a placeholder for it (%(name)s)") % {"name": USUAL_NAME}
        parser.add_argument("-n", dest="name", metavar="NAME", help=name)
        parser.add_argument(
            "--import", action="store_true", dest="with_import",
            help=_("Have the image on the nodes: pulled, or taken from a node that has it"),
        )  # fmt: skip
        archive = _("Import the image from an archive of docker save, or an OCI one")
        parser.add_argument("--archive", metavar="FILE", help=archive)
        mode = _("p2p: register, and import on each named node. central: register once, import on the workers")
        parser.add_argument("--mode", choices=Mode.values, default=Mode.P2P.value, help=mode)

    def handle(
        self, *, nodes: list[str], image: str | None, file: str | None, name: str | None, **options: Any
    ) -> None:
        with_import = options["with_import"] or bool(options["archive"])
        try:
            if not image:
                raise CommandError(_("Name the image: -i IMAGE, for example -i secretflow/app:1.0"), returncode=WRONG)
            if file is None and not with_import:
                raise nothing_to_do()
            meant = nodes_meant(named_nodes(_split(nodes)), mode=options["mode"], with_import=with_import)
            registration = prepare(image=image, template=_content(file), name=name)
            self._warn(registration.warnings)
            if with_import:
                self._import(image, meant, options["archive"])
            done = store(registration, author=SYSTEM)
        except DomainError as error:
            raise CommandError(str(error), returncode=WRONG) from None
        self._tell(done, image)

    def _tell(self, done: Registered, image: str) -> None:
        for name in (*done.created, *done.updated):
            if name in done.created:
                text = _("AppImage %(name)s is registered: %(image)s")
            elif name in done.unchanged:
                text = _("AppImage %(name)s is registered as it was, nothing changed: %(image)s")
            else:
                text = _("AppImage %(name)s is registered anew: %(image)s")
            self.stdout.write(text % {"name": name, "image": image})

    def _import(self, image: str, nodes: list[int], archive: str | None) -> None:
        asked_at = timezone.now()
        wanted_from = {"source": Source.ARCHIVE, "archive": archive_path(archive)} if archive else None
        jobs = [job for _node, job in bring(image=image, nodes=nodes, author=SYSTEM, wanted_from=wanted_from)]
        hand_over()
        tell(jobs, self, asked_at=asked_at)
        if not watch(jobs, self):
            text = _("The image did not arrive everywhere, so nothing is registered.")
            raise CommandError(text, returncode=1)
        for job in jobs:
            if job.events.filter(code="already_here").exists():
                text = _("%(image)s was on %(node)s already.")
                self.stdout.write(text % {"image": image, "node": job.node_name})

    def _warn(self, warnings: list[dict[str, Any]]) -> None:
        for warning in warnings:
            place = warning["line"] or warning["field"]
            self.stderr.write(f"{place}: {warning['message']}" if place else warning["message"])


def _split(names: list[str]) -> list[str]:
    return [name.strip() for part in names for name in part.split(",") if name.strip()]


def _content(file: str | None) -> bytes | None:
    if file is None:
        return None
    try:
        with Path(file).open("rb") as source:
            return source.read(LARGEST + 1)
    except OSError as error:
        text = _("%(file)s cannot be read: %(reason)s")
        raise CommandError(text % {"file": file, "reason": error.strerror}, returncode=WRONG) from None
