"""The record of terminals, which is also what their limit goes by."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from core.errors import DomainError
from instances.models import Instance, TerminalSession

LOST_AFTER = timedelta(seconds=60)  # without a sign of life its server is gone


class TooMany(DomainError):
    """The limit of what one user may have open."""

    code = "too_many"
    http_status = 429
    title = _("Too many are open")


def begin_terminal(*, user: Any, instance: Instance, shell: str, address: str | None, now: datetime) -> TerminalSession:
    """Raises `TooMany`. The user's row is locked meanwhile: two that come at once are counted one after the other."""
    with transaction.atomic():
        get_user_model()._default_manager.select_for_update().get(pk=user.pk)
        unended = TerminalSession.objects.filter(user=user, ended_at=None, seen_at__gt=now - LOST_AFTER)
        if unended.count() >= settings.TERMINALS_PER_USER:
            text = _("You have %(count)s terminals open, which is the limit. Close one of them.")
            raise TooMany(text % {"count": settings.TERMINALS_PER_USER})
        return TerminalSession.objects.create(
            instance=instance,
            instance_name=instance.name,
            user=user,
            user_name=user.get_username(),
            node_name=instance.node.name,
            container_id=instance.container_id,
            shell=shell,
            address=address,
            began_at=now,
            seen_at=now,
        )


def see_terminal(*, session: int, now: datetime, run: str = "", process: int | None = None) -> None:
    """It is still open. `run` and `process`: of its shell, so that another server can end it if this one dies."""
    TerminalSession.objects.filter(pk=session, ended_at=None).update(seen_at=now, run=run, process=process)


def end_terminal(*, session: int, end: str, now: datetime, bytes_in: int = 0, bytes_out: int = 0) -> None:
    """Once: what ended first stays the reason."""
    values = {"ended_at": now, "seen_at": now, "end": end, "bytes_in": bytes_in, "bytes_out": bytes_out}
    TerminalSession.objects.filter(pk=session, ended_at=None).update(**values)
