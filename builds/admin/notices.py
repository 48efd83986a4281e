"""Admin page of one's own notices."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext
from unfold.decorators import action, display

from builds.models import Notice
from builds.services import notices
from core.admin_tools import OperatorAdmin, age, label


@admin.register(Notice)
class NoticeAdmin(OperatorAdmin):
    """Everybody sees the own ones; opening one leads to what it is about."""

    list_display = ("text", "state", "received")
    list_display_links = ("text",)
    ordering = ("-pk",)
    actions_list = ("read_all",)
    by_hand = ()

    def get_queryset(self, request: HttpRequest) -> Any:
        return notices.visible_notices(request.user)

    @display(description=gettext_lazy("notice"))
    def text(self, notice: Notice) -> SafeString:
        return format_html('<span class="il-long-text">{}</span>', notices.notice_text(notice))

    @display(description=gettext_lazy("state"), ordering="read_at")
    def state(self, notice: Notice) -> SafeString:
        return label(pgettext("a notice", "read")) if notice.read_at else label(_("unread"), "info")

    @display(description=gettext_lazy("received"), ordering="created_at")
    def received(self, notice: Notice) -> SafeString | str:
        return age(notice.created_at)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Looking at a page changes nothing: what is read is said by the button."""
        row = self.row_or_404(request, object_id)
        if row.submission_id is None:
            return HttpResponseRedirect(self.changelist_url())
        return HttpResponseRedirect(reverse("admin:builds_submission_change", args=[row.submission_id]))

    @action(description=gettext_lazy("Mark all as read…"), url_path="read-all", icon="done_all")
    def read_all(self, request: HttpRequest) -> HttpResponse:
        unread = self.get_queryset(request).filter(read_at=None)
        if request.method == "GET" and not unread.exists():
            messages.info(request, _("There is nothing unread."))
            return HttpResponseRedirect(self.changelist_url())

        def act() -> str:
            count = notices.read_all_notices(user=request.user)
            return ngettext("%(count)s notice is read now.", "%(count)s notices are read now.", count) % {
                "count": count
            }

        return self.confirm(
            request,
            title=_("Mark all as read"),
            message=_("They stay in the list for some months."),
            items=[notices.notice_text(row) for row in unread[:25]],
            button=_("Mark all as read"),
            act=act,
            back=self.changelist_url(),
        )
