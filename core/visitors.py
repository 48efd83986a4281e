"""Who is at the other end of a connection that stays open, at its beginning and later: logins end meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from io import BytesIO
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication

from core.authentication import TokenHeaderAuthentication
from core.logins import HEADER
from core.origins import is_own_origin


@dataclass(frozen=True, slots=True)
class Visitor:
    """`by_cookie`: the browser said who it is by itself, maybe for a page of somebody else."""

    user: Any
    by_cookie: bool


def request_of(scope: dict[str, Any]) -> ASGIRequest:
    """The request that a WebSocket began with."""
    scheme = "https" if scope.get("scheme") in ("wss", "https") else "http"
    return ASGIRequest({**scope, "type": "http", "method": "GET", "scheme": scheme}, BytesIO())


def visitor_of(request: HttpRequest, *, front_end: bool) -> Visitor | None:
    """Reads the login anew each time: an ended, disabled or expired one gives None. `front_end`: by its rules."""
    if front_end:
        told = "Authorization" in request.headers or bool(request.headers.get(HEADER, "").strip())
        return _by_token(request, TokenHeaderAuthentication(), by_cookie=not told)
    if "Authorization" in request.headers:
        return _by_token(request, JWTAuthentication(), by_cookie=False)
    return _by_session(request)


def comes_from_us(request: HttpRequest) -> bool | None:
    """Whether our own page opened it; None when no page did. Raises `DisallowedHost`."""
    origin = request.headers.get("Origin")
    own = f"{request.scheme}://{request.get_host()}"
    return None if origin is None else is_own_origin(origin, own=own, trusted=settings.CSRF_TRUSTED_ORIGINS)


def _by_token(request: HttpRequest, rule: BaseAuthentication, *, by_cookie: bool) -> Visitor | None:
    try:
        found = rule.authenticate(Request(request))
    except APIException:
        return None
    return Visitor(found[0], by_cookie) if found else None


def _by_session(request: HttpRequest) -> Visitor | None:
    engine = import_module(settings.SESSION_ENGINE)
    request.session = engine.SessionStore(request.COOKIES.get(settings.SESSION_COOKIE_NAME))
    user = get_user(request)
    return Visitor(user, by_cookie=True) if user.is_authenticated else None
