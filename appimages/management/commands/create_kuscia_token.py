"""`manage.py create_kuscia_token NAME --user OPERATOR`: a token for a client of the Kuscia API, printed once."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from appimages.tokens import create_token
from core.commands import WRONG, ProductCommand
from core.errors import DomainError
from core.system import SYSTEM


class Command(ProductCommand):
    help = gettext_lazy("Make a token for a client of the Kuscia API. It is printed now and never again.")

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("name", help=_("What it is called in lists, for example secretpad-production"))
        parser.add_argument("--user", required=True, metavar="NAME", help=_("The operator in whose name it acts"))

    def handle(self, *, name: str, user: str, **_options: Any) -> None:
        row = get_user_model()._default_manager.filter(username=user).first()
        if row is None:
            raise CommandError(_("There is no user %(name)s.") % {"name": user}, returncode=WRONG)
        try:
            _token, text = create_token(user=SYSTEM, name=name, acts_as=row)
        except DomainError as error:
            raise CommandError(str(error), returncode=WRONG) from None
        self.stdout.write(text)
