"""Admin pages of product specs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy
from unfold.decorators import action, display

from core.admin_switches import SwitchAdmin, Words
from core.admin_tools import age, label, two_lines, unbroken
from instances import services
from instances.admin_forms import SpecForm
from instances.models import ProductSpec


@admin.register(ProductSpec)
class SpecAdmin(SwitchAdmin):
    form = SpecForm
    list_display = ("what", "gpus", "slices", "hardware", "disks", "price", "listed", "changed")
    list_display_links = ("what",)
    list_filter = ("is_listed", "supports_memory_split")
    search_fields = ("name", "gpu_model", "remark")
    ordering = ("-created_at", "-pk")
    actions = ("list_selected", "unlist_selected")
    actions_row = ("toggle_listed",)
    actions_detail = ("toggle_listed",)
    intro = gettext_lazy("What one container gets, and what it costs. Users choose among those that are listed.")
    fieldsets = (
        (None, {"fields": ("name", "is_listed", "remark")}),
        (
            gettext_lazy("GPUs"),
            {"fields": (("gpu_model", "gpu_count", "gpu_memory_gb"), "supports_memory_split", "sm_limit_percent")},
        ),
        (
            gettext_lazy("Hardware"),
            {
                "fields": (("cpu_cores", "memory_gb"), ("system_disk_gb", "data_disk_gb")),
                "description": gettext_lazy("0 means no limit; a data disk of 0 GB means none."),
            },
        ),
        (gettext_lazy("Price"), {"fields": ("price_per_hour",)}),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return services.visible_specs(request.user)

    # --- columns -----------------------------------------------------------------------------------------------------

    @display(description=gettext_lazy("product spec"), ordering="name")
    def what(self, spec: ProductSpec) -> SafeString:
        return two_lines(spec.name, spec.remark, title=spec.remark)

    @display(description=gettext_lazy("GPUs"), ordering="gpu_count")
    def gpus(self, spec: ProductSpec) -> SafeString | str:
        if not spec.gpu_count:
            return "–"
        memory = _("%(size)s GB each") % {"size": spec.gpu_memory_gb} if spec.gpu_memory_gb else ""
        return unbroken(two_lines(f"{spec.gpu_count} × {spec.gpu_model}", memory))

    @display(description=gettext_lazy("GPU slices"), ordering="supports_memory_split")
    def slices(self, spec: ProductSpec) -> SafeString | str:
        if not spec.supports_memory_split:
            return "–"
        share = f"{spec.sm_limit_percent} %" if spec.sm_limit_percent else _("share of memory")
        return label(_("slice"), "info", title=_("Computing power: %(share)s") % {"share": share})

    @display(description=gettext_lazy("hardware"), ordering="cpu_cores")
    def hardware(self, spec: ProductSpec) -> SafeString | str:
        if not spec.cpu_cores and not spec.memory_gb:
            return _("no limit")
        cores = _("%(count)s cores") % {"count": spec.cpu_cores} if spec.cpu_cores else _("no limit")
        memory = _("%(size)s GB memory") % {"size": spec.memory_gb} if spec.memory_gb else _("no limit")
        return unbroken(two_lines(cores, memory))

    @display(description=gettext_lazy("disks"))
    def disks(self, spec: ProductSpec) -> SafeString | str:
        if not spec.system_disk_gb and not spec.data_disk_gb:
            return _("no limit")
        system = (
            _("system %(size)s GB") % {"size": spec.system_disk_gb} if spec.system_disk_gb else _("system: no limit")
        )
        data = _("data %(size)s GB") % {"size": spec.data_disk_gb} if spec.data_disk_gb else _("no data disk")
        return unbroken(two_lines(system, data))

    @display(description=gettext_lazy("price per hour"), ordering="price_per_hour")
    def price(self, spec: ProductSpec) -> str:
        return f"{spec.price_per_hour.normalize():f}"

    @display(description=gettext_lazy("listed"), ordering="is_listed")
    def listed(self, spec: ProductSpec) -> SafeString:
        return label(_("listed"), "success") if spec.is_listed else label(_("unlisted"))

    @display(description=gettext_lazy("changed"), ordering="updated_at")
    def changed(self, spec: ProductSpec) -> SafeString | str:
        return age(spec.updated_at)

    # --- writing -----------------------------------------------------------------------------------------------------

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        services.save_spec(user=request.user, values=form.changed_values(), spec=obj)

    def delete_rows(self, request: HttpRequest, ids: list[int]) -> None:
        services.delete_specs(user=request.user, ids=ids)

    # --- actions -----------------------------------------------------------------------------------------------------

    @action(description=gettext_lazy("List or unlist…"), url_path="listing", icon="visibility")
    def toggle_listed(self, request: HttpRequest, object_id: str) -> HttpResponse:
        spec = self.row_or_404(request, object_id)
        return self.switch_row(request, spec, on=not spec.is_listed, back=self.changelist_url())

    @admin.action(description=gettext_lazy("List selected specs…"))
    def list_selected(self, request: HttpRequest, queryset: Any) -> HttpResponse:
        return self.switch_selected(request, queryset, action="list_selected", on=True)

    @admin.action(description=gettext_lazy("Unlist selected specs…"))
    def unlist_selected(self, request: HttpRequest, queryset: Any) -> HttpResponse:
        return self.switch_selected(request, queryset, action="unlist_selected", on=False)

    on = Words(
        gettext_lazy("List product specs"),
        gettext_lazy("Every user will see these specs and may choose them."),
        gettext_lazy("List"),
        ngettext_lazy("%(count)s spec is listed now.", "%(count)s specs are listed now.", "count"),
    )
    off = Words(
        gettext_lazy("Unlist product specs"),
        gettext_lazy("Ordinary users will no longer see these specs. What was made with them stays."),
        gettext_lazy("Unlist"),
        ngettext_lazy("%(count)s spec is unlisted now.", "%(count)s specs are unlisted now.", "count"),
    )

    def switch(self, *, user: Any, ids: Iterable[int], on: bool) -> int:
        return services.set_listed(user=user, ids=ids, listed=on)
