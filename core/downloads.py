"""One-time downloads for a browser tab that sends no token of its own."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _

from core.errors import DomainError
from core.models import DownloadTicket

VALID_FOR = timedelta(minutes=30)


class DownloadExpired(DomainError):
    """The link was used before, is too old, was never ours, or its user may not log in any more."""

    code = "download_expired"
    http_status = 410
    title = _("The download link is not valid any more")


def allow_download(*, user: Any, action: str, subject: str, now: datetime) -> str:
    """A token with which anybody may download `subject` once, in the name of `user`, within the half hour."""
    token = secrets.token_urlsafe(32)
    DownloadTicket.objects.create(
        token_hash=_hash(token), user=user, action=action, subject=subject, expires_at=now + VALID_FOR
    )
    return token


def redeem_download(*, token: str, action: str, now: datetime) -> tuple[Any, str]:
    """The user and the subject. The token is used up. Raises `DownloadExpired`."""
    rows = DownloadTicket.objects.select_related("user").filter(expires_at__gt=now, user__is_active=True)
    ticket = rows.filter(token_hash=_hash(token), action=action).first()
    # Of two tabs that ask at the same moment only one deletes the row.
    if ticket is None or not DownloadTicket.objects.filter(pk=ticket.pk).delete()[0]:
        raise DownloadExpired(_("This download link has been used already or is too old. Press the button again."))
    return ticket.user, ticket.subject


def forget_expired(*, now: datetime) -> int:
    """Delete tickets that were never used. Returns how many."""
    return DownloadTicket.objects.filter(expires_at__lte=now).delete()[0]


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
