"""What our admin pages share: rights, pages that confirm before they act, deletion through services."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from unfold.admin import ModelAdmin

from core.errors import DomainError
from core.jobs import STATE_COLOURS, Job, JobState

CONFIRMED = "confirmed"


def is_operator(request: HttpRequest) -> bool:
    return bool(request.user.is_active and request.user.is_staff)


class OperatorAdmin(ModelAdmin):
    """Operators (staff) do everything here; writing and deleting go through services, never through the ORM."""

    list_per_page = 25
    show_full_result_count = False
    list_filter_sheet = True
    warn_unsaved_form = True
    compressed_fields = False
    delete_confirmation_template = "imagelib/delete_confirmation.html"
    by_hand: Container[str] = ("add", "change", "delete")  # which forms there are; the rest is for services alone
    list_before_template = "imagelib/list_intro.html"
    intro: Any = ""  # what the rows of the list are, for who comes for the first time
    after_deletion: Any = ""  # what becomes of those who use a row

    def has_module_permission(self, request: HttpRequest) -> bool:
        return is_operator(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_operator(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return "add" in self.by_hand and is_operator(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return "change" in self.by_hand and is_operator(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return "delete" in self.by_hand and is_operator(request)

    # --- deleting ----------------------------------------------------------------------------------------------------

    def delete_rows(self, request: HttpRequest, ids: list[int]) -> None:
        """Call the service that deletes."""
        raise NotImplementedError

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """What protects a row is shown; nothing else is deleted with it, so no other right is asked for."""
        deleted, counts, _lacking, protected = super().get_deleted_objects(objs, request)
        return deleted, counts, set(), protected

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self.delete_rows(request, [obj.pk])

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        self.delete_rows(request, list(queryset.values_list("pk", flat=True)))

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """The confirmation names what uses the row; a use that began since then is named here."""
        try:
            return super().delete_view(
                request, object_id, {**(extra_context or {}), "after_deletion": self.after_deletion}
            )
        except DomainError as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(self.change_url(object_id))

    def response_action(self, request: HttpRequest, queryset: Any) -> HttpResponse | None:
        try:
            with transaction.atomic():
                return super().response_action(request, queryset)
        except DomainError as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(request.get_full_path())

    # --- pages of our own, and confirming -----------------------------------------------------------------------------

    def frame(self, request: HttpRequest, title: str, *, of: Any = None) -> dict[str, Any]:
        """What the template around every page wants to know; `of`: the row it belongs to, which it leads back to."""
        return {**self.admin_site.each_context(request), "opts": self.opts, "title": title, "original": of}

    def row_or_404(self, request: HttpRequest, object_id: str) -> Any:
        row = self.get_object(request, unquote(str(object_id)))
        if row is None:
            raise Http404
        return row

    def confirm(
        self,
        request: HttpRequest,
        *,
        title: str,
        message: str,
        button: str,
        act: Callable[[], str | HttpResponse | None],
        back: str,
        items: Sequence[Any] = (),
        danger: bool = False,
        hidden: Iterable[tuple[str, Any]] = (),
    ) -> HttpResponse:
        """First a page that says what will happen; `act` runs only for a POST that comes from that page.

        `act` returns a sentence for the user, where to go instead of `back`, or None when it has reported by itself.
        """
        if request.method == "POST" and request.POST.get(CONFIRMED):
            try:
                said = act()
            except DomainError as error:
                messages.error(request, str(error))
            else:
                if isinstance(said, HttpResponse):
                    return said
                if said:
                    messages.success(request, said)
            return HttpResponseRedirect(back)
        context = {
            **self.frame(request, title),
            "message": message,
            "items": items,
            "button": button,
            "back": back,
            "danger": danger,
            "hidden": list(hidden),
            "confirmed": CONFIRMED,
        }
        return TemplateResponse(request, "imagelib/confirm.html", context)

    def confirm_selected(self, request: HttpRequest, queryset: Any, *, action: str, **options: Any) -> HttpResponse:
        """`confirm` for an action of the list page: its POST carries the selection, a second one confirms."""
        rows = list(queryset)
        hidden = [("action", action), *(("_selected_action", row.pk) for row in rows)]
        return self.confirm(request, items=rows, hidden=hidden, back=request.get_full_path(), **options)

    def changelist_url(self) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")

    def change_url(self, pk: Any) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[pk])


# --- small pieces of HTML ------------------------------------------------------------------------------------------

_LABELS = {
    "success": "il-label il-good",
    "danger": "il-label il-bad",
    "warning": "il-label il-warn",
    "info": "il-label il-info",
    "default": "il-label",
}


def label(text: Any, tone: str = "default", *, title: Any = "") -> SafeString:
    """A coloured word. `tone` is one of the theme's label colours."""
    return format_html('<span class="{}" title="{}">{}</span>', _LABELS[tone], title, text)


def job_state(job: Job) -> SafeString:
    return label(job.get_state_display(), STATE_COLOURS[JobState(job.state)])


def age(moment: Any) -> SafeString | str:
    """A time that shows how long ago it was and keeps counting in the browser."""
    if moment is None:
        return _("never")
    seconds = max((timezone.now() - moment).total_seconds(), 0.0)
    return format_html(
        '<time class="il-age" datetime="{}" data-age="{}">{}</time>', moment.isoformat(), round(seconds), moment
    )


def two_lines(first: Any, second: Any, *, title: Any = "") -> SafeString:
    """A name with a small line below it."""
    return format_html(
        '<span class="il-two" title="{}"><span class="il-first">{}</span><span class="il-second">{}</span></span>',
        title,
        first,
        second,
    )


def with_age(first: Any, moment: Any) -> SafeString:
    """What happened, or who asked, and below it how long ago."""
    return format_html('<span class="il-two"><span>{}</span>{}</span>', first, age(moment) if moment else "")


def unbroken(text: Any) -> SafeString:
    """Amounts that are read as a whole: no line ends within them."""
    return format_html('<span class="il-keep">{}</span>', text)


def bytes_text(size: int | None) -> SafeString | str:
    """A size that the browser writes in the reader's way; decimal units, 1 GB = 1,000,000,000 bytes."""
    if size is None:
        return "–"
    return format_html('<span data-bytes="{}" title="{} B">{} B</span>', size, size, size)


def diff_lines(diff: str | None) -> list[dict[str, Any]]:
    """Each line of a unified diff with the class that colours it."""
    kinds = {"+": "il-added", "-": "il-removed", "@": "il-place"}
    return [{"text": line, "kind": kinds.get(line[:1], "")} for line in (diff or "").splitlines()]
