"""`/healthz`: the process answers. `/readyz`: it can also do its work (database, broker)."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.db import Error, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from redis import Redis
from redis.exceptions import RedisError

from imagelib.celery import app


def alive(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


def ready(request: HttpRequest) -> JsonResponse:
    """200 with `{"status": "ok", "checks": {…}}`, or 503 naming what is missing. Details stay in the log."""
    checks = {"database": database(), "broker": broker()}
    good = all(value == "ok" for value in checks.values())
    return JsonResponse({"status": "ok" if good else "unavailable", "checks": checks}, status=200 if good else 503)


def database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        return "unavailable"
    return "ok"


def broker() -> str:
    if settings.EMBEDDED:
        return "ok" if app.conf.broker_url.startswith("memory") else "unavailable"
    try:
        Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2).ping()
    except (RedisError, OSError):
        return "unavailable"
    return "ok"


class Probes:
    """Answers probes before anything else looks at them: an orchestrator asks by an address of the container, which is
    no allowed host, every few seconds, which nobody wants in the log."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        view = _PROBES.get(request.path_info)
        return view(request) if view else self._get_response(request)


_PROBES = {"/healthz": alive, "/readyz": ready}
