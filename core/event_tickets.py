"""Signed tickets in the URL of an event stream, for clients that cannot send headers.

A ticket opens its stream within a minute. The stream then stays open no longer than the login that asked for the
ticket: until the access token ends, half an hour for a session; a changed password ends it like every other login.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from typing import Any

from django.contrib.auth import get_user_model
from django.core import signing
from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import Token

TICKET_SECONDS = 60


class Ticket(serializers.Serializer):
    """A URL for `EventSource`, which cannot send headers. Good for 60 seconds."""

    url = serializers.CharField()
    expires_in = serializers.IntegerField()


class Tickets:
    """Of one kind of rows, which the salt names."""

    def __init__(self, salt: str) -> None:
        self._signer = signing.TimestampSigner(salt=salt)

    def make(self, request: Request, ids: Iterable[int]) -> str:
        """A signed statement "this login may watch these rows"."""
        login = request.auth
        of_session = timezone.now() + api_settings.ACCESS_TOKEN_LIFETIME
        until = login["exp"] if isinstance(login, Token) else int(of_session.timestamp())
        return self._signer.sign_object([request.user.pk, _mark(request.user), until, sorted(ids)], compress=True)

    def user_of(self, ticket: str, ids: Iterable[int], *, opening: bool) -> Any:
        """Whose ticket for these rows it is; None when it is not good (any more). `opening`: within the minute."""
        try:
            stated = self._signer.unsign_object(ticket, max_age=TICKET_SECONDS if opening else None)
        except signing.BadSignature:
            return None
        pk, mark, until, good_for = stated
        if until <= timezone.now().timestamp() or not set(ids) <= set(good_for):
            return None
        user = get_user_model()._default_manager.filter(pk=pk, is_active=True).first()
        return user if user and hmac.compare_digest(mark, _mark(user)) else None


def _mark(user: Any) -> str:
    """Another one after the password was changed."""
    return str(user.get_session_auth_hash())[:16]
