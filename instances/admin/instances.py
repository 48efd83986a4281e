"""Admin pages of instances: the list, one instance, and what is done to them. Made by `instances.admin.running`."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action, display

from core.admin_tools import age, label, two_lines
from instances import services
from instances.admin.forgetting import forget_page
from instances.admin.histories import done_to
from instances.admin.operating import OperatedAdmin
from instances.admin.running import run_page
from instances.models import Instance, Observed, OperationKind
from instances.models.instances import OBSERVED_COLOURS
from instances.snapshot import problem_of, snapshot, with_operations


@admin.register(Instance)
class InstanceAdmin(OperatedAdmin):
    """Instances are made, operated and removed by services only; the pages show them and ask."""

    list_display = ("what", "state", "made_of", "place", "gpus", "created")
    list_display_links = ("what",)
    list_filter = ("observed", "node", "spec", "is_sliced")
    search_fields = ("name", "remark", "user__username", "reference", "node__name", "spec__name", "container_id")
    ordering = ("-created_at", "-pk")
    intro = gettext_lazy(
        "An instance is one container: an image of the library with the GPUs, memory and disks of a product spec."
    )
    actions = ("start_selected", "stop_selected", "restart_selected", "remove_selected")
    actions_row = ("start", "stop", "restart", "remove", "forget")

    class Media:
        js = ("imagelib/instance_view.js", "imagelib/instance_list.js")

    def get_queryset(self, request: HttpRequest) -> Any:
        return with_operations(services.visible_instances(request.user)).annotate(cards=Count("allocations"))

    # --- columns -----------------------------------------------------------------------------------------------------

    @display(description=gettext_lazy("instance"), ordering="name")
    def what(self, instance: Instance) -> SafeString:
        return two_lines(
            instance.name, _("of %(user)s") % {"user": instance.user.get_username()}, title=instance.remark
        )

    @display(description=gettext_lazy("state"), ordering="observed")
    def state(self, instance: Any) -> SafeString:
        problem = problem_of(instance)
        return format_html(
            '<span class="il-two"><span class="il-status" data-instance="{}" data-known="{}">{} {}</span>'
            '<span class="il-second il-wrap" data-instance-problem="{}">{}</span></span>',
            instance.pk,
            _known(instance),
            label(instance.get_observed_display(), OBSERVED_COLOURS.get(Observed(instance.observed), "default")),
            age(instance.observed_at) if instance.observed_at else "",
            instance.pk,
            problem["text"] if problem else "",
        )

    @display(description=gettext_lazy("image"), ordering="image__name")
    def made_of(self, instance: Instance) -> SafeString:
        path = instance.reference.partition("/")[2]  # a host stands before every one; the title has it
        names = (path, "") if instance.image.name == instance.reference else (instance.image.name, path)
        return two_lines(*names, title=instance.reference)

    @display(description=gettext_lazy("compute node"), ordering="node__name")
    def place(self, instance: Instance) -> SafeString:
        return two_lines(instance.node.name, instance.node.region)

    @display(description=gettext_lazy("product spec"), ordering="spec__name")
    def gpus(self, instance: Any) -> SafeString:
        if not instance.cards:
            return two_lines(instance.spec.name, _("no GPU"))
        count = _("slices of %(count)s GPU") if instance.is_sliced else _("%(count)s GPU, whole")
        return two_lines(instance.spec.name, count % {"count": instance.cards})

    @display(description=gettext_lazy("created"), ordering="created_at")
    def created(self, instance: Instance) -> SafeString | str:
        return age(instance.created_at)

    # --- one instance, and running an image --------------------------------------------------------------------------

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Read-only and live; the snapshot travels in the page, later ones come from the API."""
        instance = self.row_or_404(request, object_id)
        picture = snapshot(instance, now=timezone.now(), viewer=request.user)
        context = {
            **self.frame(request, instance.name, of=instance),
            "instance": instance,
            "snapshot": picture,
            "plan": picture["plan"],
            "notes": picture["notes"],
            "host": instance.node.reached_at,
            "again": urlencode({"image": instance.image_id, "spec": instance.spec_id}),
            "history": done_to(instance),
        }
        return TemplateResponse(request, "imagelib/instance_page.html", context)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        return run_page(self, request)

    # --- doing something ---------------------------------------------------------------------------------------------

    @action(description=gettext_lazy("Forget…"), url_path="forget", icon="link_off")
    def forget(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return forget_page(self, request, self.row_or_404(request, object_id))

    @admin.action(description=gettext_lazy("Start selected instances…"))
    def start_selected(self, request: HttpRequest, queryset: Any) -> HttpResponse:
        return self.ask_selected(request, queryset, "start_selected", OperationKind.START)

    @admin.action(description=gettext_lazy("Stop selected instances…"))
    def stop_selected(self, request: HttpRequest, queryset: Any) -> HttpResponse:
        return self.ask_selected(request, queryset, "stop_selected", OperationKind.STOP)

    @admin.action(description=gettext_lazy("Restart selected instances…"))
    def restart_selected(self, request: HttpRequest, queryset: Any) -> HttpResponse:
        return self.ask_selected(request, queryset, "restart_selected", OperationKind.RESTART)

    @admin.action(description=gettext_lazy("Remove selected instances…"))
    def remove_selected(self, request: HttpRequest, queryset: Any) -> HttpResponse:
        return self.ask_selected(request, queryset, "remove_selected", OperationKind.REMOVE)

    def operate(self, *, user: Any, pk: int, kind: OperationKind) -> None:
        services.operate(user=user, instance=pk, kind=kind)

    def told(self, row: Any) -> str:
        words = {"name": row.name, "user": row.user.get_username(), "node": row.node.name}
        return _("%(name)s of %(user)s on %(node)s") % words


def _known(instance: Any) -> str:
    """What the list's script needs to follow the row."""
    operation = {"kind": instance.operation.kind} if instance.operation else None
    user = instance.user.get_username()
    known = {"id": instance.pk, "name": instance.name, "user": user, "state": instance.observed}
    return json.dumps({**known, "operation": operation})
