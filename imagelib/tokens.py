"""`POST /api/token/` → `{"access", "refresh"}`: log in for scripts. Throttled; guessing locks the user out."""

from __future__ import annotations

import hashlib
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.throttling import ScopedRateThrottle
from rest_framework_simplejwt.serializers import TokenObtainPairSerializer
from rest_framework_simplejwt.views import TokenObtainPairView, TokenRefreshView

from core.throttling import PatientThrottle

LONGEST_NAME = 150  # of Django's users
LONGEST_PASSWORD = 4096  # hashing a longer one only costs time


class LoginThrottle(ScopedRateThrottle, PatientThrottle):
    """The lock after wrong passwords is in the database and stays while the cache is away."""

    limits = "logins"


class UserLoginThrottle(LoginThrottle):
    """By user name and address: one user's attempts leave something of the address's limit to others behind it."""

    scope_attr = "user_throttle_scope"

    def get_cache_key(self, request: Request, view: Any) -> str | None:
        name = request.data.get("username") if isinstance(request.data, dict) else None
        if not isinstance(name, str):
            return None
        digest = hashlib.sha256(name.encode()).hexdigest()  # names may be of any length
        return str(self.cache_format % {"scope": self.scope, "ident": f"{digest}:{self.get_ident(request)}"})


class LoginSerializer(TokenObtainPairSerializer):
    """Nothing longer than what a user can have."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields[self.username_field] = serializers.CharField(write_only=True, max_length=LONGEST_NAME)
        self.fields["password"] = serializers.CharField(
            write_only=True, max_length=LONGEST_PASSWORD, trim_whitespace=False, style={"input_type": "password"}
        )


@extend_schema(tags=["login"])
class LoginView(TokenObtainPairView):
    """User name and password for an access token (30 minutes) and a refresh token (7 days)."""

    serializer_class = LoginSerializer
    throttle_classes = [LoginThrottle]
    throttle_scope = "login"


@extend_schema(tags=["login"])
class RefreshView(TokenRefreshView):
    """A new access token for a refresh token."""
