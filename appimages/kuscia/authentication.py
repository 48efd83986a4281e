"""The header `Token` of Kuscia's clients."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.request import Request

from appimages.tokens import client_of
from core.throttling import PatientThrottle


class WrongTokens(PatientThrottle):
    """Counts wrong tokens by address. Right ones are never counted, nor kept waiting by others' wrong ones."""

    scope = "kuscia_token"

    def get_cache_key(self, request: Request, view: Any) -> str:
        return str(self.cache_format % {"scope": self.scope, "ident": self.get_ident(request)})


class TokenAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[Any, None]:
        client = client_of(request.headers.get("Token", ""), now=timezone.now())
        if client is None:
            limit = WrongTokens()
            if not limit.allow_request(request, None):
                raise Throttled(wait=limit.wait())
            raise AuthenticationFailed
        return client, None
