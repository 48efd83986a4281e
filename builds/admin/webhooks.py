"""Admin pages of outgoing webhooks: where messages go, and how each went."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from builds.models import WebhookTarget
from builds.services import webhooks
from builds.submission_snapshot import call_picture
from core.admin_forms import SecretField, ServiceForm
from core.admin_tools import OperatorAdmin, age, job_state, label, two_lines
from core.system import SYSTEM

_CALLS_SHOWN = 50


class WebhookForm(ServiceForm):
    url = forms.CharField(
        label=gettext_lazy("URL"),
        max_length=1000,
        widget=UnfoldAdminTextInputWidget(),
        help_text=gettext_lazy(
            "For example https://ci.example.com/hooks. It gets a POST with JSON when an image is submitted, approved, "
            "rejected or withdrawn."
        ),
    )
    secret = SecretField(label=gettext_lazy("secret"))

    class Meta:
        model = WebhookTarget
        fields = ("name", "url", "secret", "is_active")
        help_texts = {
            "is_active": gettext_lazy(
                "A webhook that is switched off gets no messages, and those that wait are given up."
            ),
        }

    def judge(self, values: Mapping[str, Any], row: Any) -> None:
        webhooks.save_target(user=SYSTEM, values=values, target=row)


@admin.register(WebhookTarget)
class WebhookTargetAdmin(OperatorAdmin):
    form = WebhookForm
    list_display = ("what", "active", "changed")
    list_display_links = ("what",)
    search_fields = ("name", "url")
    ordering = ("name",)
    fields = ("name", "url", "secret", "is_active")
    change_form_after_template: ClassVar[str] = "builds/webhook_calls.html"

    @display(description=gettext_lazy("outgoing webhook"), ordering="name")
    def what(self, target: WebhookTarget) -> SafeString:
        return two_lines(target.name, target.url)

    @display(description=gettext_lazy("state"), ordering="is_active")
    def active(self, target: WebhookTarget) -> SafeString:
        return label(_("active"), "success") if target.is_active else label(_("switched off"))

    @display(description=gettext_lazy("changed"), ordering="updated_at")
    def changed(self, target: WebhookTarget) -> SafeString | str:
        return age(target.updated_at)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        webhooks.save_target(user=request.user, values=form.changed_values(), target=obj)

    def delete_rows(self, request: HttpRequest, ids: list[int]) -> None:
        webhooks.delete_targets(user=request.user, ids=ids)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        target = self.get_object(request, object_id)
        calls = target.calls.select_related("submission").order_by("-pk")[:_CALLS_SHOWN] if target else []
        shown = [
            {
                **call_picture(call),
                "reference": call.submission.reference,
                "label": job_state(call),
                "age": age(call.created_at),
            }
            for call in calls
        ]
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "calls": shown})
