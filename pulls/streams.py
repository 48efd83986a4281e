"""Server-sent events of pulls: `/api/pulls/{id}/events/` and `/api/pulls/events/?id=1&id=2`.

Asynchronous views; `imagelib.asgi` sends these paths to Django's ASGI side. Who may watch is decided once, when the
stream opens: by login session, by `Authorization: Bearer`, or by a signed ticket in the URL.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.core import signing
from django.db import connections, reset_queries
from django.http import HttpRequest, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication

from core import changes
from core.progress import Hub
from pulls.models import PullJob
from pulls.services import visible_pulls
from pulls.snapshot import snapshot

TICKET_SECONDS = 60
MOST_IDS = 100
_signer = signing.TimestampSigner(salt="pull-events")


def make_ticket(user: Any, ids: Iterable[int]) -> str:
    """A signed statement "this user may watch these pulls", good for a minute."""
    return _signer.sign_object([user.pk, sorted(ids)], compress=True)


async def pull_events(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The stream of one pull."""
    if pk >= 2**63:
        return _refuse(404, "not_found", _("There is no such pull, or it is not yours."))
    return await _stream(request, [pk])


async def pulls_events(request: HttpRequest) -> HttpResponseBase:
    """One stream for many pulls, for list pages."""
    ids = [int(text) for text in request.GET.getlist("id") if text.isdecimal() and len(text) < 19]
    return await _stream(request, ids[:MOST_IDS])


async def _stream(request: HttpRequest, ids: list[int]) -> HttpResponseBase:
    user, allowed = await sync_to_async(_allowed)(request, ids)
    if user is None:
        return _refuse(401, "not_authenticated", _("Log in, send a token, or use a fresh ticket."))
    if not allowed:
        return _refuse(404, "not_found", _("There is no such pull, or it is not yours."))
    last = request.headers.get("Last-Event-ID", "")
    seen = {allowed[0]: int(last)} if len(allowed) == 1 and last.isdecimal() and len(last) < 19 else {}
    response = StreamingHttpResponse(
        hub.watch(
            allowed,
            language=translation.get_language() or "en",
            seen=seen,
            allowed=partial(_still_allowed, user.pk, frozenset(allowed)),
        ),
        content_type="text/event-stream",
    )
    response["Cache-Control"] = "no-cache, no-transform"
    response["X-Accel-Buffering"] = "no"
    return response


def _allowed(request: HttpRequest, ids: list[int]) -> tuple[Any, list[int]]:
    """Who asks, and which of the pulls they may watch. Closes the connection of this short-lived thread."""
    try:
        user = _user(request, ids)
        if user is None:
            return None, []
        return user, list(visible_pulls(user).filter(pk__in=ids).values_list("pk", flat=True))
    finally:
        for connection in connections.all(initialized_only=True):
            if not connection.in_atomic_block:
                connection.close()


def _still_allowed(user_pk: int, ids: frozenset[int]) -> bool:
    """Asked again while a stream stays open: the account may have been closed, or lost its rights."""
    user = get_user_model()._default_manager.filter(pk=user_pk, is_active=True).first()
    return user is not None and visible_pulls(user).filter(pk__in=ids).count() == len(ids)


def _user(request: HttpRequest, ids: list[int]) -> Any:
    if ticket := request.GET.get("ticket"):
        try:
            pk, good_for = _signer.unsign_object(ticket, max_age=TICKET_SECONDS)
        except signing.BadSignature:
            return None
        user = get_user_model()._default_manager.filter(pk=pk, is_active=True).first()
        return user if user and set(ids) <= set(good_for) else None
    if "Authorization" in request.headers:
        try:
            found = JWTAuthentication().authenticate(Request(request))
        except APIException:
            return None
        return found[0] if found else None
    return request.user if request.user.is_authenticated else None


def _refuse(status: int, code: str, detail: str) -> JsonResponse:
    body = {"type": "about:blank", "title": detail, "status": status, "detail": detail, "code": code}
    return JsonResponse(body, status=status, content_type="application/problem+json")


def _versions(ids: Iterable[int]) -> Mapping[int, int]:
    reset_queries()  # with DEBUG on Django remembers every query of a thread, and this one never ends
    return dict(PullJob.objects.filter(pk__in=ids).values_list("pk", "version"))


def _pictures(ids: Iterable[int], language: str) -> Mapping[int, dict[str, Any]]:
    with translation.override(language):
        jobs = PullJob.objects.select_related("requested_by").filter(pk__in=ids)
        return {job.pk: snapshot(job, now=timezone.now()) for job in jobs}


hub = Hub(versions=_versions, pictures=_pictures, listen=changes.listen)
close_streams = partial(hub.close)
