"""`manage.py ensure_admin`: the first administrator, from the environment or generated and printed once."""

from __future__ import annotations

import secrets
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand

from imagelib import env


class Command(BaseCommand):
    help = "Create the first administrator (IMAGELIB_ADMIN_USER, IMAGELIB_ADMIN_PASSWORD) if there is none."

    def handle(self, **_options: Any) -> None:
        users = get_user_model()._default_manager
        if users.filter(is_superuser=True).exists():
            return
        name = env.text("ADMIN_USER", "admin")
        given = env.text("ADMIN_PASSWORD")
        password = given or secrets.token_urlsafe(12)
        users.create_superuser(username=name, password=password)
        shown = "the password from IMAGELIB_ADMIN_PASSWORD" if given else f"password {password}  (shown only now)"
        self.stdout.write(f"Administrator created: user {name}, {shown}")
