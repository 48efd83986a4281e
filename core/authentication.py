"""How the front end of gin-vue-admin logs in: a token in the header `x-token`."""

from __future__ import annotations

from typing import Any

from rest_framework import HTTP_HEADER_ENCODING
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication


class TokenHeaderAuthentication(JWTAuthentication):
    """The raw access token in `x-token`, or `Authorization: Bearer <token>` for scripts.

    Sessions do not count here: this front end sends no CSRF token, so an admin's session cookie must not act.
    An empty `x-token` (sent before the login) is no token.
    """

    def get_header(self, request: Request) -> Any:
        token = request.headers.get("x-token", "").strip()
        if token:
            return b"Bearer " + token.encode(HTTP_HEADER_ENCODING, "replace")
        return super().get_header(request)
