"""`POST /api/token/` → `{"access", "refresh"}`: log in for scripts. Throttled; guessing locks the user out."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.throttling import ScopedRateThrottle
from rest_framework_simplejwt.views import TokenObtainPairView, TokenRefreshView


@extend_schema(tags=["login"])
class LoginView(TokenObtainPairView):
    """User name and password for an access token (30 minutes) and a refresh token (7 days)."""

    throttle_classes = [ScopedRateThrottle]
    throttle_scope = "login"


@extend_schema(tags=["login"])
class RefreshView(TokenRefreshView):
    """A new access token for a refresh token."""
