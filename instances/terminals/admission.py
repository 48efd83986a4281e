"""Who may open which terminal, and whether he still may: for threads, because it asks the database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _

from core.dialects.gva_query import id_in_query
from core.errors import DomainError, InvalidInput
from core.middleware import client_address
from core.visitors import comes_from_us, visitor_of
from instances import services
from instances.models import TerminalEnd, TerminalSession
from instances.terminals.shell import SHELLS, Shell, open_shell
from instances.terminals.words import NOT_LOGGED_IN


class NotLoggedIn(DomainError):
    code = "not_authenticated"
    http_status = 401
    title = _("Not logged in")


@dataclass(frozen=True, slots=True)
class Asked:
    """`front_end`: by the rules of docker-gpu-manage, which names the instance in the query."""

    request: ASGIRequest
    front_end: bool
    instance: str
    language: str


@dataclass(frozen=True, slots=True)
class Admitted:
    user: int
    instance: int
    session: int  # the record
    asked_for: str
    shell: Shell


def is_hijack(request: ASGIRequest) -> bool:
    """Opened by a page of somebody else; raises `DisallowedHost`."""
    return comes_from_us(request) is False


def admit(asked: Asked) -> Admitted:
    """Opens the shell. Raises `DomainError`s, in the language that was asked for."""
    with translation.override(asked.language):
        return _admit(asked)


def _admit(asked: Asked) -> Admitted:
    visitor = visitor_of(asked.request, front_end=asked.front_end)
    # What is no browser sends a token; a cookie without an origin is something in between.
    if visitor is None or (visitor.by_cookie and not comes_from_us(asked.request)):
        raise NotLoggedIn(NOT_LOGGED_IN)
    wanted = asked.request.GET.get("shell") or SHELLS[0]
    if wanted not in SHELLS:
        raise InvalidInput({"shell": _("Give bash or sh.")})
    instance = services.own_instance(user=visitor.user, pk=id_in_query("ID", asked.instance))
    address = client_address(asked.request)
    session = services.begin_terminal(
        user=visitor.user, instance=instance, shell=wanted, address=address, now=timezone.now()
    )
    try:
        shell = open_shell(instance, shell=wanted)
    except BaseException:
        _end(session, TerminalEnd.REFUSED)
        raise
    TerminalSession.objects.filter(pk=session.pk).update(shell=shell.name)
    return Admitted(visitor.user.pk, instance.pk, session.pk, wanted, shell)


def reason_to_end(asked: Asked, admitted: Admitted) -> TerminalEnd | None:
    """None while everything is as it was when the terminal was opened."""
    visitor = visitor_of(asked.request, front_end=asked.front_end)
    if visitor is None or visitor.user.pk != admitted.user:
        return TerminalEnd.LOGIN
    if not services.may_see(visitor.user, admitted.instance):
        return TerminalEnd.GONE
    services.see_terminal(session=admitted.session, now=timezone.now(), **admitted.shell.mark)
    return None


def put_away(admitted: Admitted, *, end: TerminalEnd, bytes_in: int, bytes_out: int) -> None:
    """The record first, because ending a shell takes a moment; the shell also when the database is away."""
    try:
        services.end_terminal(
            session=admitted.session, end=end, bytes_in=bytes_in, bytes_out=bytes_out, now=timezone.now()
        )
    finally:
        admitted.shell.close()


def _end(session: Any, end: TerminalEnd) -> None:
    services.end_terminal(session=session.pk, end=end, bytes_in=0, bytes_out=0, now=timezone.now())
