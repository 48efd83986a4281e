"""One-time downloads for a browser tab that sends no token of its own."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
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
    token = f"{user.pk}_{secrets.token_urlsafe(32)}"
    DownloadTicket.objects.create(
        token_hash=_hash(token, user), user=user, action=action, subject=subject, expires_at=now + VALID_FOR
    )
    return token


def redeem_download(*, token: str, action: str, now: datetime) -> tuple[Any, str]:
    """The user and the subject. The token is used up. Raises `DownloadExpired`."""
    user = _user_of(token)
    rows = DownloadTicket.objects.filter(expires_at__gt=now, user=user, action=action)
    ticket = rows.filter(token_hash=_hash(token, user)).first() if user else None
    # Of two tabs that ask at the same moment only one deletes the row.
    if ticket is None or not DownloadTicket.objects.filter(pk=ticket.pk).delete()[0]:
        raise DownloadExpired(_("This download link has been used already or is too old. Press the button again."))
    return user, ticket.subject


def end_downloads(user: Any) -> None:
    """Whoever logs out takes back what was not downloaded yet."""
    DownloadTicket.objects.filter(user=user).delete()


def forget_expired(*, now: datetime) -> int:
    """Delete tickets that were never used. Returns how many."""
    return DownloadTicket.objects.filter(expires_at__lte=now).delete()[0]


def _user_of(token: str) -> Any:
    pk = token.partition("_")[0]
    if not pk.isdecimal() or len(pk) > 18:
        return None
    return get_user_model()._default_manager.filter(pk=int(pk), is_active=True).first()


def _hash(token: str, user: Any) -> str:
    """Holds the user's password too, as a login session does: with a new one, old links are void."""
    return hashlib.sha256(f"{token} {user.get_session_auth_hash()}".encode()).hexdigest()
