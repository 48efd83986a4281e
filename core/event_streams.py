"""Server-sent events of one kind of rows: a stream of one row, and one of many.

Asynchronous views; `imagelib.asgi` sends their paths to Django's ASGI side. Who may watch is decided when the stream
opens: by login session, by `Authorization: Bearer`, or by a signed ticket in the URL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.core import signing
from django.db import connections
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.utils import translation
from django.utils.translation import gettext as _
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication

from core.progress import Hub

TICKET_SECONDS = 60
MOST_IDS = 100


class EventStreams:
    """`visible(user)`: rows that the user may watch. `unknown`: the sentence for others and for none."""

    def __init__(self, hub: Hub, *, visible: Callable[[Any], QuerySet[Any]], unknown: Any, salt: str) -> None:
        self._hub, self._visible, self._unknown = hub, visible, unknown
        self._signer = signing.TimestampSigner(salt=salt)

    def make_ticket(self, user: Any, ids: Iterable[int]) -> str:
        """A signed statement "this user may watch these rows", good for a minute."""
        return self._signer.sign_object([user.pk, sorted(ids)], compress=True)

    async def one(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """The stream of one row."""
        if pk >= 2**63:
            return _refuse(404, "not_found", self._unknown)
        return await self._stream(request, [pk])

    async def many(self, request: HttpRequest) -> HttpResponseBase:
        """One stream for many rows, for list pages: `?id=1&id=2`."""
        ids = [int(text) for text in request.GET.getlist("id") if text.isdecimal() and len(text) < 19]
        return await self._stream(request, ids[:MOST_IDS])

    async def _stream(self, request: HttpRequest, ids: list[int]) -> HttpResponseBase:
        user, allowed = await sync_to_async(self._allowed)(request, ids)
        if user is None:
            return _refuse(401, "not_authenticated", _("Log in, send a token, or use a fresh ticket."))
        if not allowed:
            return _refuse(404, "not_found", self._unknown)
        last = request.headers.get("Last-Event-ID", "")
        seen = {allowed[0]: int(last)} if len(allowed) == 1 and last.isdecimal() and len(last) < 19 else {}
        response = StreamingHttpResponse(
            self._hub.watch(
                allowed,
                language=translation.get_language() or "en",
                seen=seen,
                allowed=partial(self._still_allowed, user.pk, frozenset(allowed)),
            ),
            content_type="text/event-stream",
        )
        response["Cache-Control"] = "no-cache, no-transform"
        response["X-Accel-Buffering"] = "no"
        return response

    def _allowed(self, request: HttpRequest, ids: list[int]) -> tuple[Any, list[int]]:
        """Who asks, and which of the rows they may watch. Closes the connection of this short-lived thread."""
        try:
            user = self._user(request, ids)
            if user is None:
                return None, []
            return user, list(self._visible(user).filter(pk__in=ids).values_list("pk", flat=True))
        finally:
            for connection in connections.all(initialized_only=True):
                if not connection.in_atomic_block:
                    connection.close()

    def _still_allowed(self, user_pk: int, ids: frozenset[int]) -> bool:
        """Asked again while a stream stays open: the account may have been closed, or lost its rights."""
        user = get_user_model()._default_manager.filter(pk=user_pk, is_active=True).first()
        if user is None:
            return False
        rows = self._visible(user)
        there = rows.model._default_manager.filter(pk__in=ids).count()  # others were removed, which is no secret
        return rows.filter(pk__in=ids).count() == there

    def _user(self, request: HttpRequest, ids: list[int]) -> Any:
        if ticket := request.GET.get("ticket"):
            try:
                pk, good_for = self._signer.unsign_object(ticket, max_age=TICKET_SECONDS)
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


def _refuse(status: int, code: str, detail: Any) -> JsonResponse:
    text = str(detail)
    body = {"type": "about:blank", "title": text, "status": status, "detail": text, "code": code}
    return JsonResponse(body, status=status, content_type="application/problem+json")
