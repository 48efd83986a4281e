"""`manage.py run IMAGE --spec NAME`: run a listed image and, with `--wait`, watch until it runs.

Exit code 0: it runs (without `--wait`: it was asked for); 1: it failed; 2: the request itself was wrong; 130: Ctrl-C
ended the watching, not the instance.
"""

from __future__ import annotations

import time
from argparse import REMAINDER
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError
from django.db import InterfaceError, OperationalError, connection, models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.commands import WRONG, ProductCommand, hand_over
from core.errors import DomainError
from core.server_lock import nobody_works
from imagelib.models import ImageRegistry
from instances import services
from instances.models import Instance, Observed, ProductSpec
from instances.snapshot import problem_of, status_text, with_operations
from instances.spec import Options
from nodes.models import ComputeNode

POLL_EVERY = 0.5  # seconds
INTERRUPTED = 130  # as shells say it


class Command(ProductCommand):
    help = gettext_lazy(
        "Run an image of the library with a product spec. Exit code 0: it runs, 1: it failed, 2: wrong request."
    )

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("image", help=_("A library entry's name"))
        parser.add_argument("--spec", required=True, metavar="NAME", help=_("A product spec's name"))
        parser.add_argument("--node", metavar="NAME", help=_("A compute node's name; default: the best one"))
        parser.add_argument("--name", help=_("The instance's name; default: made of the image's name"))
        parser.add_argument("--user", metavar="NAME", help=_("Whose instance it is; default: the only administrator"))
        parser.add_argument("--wait", action="store_true", help=_("Stay until it runs or has failed"))
        parser.add_argument(
            "--command",
            nargs=REMAINDER,
            metavar="WORD",
            help=_("What to run instead of the image's own: all the words that follow, so give it last"),
        )

    def handle(self, *, image: str, spec: str, node: str | None, wait: bool, **options: Any) -> None:
        user = _user(options["user"])
        entry = _named(ImageRegistry.objects.all(), image, _("There is no library entry named %(name)s."))
        plan = _named(ProductSpec.objects.all(), spec, _("There is no product spec named %(name)s."))
        place = _named(ComputeNode.objects.all(), node, _("There is no compute node named %(name)s.")) if node else None
        command = _command(options["command"])
        try:
            instance = services.create_instance(
                user=user,
                image=entry.pk,
                spec=plan.pk,
                node=place.pk if place else None,
                name=options["name"] or _free_name(user, entry.name),
                options=Options(command=command),
            )
        except DomainError as error:
            raise CommandError(str(error), returncode=WRONG) from None
        hand_over()
        values = {"id": instance.pk, "name": instance.name, "node": instance.node.name}
        self.stdout.write(_("Instance %(id)s: %(name)s on %(node)s") % values)
        if nobody_works():
            self.stderr.write(_("No server is running, so jobs only wait. Start one: manage.py serve"))
        if wait and not self._watch(instance.pk):
            raise SystemExit(1)

    def _watch(self, pk: int) -> bool:
        """Tell every change of the state. True when it runs, or has ended well."""
        told = ""
        try:
            while True:
                instance, shown, busy = _look(pk)
                if shown and shown != told:
                    self.stdout.write(shown)
                    self.stdout.flush()
                    told = shown
                if instance is not None and not busy:
                    return self._told_end(instance)
                time.sleep(POLL_EVERY)
        except KeyboardInterrupt:
            self.stderr.write(_("No longer watching; the instance goes on."))
            raise SystemExit(INTERRUPTED) from None

    def _told_end(self, instance: Instance) -> bool:
        if problem := problem_of(instance):
            self.stderr.write(problem["text"])
        for port in instance.ports:
            self.stdout.write(_("Port %(container_port)s is the node's port %(host_port)s.") % port)
        ended_well = instance.observed == Observed.EXITED and instance.exit_code == 0
        return instance.observed == Observed.RUNNING or ended_well


def _look(pk: int) -> tuple[Instance | None, str, bool]:
    """The instance, its state in words, and whether something is being done; None while the database is away."""
    try:
        instance = with_operations(Instance.objects.filter(pk=pk)).first()
        if instance is None:
            raise CommandError(_("The instance was deleted."), returncode=1)
        return instance, status_text(instance), instance.operation is not None
    except (OperationalError, InterfaceError):
        connection.close()
        return None, "", True


def _named(rows: models.QuerySet[Any], name: str, missing: str) -> Any:
    found = list(rows.filter(name=name)[:2])
    if not found:
        known = ", ".join(rows.values_list("name", flat=True)[:20]) or _("none")
        text = f"{missing % {'name': name}} {_('Known: %(known)s.') % {'known': known}}"
        raise CommandError(text, returncode=WRONG)
    if len(found) > 1:
        raise CommandError(_("Several are named %(name)s.") % {"name": name}, returncode=WRONG)
    return found[0]


def _command(words: list[str] | None) -> tuple[str, ...] | None:
    if words == []:
        raise CommandError(_("Name the program after --command, for example --command sleep 60."), returncode=WRONG)
    return tuple(words) if words else None


def _user(name: str | None) -> Any:
    people = get_user_model()._default_manager.filter(is_active=True)
    if name:
        return _named_user(people, name)
    administrators = list(people.filter(is_superuser=True)[:2])
    if len(administrators) != 1:
        raise CommandError(_("Say whose instance it is: --user NAME."), returncode=WRONG)
    return administrators[0]


def _named_user(people: Any, name: str) -> Any:
    user = people.filter(username=name).first()
    if user is None:
        raise CommandError(_("There is no user named %(name)s.") % {"name": name}, returncode=WRONG)
    return user


def _free_name(user: Any, image: str) -> str:
    """Of the image's name what a name may have, with a number that is free."""
    base = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in image).strip("-")[:40]
    taken = set(Instance.objects.filter(user=user).values_list("name", flat=True))
    return next(name for number in range(1, len(taken) + 2) if (name := f"{base or 'run'}-{number}") not in taken)
