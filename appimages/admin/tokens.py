"""Admin pages of Kuscia tokens: made, shown once, revoked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.decorators import action, display

from appimages import tokens
from appimages.models import KusciaToken
from core.admin_forms import ServiceForm
from core.admin_tools import OperatorAdmin, age, label, two_lines
from core.system import SYSTEM

_FACTS = ("name", "user", "created_at", "last_used_at", "revoked_at")


class TokenForm(ServiceForm):
    acts_as: Any = None

    class Meta:
        model = KusciaToken
        fields = ("name",)
        help_texts = {"name": gettext_lazy("For example secretpad-production. The token is shown once it is saved.")}

    def judge(self, values: Mapping[str, Any], row: Any) -> None:
        tokens.create_token(user=SYSTEM, name=values["name"], acts_as=self.acts_as)


@admin.register(KusciaToken)
class KusciaTokenAdmin(OperatorAdmin):
    """Operators make tokens that act as they themselves; every operator may revoke every token."""

    form = TokenForm
    list_display = ("what", "state", "used", "made")
    list_display_links = ("what",)
    search_fields = ("name", "user__username")
    list_select_related = ("user",)
    intro = gettext_lazy(
        "With a token, programs that speak Kuscia's API (/api/v1/appimage/…) work with the AppImages here, with the "
        "rights of the operator who made it."
    )
    after_deletion = gettext_lazy("Programs that send it are refused from now on.")
    actions = ("revoke_selected",)
    actions_detail = ("revoke",)
    by_hand = ("add", "delete")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return _FACTS if obj else ("name",)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        form.acts_as = request.user
        return form

    @display(description=gettext_lazy("Kuscia token"), ordering="name")
    def what(self, token: KusciaToken) -> SafeString:
        return two_lines(token.name, _("acts as %(user)s") % {"user": token.user})

    @display(description=gettext_lazy("state"), ordering="revoked_at")
    def state(self, token: KusciaToken) -> SafeString:
        if token.revoked_at:
            return label(_("revoked"), title=token.revoked_at.isoformat())
        if not (token.user.is_active and token.user.is_staff):
            return label(_("without effect: its user is no operator"), "warning")
        return label(_("valid"), "success")

    @display(description=gettext_lazy("last used"), ordering="last_used_at")
    def used(self, token: KusciaToken) -> SafeString | str:
        return age(token.last_used_at)

    @display(description=gettext_lazy("created"), ordering="created_at")
    def made(self, token: KusciaToken) -> SafeString | str:
        return age(token.created_at)

    # --- making ------------------------------------------------------------------------------------------------------

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        row, text = tokens.create_token(user=request.user, name=form.cleaned_data["name"], acts_as=request.user)
        obj.pk, obj.name, obj.plain_text = row.pk, row.name, text

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        """The only page that ever has the text: not a message, which would be stored until it is shown."""
        context = {
            **self.frame(request, _("Kuscia token “%(name)s”") % {"name": obj.name}),
            "token": obj.plain_text,
            "back": self.changelist_url(),
        }
        return TemplateResponse(request, "appimages/token.html", context, headers={"Cache-Control": "no-store"})

    # --- ending ------------------------------------------------------------------------------------------------------

    @action(description=gettext_lazy("Revoke…"), url_path="revoke", icon="block")
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.row_or_404(request, object_id)
        return self.confirm(request, items=[row], back=self.changelist_url(), **self._revoking(request, [row.pk]))

    @admin.action(description=gettext_lazy("Revoke selected tokens…"))
    def revoke_selected(self, request: HttpRequest, queryset: Any) -> HttpResponse:
        ids = list(queryset.values_list("pk", flat=True))
        return self.confirm_selected(request, queryset, action="revoke_selected", **self._revoking(request, ids))

    def _revoking(self, request: HttpRequest, ids: list[int]) -> dict[str, Any]:
        def act() -> str:
            count = tokens.revoke_tokens(user=request.user, ids=ids)
            return ngettext("%(count)s token is revoked.", "%(count)s tokens are revoked.", count) % {"count": count}

        message = _("From now on these tokens open nothing. It cannot be undone.")
        return {"title": _("Revoke"), "message": message, "button": _("Revoke"), "act": act, "danger": True}

    def delete_rows(self, request: HttpRequest, ids: list[int]) -> None:
        tokens.delete_tokens(user=request.user, ids=ids)
