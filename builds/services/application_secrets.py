"""Build secrets of an application. They are written and used, never read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from builds.models import Application, BuildSecret
from builds.services.application_files import locked
from builds.services.applications import require_own
from core.errors import InvalidInput
from core.fields import MASK

MOST_SECRETS = 50
LONGEST_SECRET = 20_000


def set_secrets(*, user: Any, application: Application, values: Mapping[str, str]) -> list[str]:
    """A text replaces the secret of that name, an empty one removes it; the mask, or a name left out, keeps what is
    stored. Returns the names that there are."""
    require_own(user, application)
    with transaction.atomic():
        row = locked(application)
        for name, text in values.items():
            if text == MASK:
                continue
            if not text:
                row.secrets.filter(name=name).delete()
                continue
            secret = row.secrets.filter(name=name).first() or BuildSecret(application=row, name=name)
            secret.value = text
            _check(secret, text)
            secret.save()
        names = secret_names(row)
        if len(names) > MOST_SECRETS:
            rule = _("An application has at most %(limit)s build secrets. Remove one, for example with an empty text.")
            raise InvalidInput({"values": rule % {"limit": MOST_SECRETS}})
    return names


def secret_names(application: Application) -> list[str]:
    return list(application.secrets.order_by("name").values_list("name", flat=True))


def _check(secret: BuildSecret, text: str) -> None:
    if len(text) > LONGEST_SECRET or "\0" in text:
        rule = _("A build secret is a text of at most %(limit)s characters, for example a token.")
        raise InvalidInput({"values": rule % {"limit": LONGEST_SECRET}})
    try:
        secret.clean_fields(exclude={"value"})
    except ValidationError:
        rule = _("Names of build secrets have letters, digits, “_”, “.” and “-”, for example PIP_TOKEN.")
        raise InvalidInput({"values": rule}) from None
