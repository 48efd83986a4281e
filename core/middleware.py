"""One line in the log per request; whose request it is, for the locks and logs that name an address."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

import structlog
from auditlog.middleware import AuditlogMiddleware
from django.http import HttpRequest
from django_structlog.middlewares import RequestMiddleware
from rest_framework.throttling import BaseThrottle

_LONGEST_NAME = 255  # of django-axes' columns


def client_address(request: HttpRequest) -> str | None:
    """The sender's IP address: `X-Forwarded-For` counts only behind our own proxy, and of it only what that one added.

    One rule (`NUM_PROXIES`) for the limit of logins, the lock after wrong passwords and the logs: with another one for
    each, a header that anybody can send would walk around them. Also, databases refuse to store what is no address.
    """
    told = BaseThrottle().get_ident(request)  # type: ignore[arg-type]  # reads only what all requests have
    for text in (told, request.META.get("REMOTE_ADDR")):
        try:
            return str(ip_address(text or ""))
        except ValueError:
            continue
    return None


def typed_username(request: HttpRequest, credentials: Mapping[str, Any] | None) -> str | None:
    """The name that somebody tries to log in with, as far as the table of failed logins has room for it."""
    name = (credentials or getattr(request, "data", request.POST)).get("username")
    return name[:_LONGEST_NAME] if isinstance(name, str) else None


class RequestLog(RequestMiddleware):
    """Without the query: it may hold a ticket, or an address that somebody typed with a password in it."""

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        return f"{request.method} {request.path}"

    @classmethod
    def bind_ip(cls, request: HttpRequest) -> None:
        structlog.contextvars.bind_contextvars(ip=client_address(request))


class AuditLog(AuditlogMiddleware):
    """Who changed what, and from where; of the headers that a sender writes himself nothing is believed."""

    @staticmethod
    def _get_remote_addr(request: HttpRequest) -> str | None:
        return client_address(request)

    @staticmethod
    def _get_remote_port(request: HttpRequest) -> int | None:
        return None
