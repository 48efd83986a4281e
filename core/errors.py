"""The one exception tree that services raise and the dialects (`core.dialects`) turn into answers.

A `DomainError` is something a caller can act on. Everything else is a bug and answers 500 without details.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _


class DomainError(Exception):
    """`message` is a translatable sentence; `extra` is JSON-ready and becomes part of the answer. `retry_after`:
    seconds after which the same may go well, 0 where that says nothing."""

    code = "error"
    http_status = 400
    title = _("The request cannot be carried out")
    for_operators: frozenset[str] = frozenset()  # names in `extra` that nobody else gets to see

    def __init__(
        self, message: Any, *, code: str = "", extra: Mapping[str, Any] | None = None, retry_after: int = 0
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.extra = dict(extra or {})
        self.retry_after = retry_after

    def __str__(self) -> str:
        return str(self.message)

    @property
    def told(self) -> str:
        """For a page: people there do not know the names that fields have in the API."""
        return str(self)

    @property
    def headers(self) -> dict[str, str]:
        """Of the answer, in whatever dialect."""
        return {"Retry-After": str(self.retry_after)} if self.retry_after else {}


class InvalidInput(DomainError):
    """Input that breaks a rule. `fields` maps a field name to sentences that hold the rule and an example."""

    code = "invalid"
    title = _("Some fields are not valid")

    def __init__(self, fields: Mapping[str, Sequence[Any] | Any]) -> None:
        self.fields = {
            name: list(value) if isinstance(value, (list, tuple)) else [value] for name, value in fields.items()
        }
        super().__init__("; ".join(f"{name}: {text}" for name, texts in self.fields.items() for text in texts))

    @property
    def told(self) -> str:
        return " ".join(str(text) for texts in self.fields.values() for text in texts)


class NotFound(DomainError):
    code = "not_found"
    http_status = 404
    title = _("Not found")


class PermissionRefused(DomainError):
    code = "permission_denied"
    http_status = 403
    title = _("Not allowed")


class Conflict(DomainError):
    """The state of things forbids it: in use, already running, already finished."""

    code = "conflict"
    http_status = 409
    title = _("Not possible in the present state")


class InUse(Conflict):
    """Refused because others depend on it; `users` are their readable names."""

    code = "in_use"

    def __init__(self, message: Any, *, users: Sequence[str]) -> None:
        super().__init__(message, extra={"used_by": list(users)})
        self.users = list(users)


class SecretUnreadable(DomainError):
    """A stored secret was encrypted with a key that is no longer configured."""

    code = "secret_unreadable"
    http_status = 500
    title = _("A stored secret cannot be decrypted")
