"""Asking in the admin for what is done to containers: start, stop, restart, remove."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy
from unfold.decorators import action

from core.admin_tools import OperatorAdmin
from core.errors import DomainError
from instances.models import OperationKind


@dataclass(frozen=True, slots=True)
class Asking:
    """The words of the page that asks before something is done."""

    title: Any
    message: Any
    button: Any
    said: Any
    danger: bool = False


_ASKING = {
    OperationKind.START: Asking(
        gettext_lazy("Start"),
        gettext_lazy("The containers are started again, on the same nodes and GPUs."),
        gettext_lazy("Start"),
        gettext_lazy("Being started: %(names)s"),
    ),
    OperationKind.STOP: Asking(
        gettext_lazy("Stop"),
        gettext_lazy(
            "The programs in the containers are asked to end, and ended by force after a while. The containers with "
            "their files stay, and so do the GPUs that they hold."
        ),
        gettext_lazy("Stop"),
        gettext_lazy("Being stopped: %(names)s"),
        danger=True,
    ),
    OperationKind.RESTART: Asking(
        gettext_lazy("Restart"),
        gettext_lazy("The programs in the containers end and begin anew; the files in the containers stay."),
        gettext_lazy("Restart"),
        gettext_lazy("Being restarted: %(names)s"),
        danger=True,
    ),
    OperationKind.REMOVE: Asking(
        gettext_lazy("Remove"),
        gettext_lazy(
            "The containers are removed with all files in them, and so are their data disks. This cannot be undone. "
            "GPUs, memory and disk are free for others afterwards."
        ),
        gettext_lazy("Remove for ever"),
        gettext_lazy("Being removed: %(names)s"),
        danger=True,
    ),
}


class OperatedAdmin(OperatorAdmin):
    """For rows that are made, operated and removed by services only. A kind of row says how, and what it is called."""

    by_hand = ("add",)

    def operate(self, *, user: Any, pk: int, kind: OperationKind) -> None:
        """Call the service that does it. Raises `DomainError`."""
        raise NotImplementedError

    def told(self, row: Any) -> str:
        """As the page that asks calls it."""
        raise NotImplementedError

    def back(self, row: Any) -> str:
        """Where to go when it has been asked for."""
        return self.change_url(row.pk)

    def message(self, kind: OperationKind) -> Any:
        return _ASKING[kind].message

    @action(description=gettext_lazy("Start…"), url_path="start", icon="play_arrow")
    def start(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._ask(request, object_id, OperationKind.START)

    @action(description=gettext_lazy("Stop…"), url_path="stop", icon="stop")
    def stop(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._ask(request, object_id, OperationKind.STOP)

    @action(description=gettext_lazy("Restart…"), url_path="restart", icon="restart_alt")
    def restart(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._ask(request, object_id, OperationKind.RESTART)

    @action(description=gettext_lazy("Remove…"), url_path="remove", icon="delete")
    def remove(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._ask(request, object_id, OperationKind.REMOVE)

    def ask_selected(self, request: HttpRequest, queryset: Any, name: str, kind: OperationKind) -> HttpResponse:
        return self.confirm_selected(request, queryset, action=name, **self._words(request, kind, queryset))

    def _ask(self, request: HttpRequest, object_id: str, kind: OperationKind) -> HttpResponse:
        row = self.row_or_404(request, object_id)
        words = self._words(request, kind, [row])
        return self.confirm(request, items=[self.told(row)], back=self.back(row), **words)

    def _words(self, request: HttpRequest, kind: OperationKind, rows: Iterable[Any]) -> dict[str, Any]:
        words = _ASKING[kind]

        def act() -> str | None:
            begun = [row.name for row in rows if self._begin(request, row.pk, kind)]
            return str(words.said) % {"names": ", ".join(begun)} if begun else None

        message = self.message(kind)
        return {"title": words.title, "message": message, "button": words.button, "danger": words.danger, "act": act}

    def _begin(self, request: HttpRequest, pk: int, kind: OperationKind) -> bool:
        """One of several: what cannot be done is told and keeps nothing else back."""
        try:
            self.operate(user=request.user, pk=pk, kind=kind)
        except DomainError as error:
            messages.error(request, str(error))
            return False
        return True
