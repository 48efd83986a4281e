"""Server-sent events of one kind of rows: a stream of one row, and one of many.

Asynchronous views; `imagelib.asgi` sends their paths to Django's ASGI side. Who may watch is decided by login session,
by `Authorization: Bearer`, or by a signed ticket in the URL; when the stream opens, and again every minute.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from functools import partial
from typing import Any

from asgiref.sync import sync_to_async
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils import translation
from django.utils.translation import gettext as _
from rest_framework.request import Request

from core.event_tickets import TICKET_SECONDS, Tickets
from core.progress import Hub, encode
from core.server_sent import RETRY, answer_with
from core.threads import close_connections
from core.visitors import visitor_of

MOST_IDS = 100
_LARGEST = 2**63  # no row has this id; databases do not even understand it


class EventStreams:
    """`visible(user)`: rows that the user may watch.

    What is not there, or not his, is answered with 404 and the sentence `unknown`. Where rows vanish by themselves,
    `ended(id)` is their last picture instead, whoever asks and whatever was there: so it tells nothing about others'.
    """

    def __init__(
        self,
        hub: Hub,
        *,
        visible: Callable[[Any], QuerySet[Any]],
        salt: str,
        unknown: Any,
        ended: Callable[[int], dict[str, Any]] | None = None,
    ) -> None:
        self._hub, self._visible, self._unknown, self._ended = hub, visible, unknown, ended
        self._tickets = Tickets(salt)

    def ticket_for(self, request: Request, pk: int, *, path: str) -> dict[str, Any]:
        """A signed URL of the stream at `path`, as `core.event_tickets.Ticket` shows it."""
        return {"url": f"{path}?ticket={self._tickets.make(request, [pk])}", "expires_in": TICKET_SECONDS}

    async def one(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """The stream of one row."""
        return await self._stream(request, [pk])

    async def many(self, request: HttpRequest) -> HttpResponseBase:
        """One stream for many rows, for list pages: `?id=1&id=2`."""
        ids = [int(text) for text in request.GET.getlist("id") if text.isdecimal() and len(text) < 19]
        return await self._stream(request, ids[:MOST_IDS])

    async def _stream(self, request: HttpRequest, ids: list[int]) -> HttpResponseBase:
        user, allowed = await sync_to_async(self._allowed)(request, ids)
        if user is None:
            return _refuse(401, "not_authenticated", _("Log in, send a token, or use a fresh ticket."))
        last = request.headers.get("Last-Event-ID", "")
        known = int(last) if last.isdecimal() and len(last) < 19 else 0
        others = [self._ended(pk) for pk in dict.fromkeys(ids) if pk not in allowed] if self._ended else []
        if allowed:
            may = partial(self._still_allowed, request, user, frozenset(allowed))
            seen = {allowed[0]: known} if len(allowed) == 1 else {}
            language = translation.get_language() or "en"
            watch = self._hub.watch(allowed, language=language, operator=user.is_staff, seen=seen, allowed=may)
            return answer_with(_after(others, watch))
        if not others:
            return _refuse(404, "not_found", self._unknown)
        if all(picture["version"] <= known for picture in others):
            return HttpResponse(status=204)  # which tells an EventSource not to come again
        return answer_with(_after(others))

    def _allowed(self, request: HttpRequest, ids: list[int]) -> tuple[Any, list[int]]:
        """Who asks, and which of the rows they may watch. Closes the connection of this short-lived thread."""
        try:
            user = self._user(request, ids, opening=True)
            if user is None:
                return None, []
            possible = [pk for pk in ids if pk < _LARGEST]
            return user, list(self._visible(user).filter(pk__in=possible).values_list("pk", flat=True))
        finally:
            close_connections()

    def _still_allowed(self, request: HttpRequest, opener: Any, ids: frozenset[int]) -> bool:
        """The login may have ended meanwhile, the account may have been closed, or have lost its rights."""
        user = self._user(request, ids, opening=False)
        if user is None or (user.pk, user.is_staff) != (opener.pk, opener.is_staff):
            return False
        rows = self._visible(user)
        there = rows.model._default_manager.filter(pk__in=ids).count()  # others were removed, which is no secret
        return rows.filter(pk__in=ids).count() == there

    def _user(self, request: HttpRequest, ids: Iterable[int], *, opening: bool) -> Any:
        if ticket := request.GET.get("ticket"):
            return self._tickets.user_of(ticket, ids, opening=opening)
        visitor = visitor_of(request, front_end=False)
        return visitor.user if visitor else None


async def _after(
    pictures: list[dict[str, Any]], further: AsyncGenerator[bytes, None] | None = None
) -> AsyncGenerator[bytes, None]:
    """These at once, then what comes."""
    if pictures:
        yield b"".join([RETRY, *map(encode, pictures)])
    if further is not None:
        async with aclosing(further):
            async for text in further:
                yield text


def _refuse(status: int, code: str, detail: Any) -> JsonResponse:
    text = str(detail)
    body = {"type": "about:blank", "title": text, "status": status, "detail": text, "code": code}
    return JsonResponse(body, status=status, content_type="application/problem+json")
