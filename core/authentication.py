"""How the front end of gin-vue-admin logs in: a token in the header `x-token`, for reading also in a cookie."""

from __future__ import annotations

from typing import Any

from rest_framework import HTTP_HEADER_ENCODING
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import InvalidToken, TokenError
from rest_framework_simplejwt.tokens import AccessToken, Token

from core.logins import COOKIE, HEADER, LoginToken


class TokenHeaderAuthentication(JWTAuthentication):
    """A front end's login, or an access token of scripts: in `x-token`, or as `Authorization: Bearer <token>`.

    Browsers send cookies by themselves, also for pages of others, so one counts only where nothing is changed. Sessions
    do not count at all: this front end sends no CSRF token, so an admin's session cookie must not act. An empty
    `x-token` (sent before the login) is no token.
    """

    def authenticate(self, request: Request) -> tuple[Any, Token] | None:
        return super().authenticate(request) or self._by_cookie(request)

    def get_header(self, request: Request) -> Any:
        token = request.headers.get(HEADER, "").strip()
        return b"Bearer " + _encoded(token) if token else super().get_header(request)

    def get_validated_token(self, raw_token: bytes) -> Token:
        for kind in (LoginToken, AccessToken):
            try:
                return kind(raw_token)  # type: ignore[arg-type]  # the stubs know only tokens
            except TokenError:
                continue
        raise InvalidToken

    def _by_cookie(self, request: Request) -> tuple[Any, Token] | None:
        text = request.COOKIES.get(COOKIE, "")
        if not text or request.method not in SAFE_METHODS:
            return None
        token = self.get_validated_token(_encoded(text))
        return self.get_user(token), token


def _encoded(token: str) -> bytes:
    return token.encode(HTTP_HEADER_ENCODING, "replace")
