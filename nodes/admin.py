"""Admin pages of compute nodes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy
from unfold.decorators import action, display

from core.admin_switches import SwitchAdmin, Words
from core.admin_tools import age, bytes_text, label, two_lines
from nodes import address_texts, services
from nodes.admin_forms import NodeForm
from nodes.failure_texts import engine_failure_text
from nodes.models import STATUS_COLOURS, ComputeNode, NodeStatus


def status_label(node: ComputeNode) -> SafeString:
    """The status with its age; one that is too old is called stale and loses its colour."""
    word = node.get_status_display()
    if not node.docker_address:
        return label(_("no Docker address"))
    if node.checked_at is None:
        return label(_("not checked yet"))
    if not node.status_is_fresh(timezone.now()):
        shown = label(_("%(status)s, stale") % {"status": word}, "warning", title=_("Not checked recently."))
    else:
        shown = label(word, STATUS_COLOURS[NodeStatus(node.status)])
    return format_html(
        '<span class="il-status">{} <span class="il-second">{}</span></span>', shown, age(node.checked_at)
    )


def free_space(node: ComputeNode) -> SafeString | str:
    """What the disk had free when it was last read, and how long ago that was."""
    if node.disk_free_bytes is None:
        return "–"
    return two_lines(bytes_text(node.disk_free_bytes), age(node.disk_checked_at))


@admin.register(ComputeNode)
class NodeAdmin(SwitchAdmin):
    form = NodeForm
    list_display = ("what", "health", "gpus", "hardware", "free", "engine", "listed")
    list_display_links = ("what",)
    list_filter = ("status", "is_listed", "region")
    search_fields = ("name", "region", "docker_address", "public_ip", "private_ip", "gpu_name")
    ordering = ("name", "pk")
    actions = ("list_selected", "unlist_selected")
    actions_row = ("test", "discover", "show_gpus", "show_doctor", "toggle_listed")
    actions_detail = ("test", "discover", "show_gpus", "show_doctor", "toggle_listed")
    change_form_before_template = "imagelib/node_status.html"
    fieldsets = (
        (None, {"fields": ("name", "region", "is_listed", "labels", "remark")}),
        (
            gettext_lazy("Docker engine"),
            {"fields": ("docker_address", "use_tls", "ca_cert", "client_cert", "client_key")},
        ),
        (gettext_lazy("SSH login"), {"fields": ("username", "password", "ssh_port")}),
        (gettext_lazy("GPUs"), {"fields": (("gpu_name", "gpu_count", "gpu_memory_gb"), "hami_core")}),
        (gettext_lazy("Hardware"), {"fields": (("cpu", "memory"), ("system_disk", "data_disk"))}),
        (gettext_lazy("Network"), {"fields": (("public_ip", "private_ip"),)}),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return services.visible_nodes(request.user)

    # --- columns -----------------------------------------------------------------------------------------------------

    @display(description=gettext_lazy("compute node"), ordering="name")
    def what(self, node: ComputeNode) -> SafeString:
        place = f"{node.region} · {node.docker_address}" if node.region else node.docker_address
        return two_lines(node.name, place, title=node.docker_address)

    @display(description=gettext_lazy("Docker status"), ordering="status")
    def health(self, node: ComputeNode) -> SafeString:
        shown = status_label(node)
        if not node.status_code:
            return shown
        detail = engine_failure_text(node.status_code)
        return format_html(
            '<span class="il-two">{}<span class="il-second il-wrap" title="{}">{}</span></span>',
            shown, detail.cause, detail.title,
        )  # fmt: skip

    @display(description=gettext_lazy("GPUs"), ordering="gpu_count")
    def gpus(self, node: ComputeNode) -> SafeString | str:
        if not node.gpu_count:
            return "–"
        memory = _("%(size)s GB each") % {"size": node.gpu_memory_gb} if node.gpu_memory_gb else ""
        return two_lines(f"{node.gpu_count} × {node.gpu_name or 'GPU'}", memory)

    @display(description=gettext_lazy("hardware"))
    def hardware(self, node: ComputeNode) -> SafeString | str:
        if not node.cpu and not node.memory:
            return "–"
        return two_lines(_("%(count)s cores") % {"count": node.cpu}, _("%(size)s GB memory") % {"size": node.memory})

    @display(description=gettext_lazy("disk free"), ordering="disk_free_bytes")
    def free(self, node: ComputeNode) -> SafeString | str:
        return free_space(node)

    @display(description=gettext_lazy("engine"), ordering="engine_version")
    def engine(self, node: ComputeNode) -> SafeString | str:
        return two_lines(node.engine_version, node.platform) if node.engine_version else "–"

    @display(description=gettext_lazy("listed"), ordering="is_listed")
    def listed(self, node: ComputeNode) -> SafeString:
        return label(_("listed"), "success") if node.is_listed else label(_("unlisted"))

    # --- writing -----------------------------------------------------------------------------------------------------

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        values = form.changed_values()
        services.save_node(user=request.user, values=values, node=obj, test=False)
        if obj.is_unprotected and not services.CONNECTION_FIELDS.isdisjoint(values):
            messages.warning(request, address_texts.UNPROTECTED)
        if obj.docker_address and (not change or not services.CONNECTION_FIELDS.isdisjoint(values)):
            # The page is written in one transaction; no engine is asked before it has ended.
            transaction.on_commit(lambda: self._report_test(request, services.test_node(user=request.user, node=obj)))

    def delete_rows(self, request: HttpRequest, ids: list[int]) -> None:
        services.delete_nodes(user=request.user, ids=ids)

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **options: Any) -> HttpResponse:
        node = options.get("obj")
        if node is not None:
            context |= {
                "status_label": status_label(node),
                "status_problem": engine_failure_text(node.status_code) if node.status_code else None,
                "last_seen": age(node.last_seen_at),
                "discovered": age(node.discovered_at),
                "disk_free": bytes_text(node.disk_free_bytes) if node.disk_free_bytes is not None else "",
                "disk_total": bytes_text(node.disk_total_bytes) if node.disk_total_bytes else "",
                "disk_age": age(node.disk_checked_at),
                "unprotected": address_texts.UNPROTECTED if node.is_unprotected else "",
            }
        return super().render_change_form(request, context, *args, **options)

    # --- actions -----------------------------------------------------------------------------------------------------

    @action(description=gettext_lazy("Test connection…"), url_path="test", icon="network_check")
    def test(self, request: HttpRequest, object_id: str) -> HttpResponse:
        node = self.row_or_404(request, object_id)

        def act() -> None:
            self._report_test(request, services.test_node(user=request.user, node=node))

        return self.confirm(
            request,
            title=_("Test the connection to “%(name)s”") % {"name": node.name},
            message=_(
                "This server connects to the node's Docker engine now and stores the result. It takes 10 s at most."
            ),
            items=[node.docker_address],
            button=_("Test connection"),
            act=act,
            back=self.change_url(node.pk),
        )

    @action(description=gettext_lazy("Discover hardware…"), url_path="discover", icon="memory")
    def discover(self, request: HttpRequest, object_id: str) -> HttpResponse:
        node = self.row_or_404(request, object_id)

        def act() -> None:
            found = services.discover_node(user=request.user, node=node)
            if not self._report_failure(request, found):
                messages.success(
                    request,
                    _("Found %(cpu)s CPU cores, %(memory)s GB memory, system disk %(disk)s GB, platform %(platform)s.")
                    % {"cpu": found.cpu, "memory": found.memory, "disk": found.system_disk, "platform": found.platform},
                )

        return self.confirm(
            request,
            title=_("Discover the hardware of “%(name)s”") % {"name": node.name},
            message=_(
                "CPU, memory, system disk and platform of this node are overwritten with what its engine reports."
            ),
            items=[node.docker_address],
            button=_("Discover hardware"),
            act=act,
            back=self.change_url(node.pk),
        )

    @action(description=gettext_lazy("GPUs"), url_path="gpus", icon="developer_board")
    def show_gpus(self, request: HttpRequest, object_id: str) -> HttpResponse:
        node = self.row_or_404(request, object_id)
        return HttpResponseRedirect(reverse("admin:instances_gpu_node", args=[node.pk]))

    @action(description=gettext_lazy("vGPU doctor"), url_path="doctor", icon="stethoscope")
    def show_doctor(self, request: HttpRequest, object_id: str) -> HttpResponse:
        node = self.row_or_404(request, object_id)
        return HttpResponseRedirect(reverse("admin:instances_gpu_doctor", args=[node.pk]))

    @action(description=gettext_lazy("List or unlist…"), url_path="listing", icon="visibility")
    def toggle_listed(self, request: HttpRequest, object_id: str) -> HttpResponse:
        node = self.row_or_404(request, object_id)
        return self.switch_row(request, node, on=not node.is_listed, back=self.changelist_url())

    @admin.action(description=gettext_lazy("List selected nodes…"))
    def list_selected(self, request: HttpRequest, queryset: Any) -> HttpResponse:
        return self.switch_selected(request, queryset, action="list_selected", on=True)

    @admin.action(description=gettext_lazy("Unlist selected nodes…"))
    def unlist_selected(self, request: HttpRequest, queryset: Any) -> HttpResponse:
        return self.switch_selected(request, queryset, action="unlist_selected", on=False)

    on = Words(
        gettext_lazy("List nodes"),
        gettext_lazy("Every user will see these nodes and may pull listed images onto them."),
        gettext_lazy("List"),
        ngettext_lazy("%(count)s node is listed now.", "%(count)s nodes are listed now.", "count"),
    )
    off = Words(
        gettext_lazy("Unlist nodes"),
        gettext_lazy(
            "Ordinary users will no longer see these nodes. Attempts that are running go on; "
            "pulls of ordinary users that wait, also for another attempt, end."
        ),
        gettext_lazy("Unlist"),
        ngettext_lazy("%(count)s node is unlisted now.", "%(count)s nodes are unlisted now.", "count"),
    )

    def switch(self, *, user: Any, ids: Iterable[int], on: bool) -> int:
        return services.set_listed(user=user, ids=ids, listed=on)

    # --- what a test found -------------------------------------------------------------------------------------------

    def _report_test(self, request: HttpRequest, node: ComputeNode) -> None:
        if not self._report_failure(request, node):
            messages.success(
                request,
                _("Connected to %(name)s: Docker %(version)s, %(platform)s.")
                % {"name": node.name, "version": node.engine_version, "platform": node.platform},
            )

    def _report_failure(self, request: HttpRequest, node: ComputeNode) -> bool:
        if not node.status_code:
            return False
        detail = engine_failure_text(node.status_code)
        messages.error(request, f"{detail.title}: {detail.cause} {detail.advice}")
        return True
