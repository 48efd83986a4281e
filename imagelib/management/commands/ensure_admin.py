"""`manage.py ensure_admin`: the first administrator, from the environment or generated and printed once."""

from __future__ import annotations

import secrets
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.commands import WRONG, ProductCommand
from imagelib import env


class Command(ProductCommand):
    help = gettext_lazy(
        "Create the first administrator (IMAGELIB_ADMIN_USER, IMAGELIB_ADMIN_PASSWORD) if there is none."
    )

    def handle(self, **_options: Any) -> None:
        users = get_user_model()._default_manager
        if users.filter(is_superuser=True).exists():
            return
        name = env.text("ADMIN_USER", "admin")
        if users.filter(username=name).exists():
            text = _("The user %(name)s exists and is no administrator: choose another name in IMAGELIB_ADMIN_USER.")
            raise CommandError(text % {"name": name}, returncode=WRONG)
        given = env.text("ADMIN_PASSWORD")
        password = given or secrets.token_urlsafe(12)
        users.create_superuser(username=name, password=password)
        if given:
            text = _("Administrator created: user %(name)s, the password from IMAGELIB_ADMIN_PASSWORD.")
        else:
            text = _("Administrator created: user %(name)s, password %(password)s  (shown only now)")
        self.stdout.write(text % {"name": name, "password": password})
