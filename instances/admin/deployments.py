"""Admin pages of AppImages that run: the list, one deployment, and what is done to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from core.admin_tools import age, label, two_lines
from instances import services
from instances.admin.operating import OperatedAdmin
from instances.admin.running_app_images import run_app_image_page
from instances.deployment_snapshot import (
    STATE_COLOURS,
    STATES,
    deployment_snapshot,
    is_ready,
    state_of,
    with_containers,
)
from instances.models import Deployment, Observed, OperationKind
from instances.models.instances import OBSERVED_COLOURS

_REMOVING = gettext_lazy(
    "All containers of the deployments are removed with all files in them, and so are their data disks. This cannot be "
    "undone. GPUs, memory and disk are free for others afterwards."
)


@dataclass(frozen=True, slots=True)
class _Shown:
    """A container as the page shows it."""

    facts: dict[str, Any]
    host: str
    state: SafeString
    readiness: list[SafeString]
    probes: list[tuple[str, dict[str, Any]]]


@admin.register(Deployment)
class DeploymentAdmin(OperatedAdmin):
    """Deployments are made, operated and removed by services only; the pages show them and ask."""

    list_display = ("what", "state", "made_of", "place", "created")
    list_display_links = ("what",)
    list_filter = ("desired", "spec")
    search_fields = ("name", "user__username", "app_image__name", "role")
    ordering = ("-created_at", "-pk")
    intro = gettext_lazy(
        "A deployment is an AppImage that runs: the containers of one of its deploy templates, on one node or several. "
        "Choose an AppImage and a product spec to run one."
    )
    actions = ("remove_selected",)
    actions_row = ("start", "stop", "restart", "remove")

    def get_queryset(self, request: HttpRequest) -> Any:
        return with_containers(services.visible_deployments(request.user))

    def get_urls(self) -> list[Any]:
        live = self.admin_site.admin_view(self.live_view)
        return [path("<int:pk>/live/", live, name="instances_deployment_live"), *super().get_urls()]

    # --- columns -----------------------------------------------------------------------------------------------------

    @display(description=gettext_lazy("deployment"), ordering="name")
    def what(self, row: Deployment) -> SafeString:
        return two_lines(row.name, _("of %(user)s") % {"user": row.user.get_username()})

    @display(description=gettext_lazy("state"))
    def state(self, row: Any) -> SafeString:
        ready = sum(map(is_ready, row.parts))
        title = _("%(ready)s of %(total)s containers are ready") % {"ready": ready, "total": len(row.parts)}
        return two_lines(_state(row), f"{ready} / {len(row.parts)}", title=title)

    @display(description=gettext_lazy("AppImage"), ordering="app_image__name")
    def made_of(self, row: Deployment) -> SafeString:
        facts = {"version": row.version, "template": row.deploy_template or "–"}
        return two_lines(row.app_image.name, _("version %(version)s · %(template)s") % facts)

    @display(description=gettext_lazy("compute node"))
    def place(self, row: Any) -> str:
        return _places(row)

    @display(description=gettext_lazy("created"), ordering="created_at")
    def created(self, row: Deployment) -> SafeString | str:
        return age(row.created_at)

    # --- one deployment, and running an AppImage ---------------------------------------------------------------------

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Read-only; its script follows the instances, and fetches what is said of them when they change."""
        pk = self.row_or_404(request, object_id).pk
        row = with_containers(services.visible_deployments(request.user), files=True).filter(pk=pk).first()
        row = row or self.row_or_404(request, object_id)  # it went in this moment
        shown = deployment_snapshot(row, files=True)
        context = {
            **self.frame(request, row.name, of=row),
            "deployment": row,
            "app_image": row.app_image_id,
            "instances": [_known(facts, shown["user"]) for facts in shown["containers"]],
            **_picture(row, shown),
        }
        return TemplateResponse(request, "imagelib/deployment_page.html", context)

    def live_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What changes on the page. 204 for a deployment that is gone: browsers report a 404 as an error."""
        row = self.get_queryset(request).filter(pk=pk).first()
        if row is None:
            return HttpResponse(status=204)
        return TemplateResponse(request, "imagelib/deployment_live.html", _picture(row, deployment_snapshot(row)))

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        return run_app_image_page(self, request)

    # --- doing something ---------------------------------------------------------------------------------------------

    @admin.action(description=gettext_lazy("Remove selected deployments…"))
    def remove_selected(self, request: HttpRequest, queryset: Any) -> HttpResponse:
        return self.ask_selected(request, queryset, "remove_selected", OperationKind.REMOVE)

    def operate(self, *, user: Any, pk: int, kind: OperationKind) -> None:
        if kind == OperationKind.REMOVE:
            services.remove_deployment(user=user, deployment=pk)
        else:
            services.operate_deployment(user=user, deployment=pk, kind=kind)

    def told(self, row: Any) -> str:
        words = {"name": row.name, "user": row.user.get_username(), "containers": len(row.parts), "nodes": _places(row)}
        return _("%(name)s of %(user)s, containers: %(containers)s, on: %(nodes)s") % words

    def back(self, row: Any) -> str:
        return self.changelist_url()  # one without containers goes at once, and its page with it

    def message(self, kind: OperationKind) -> Any:
        return _REMOVING if kind == OperationKind.REMOVE else super().message(kind)


def _places(row: Any) -> str:
    return ", ".join(dict.fromkeys(part.instance.node.name for part in row.parts)) or "–"


def _state(row: Any) -> SafeString:
    state = state_of(row)
    return label(STATES[state], STATE_COLOURS.get(state, "default"))


def _picture(row: Any, shown: dict[str, Any]) -> dict[str, Any]:
    hosts = {part.instance_id: part.instance.node.reached_at for part in row.parts}
    containers = [_shown(facts, hosts[facts["instance"]]) for facts in shown["containers"]]
    return {"shown": shown, "state": _state(row), "containers": containers}


def _known(facts: dict[str, Any], user: str) -> dict[str, Any]:
    """What the page's script needs to follow the instance."""
    operation = {"kind": facts["operation"]} if facts["operation"] else None
    known = {"id": facts["instance"], "name": facts["name"], "user": user, "state": facts["state"]}
    return {**known, "operation": operation}


def _shown(facts: dict[str, Any], host: str) -> _Shown:
    state = Observed(facts["state"])
    names = {"startup": _("startup"), "readiness": _("readiness"), "liveness": _("liveness")}
    probes = [(names[kind], result) for kind, result in facts["probes"].items()]
    tone = OBSERVED_COLOURS.get(state, "default")
    return _Shown(facts, host, label(state.label, tone), list(_readiness(facts)), probes)


def _readiness(facts: dict[str, Any]) -> Iterable[SafeString]:
    """What its probes say, as long as it runs."""
    if facts["state"] != Observed.RUNNING:
        return
    if facts["started"] is False:
        yield label(_("not started yet"), "info")
    if facts["ready"] is not None:
        yield label(_("ready"), "success") if facts["ready"] else label(_("not ready"), "warning")
    if facts["alive"] is False:
        yield label(_("not alive"), "danger")
