"""What rows have on or off, such as being listed: turned for one row or for many, after a page that asks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse

from core.admin_tools import OperatorAdmin


@dataclass(frozen=True, slots=True)
class Words:
    """What the page says before, and afterwards: `done` is a plural with `%(count)s`. All lazy."""

    title: Any
    message: Any
    button: Any
    done: Any


class SwitchAdmin(OperatorAdmin):
    """Pages of rows with a switch. The actions themselves stand with the page, because they have names and texts."""

    on: ClassVar[Words]
    off: ClassVar[Words]

    def switch(self, *, user: Any, ids: Iterable[int], on: bool) -> int:
        """Call the service. Returns how many rows changed."""
        raise NotImplementedError

    def switch_row(
        self, request: HttpRequest, row: Any, *, on: bool, back: str, items: Sequence[Any] = ()
    ) -> HttpResponse:
        return self.confirm(request, items=items or [row], back=back, **self._switching(request, [row.pk], on))

    def switch_selected(self, request: HttpRequest, queryset: Any, *, action: str, on: bool) -> HttpResponse:
        ids = list(queryset.values_list("pk", flat=True))
        return self.confirm_selected(request, queryset, action=action, **self._switching(request, ids, on))

    def _switching(self, request: HttpRequest, ids: list[int], on: bool) -> dict[str, Any]:
        words = self.on if on else self.off

        def act() -> str:
            return str(words.done % {"count": self.switch(user=request.user, ids=ids, on=on)})

        return {"title": words.title, "message": words.message, "button": words.button, "act": act}
