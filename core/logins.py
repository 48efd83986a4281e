"""Logins of the gva front end: one signed token for seven days, which logging out ends before its time.

Only the identities of ended logins are stored, never a token. A changed password and a disabled or deleted user end
every token without any entry: the user is read again with each request.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.http import HttpResponseBase
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import Token
from rest_framework_simplejwt.utils import datetime_from_epoch

from core.models import EndedLogin

HEADER = COOKIE = "x-token"
_RENEWED_WITHIN = timedelta(days=1)
_MARGIN = timedelta(days=1)  # for a renewal that was on its way while the login ended, and for clocks


class LoginToken(Token):
    """Opens the gva routes and nothing else. A renewed one keeps its `jti`: ending either ends the whole login."""

    token_type = "spa"
    lifetime = timedelta(days=7)

    def verify(self) -> None:
        super().verify()
        if EndedLogin.objects.filter(jti=self["jti"]).exists():
            raise TokenError("The login was ended.")

    @property
    def expires_at(self) -> datetime:
        return datetime_from_epoch(self["exp"])

    def ends_soon(self) -> bool:
        return self.expires_at - self.current_time < _RENEWED_WITHIN

    def renewed(self) -> LoginToken:
        """The same login for another seven days from now."""
        fresh = LoginToken()
        fresh.payload = {**self.payload, "iat": fresh["iat"], "exp": fresh["exp"]}
        return fresh


def set_login_cookie(response: HttpResponseBase, token: LoginToken) -> None:
    """For what cannot send a header: downloads in a new tab, WebSockets."""
    response.set_cookie(
        COOKIE, str(token), max_age=token.lifetime, httponly=True, samesite="Lax", secure=settings.SECURE_COOKIES
    )


def drop_login_cookie(response: HttpResponseBase) -> None:
    response.delete_cookie(COOKIE, samesite="Lax")


def end_login(token: LoginToken, *, now: datetime) -> None:
    """End the login of this token and of all its renewals. Ending it twice is no mistake."""
    assert token.lifetime
    entry = EndedLogin(jti=token["jti"], forgotten_at=now + token.lifetime + _MARGIN)
    EndedLogin.objects.bulk_create([entry], ignore_conflicts=True)


def forget_ended_logins(*, now: datetime) -> int:
    """Delete entries of logins whose last token has expired by itself. Returns how many."""
    return EndedLogin.objects.filter(forgotten_at__lt=now).delete()[0]
