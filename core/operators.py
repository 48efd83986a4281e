"""Who may change things, and in whose name the audit log records it."""

from __future__ import annotations

from typing import Any

from auditlog.context import auditlog_value
from django.utils.translation import gettext_lazy as _

from core.errors import PermissionRefused


def require_operator(user: Any) -> None:
    """Raises `PermissionRefused` for everybody who is not staff; else the audit log names this user.

    The audit middleware sees only login sessions; a user who came with a token is known no earlier than here.
    """
    if not (user and user.is_active and user.is_staff):
        raise PermissionRefused(_("Only operators may do this."))
    name_actor(user)


def name_actor(user: Any) -> None:
    """In the audit log, for what this user changes from here on."""
    request = auditlog_value.get(None)
    if request is not None and user.pk:
        request["actor"] = user
