"""Who may use the Kuscia API: tokens that operators make, and one of the deployment's configuration."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext_lazy as _

from appimages.models import KusciaToken
from core.errors import InvalidInput, NotFound, PermissionRefused
from core.operators import require_operator
from core.rows import delete_rows, save_row

_BYTES = 24  # 32 characters, as long as Kuscia's own
_USED_EVERY = timedelta(minutes=1)  # how exact the time of the last use is


@dataclass(frozen=True, slots=True)
class ConfiguredClient:
    """Who comes with the token of the configuration: an operator without an account."""

    pk: None = None
    is_staff: bool = True
    is_active: bool = True
    is_authenticated: bool = True

    def get_username(self) -> str:
        return "Kuscia API"


CONFIGURED_CLIENT = ConfiguredClient()


def create_token(*, user: Any, name: str, acts_as: Any) -> tuple[KusciaToken, str]:
    """Make a token. Its text is returned and stored nowhere. People make tokens that act as they themselves."""
    require_operator(user)
    if user.pk not in (None, acts_as.pk):
        raise PermissionRefused(_("Make tokens that act as yourself: what others do with one is recorded in its name."))
    name = name.strip()
    if not name or len(name) > 255:
        raise InvalidInput({"name": _("Give a name of at most 255 characters, for example secretpad-production")})
    if not (acts_as.is_active and acts_as.is_staff):
        raise InvalidInput({"user": _("Choose an operator: ordinary users do not change AppImages.")})
    text = secrets.token_urlsafe(_BYTES)
    row = KusciaToken(name=name, user=acts_as, token_hash=_hash(text))
    save_row(row, fields=(), duplicate=_("Another Kuscia token has this name already."))
    return row, text


def revoke_tokens(*, user: Any, ids: list[int]) -> int:
    """From now on nobody comes in with them. Returns how many were not revoked before."""
    require_operator(user)
    rows = list(KusciaToken.objects.filter(pk__in=ids))
    if len(rows) < len(set(ids)):
        raise NotFound(_("There is no such Kuscia token."))
    fresh = [row for row in rows if row.revoked_at is None]
    for row in fresh:  # one by one, so that the audit log sees each
        row.revoked_at = timezone.now()
        row.save(update_fields=["revoked_at"])
    return len(fresh)


def delete_tokens(*, user: Any, ids: list[int]) -> int:
    """Whoever has one of them does not come in any more. Raises `NotFound` for unknown ids."""
    require_operator(user)
    return delete_rows(KusciaToken, ids)


def client_of(text: str, *, now: datetime) -> Any:
    """The user in whose name somebody with this token acts; None for a wrong one."""
    if settings.KUSCIA_TOKEN and constant_time_compare(text, settings.KUSCIA_TOKEN):
        return CONFIGURED_CLIENT
    operators = Q(user__is_active=True, user__is_staff=True)
    valid = KusciaToken.objects.select_related("user").filter(operators, revoked_at=None)
    row = valid.filter(token_hash=_hash(text)).first()
    if row is None:
        return None
    if row.last_used_at is None or now - row.last_used_at > _USED_EVERY:
        KusciaToken.objects.filter(pk=row.pk).update(last_used_at=now)
    return row.user


def _hash(text: str) -> str:
    """Looking a hash up tells nothing of the text by the time that it takes."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
