"""The list of all changes of AppImages, which stands beside the audit log."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from appimages.models import AppImageVersion
from core.admin import ReadOnly
from core.admin_tools import age


@admin.register(AppImageVersion)
class AppImageVersionAdmin(ReadOnly):
    """Who changed which AppImage when, how and from where: for whom the audit log is."""

    list_display = ("what", "how", "author_name", "address", "changed")
    list_display_links = None
    list_filter = ("how",)
    search_fields = ("app_image__name", "author_name", "address")
    ordering = ("-pk",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[AppImageVersion]:
        rows: QuerySet[AppImageVersion] = super().get_queryset(request)
        return rows.select_related("app_image").defer("document", "app_image__document")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        version = self.get_object(request, object_id)
        if version is None:
            raise Http404
        return HttpResponseRedirect(_page_of(version))

    @display(description=gettext_lazy("AppImage"), ordering="app_image__name")
    def what(self, version: AppImageVersion) -> SafeString:
        title = _("%(name)s, version %(number)s") % {"name": version.app_image.name, "number": version.number}
        return format_html('<a class="il-link" href="{}">{}</a>', _page_of(version), title)

    @display(description=gettext_lazy("changed"), ordering="created_at")
    def changed(self, version: AppImageVersion) -> SafeString | str:
        return age(version.created_at)


def _page_of(version: AppImageVersion) -> str:
    return reverse("admin:appimages_version", args=[version.app_image_id, version.number])
