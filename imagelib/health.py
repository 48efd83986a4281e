"""`/healthz`: the process answers. `/readyz`: it can also do its work (database, broker)."""

from __future__ import annotations

from django.conf import settings
from django.db import Error, connection
from django.http import HttpRequest, JsonResponse
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
