"""Admin pages of GPUs: the cards of the fleet, and those of one node with who holds what of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, ngettext_lazy
from unfold.decorators import action, display

from core.admin_switches import SwitchAdmin, Words
from core.admin_tools import age, label, two_lines, unbroken
from instances import services
from instances.admin.doctor import doctor_page
from instances.admin.orphans import orphan_page
from instances.capacity import candidates, demand_of, needs_of
from instances.fitting import MOST_COUNTED, capacity_for
from instances.inventory import discover_gpus, gpus_of
from instances.models import Gpu, Orphan, ProductSpec
from instances.refusal_texts import sentence
from nodes.models import ComputeNode
from nodes.services import visible_nodes

SPECS_SHOWN = 200


@admin.register(Gpu)
class GpuAdmin(SwitchAdmin):
    """Cards come from discovery only; people cordon them."""

    list_display = ("what", "place", "memory", "state", "seen")
    list_display_links = ("what",)
    list_filter = ("is_cordoned", "is_missing", "is_partitioned")
    search_fields = ("model", "device_id", "node__name")
    ordering = ("node__name", "node", "index")
    intro = gettext_lazy(
        "The cards that were found on the compute nodes. A click on one shows all cards of its node, who holds them, "
        "and how many more containers fit. New ones are found by “Discover GPUs…” there, and on the node's own page."
    )
    actions = ("cordon_selected", "uncordon_selected")
    actions_row = ("toggle_cordoned",)
    by_hand = ()

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("node").prefetch_related("allocations")

    def get_urls(self) -> list[Any]:
        guard = self.admin_site.admin_view
        return [
            path("node/<int:pk>/", guard(self.node_view), name="instances_gpu_node"),
            path("node/<int:pk>/discover/", guard(self.discover_view), name="instances_gpu_discover"),
            path("node/<int:pk>/orphan/<int:orphan>/", guard(self.orphan_view), name="instances_gpu_orphan"),
            path("node/<int:pk>/doctor/", guard(self.doctor_view), name="instances_gpu_doctor"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """A card is shown among those of its node."""
        return HttpResponseRedirect(_node_url(self.row_or_404(request, object_id).node_id))

    # --- columns -----------------------------------------------------------------------------------------------------

    @display(description=gettext_lazy("GPU"), ordering="index")
    def what(self, gpu: Gpu) -> SafeString:
        return two_lines(f"{gpu.index}: {gpu.model}", gpu.device_id, title=gpu.device_id)

    @display(description=gettext_lazy("compute node"), ordering="node__name")
    def place(self, gpu: Gpu) -> SafeString:
        return format_html('<a class="il-link" href="{}">{}</a>', _node_url(gpu.node_id), gpu.node.name)

    @display(description=gettext_lazy("memory held"), ordering="memory_mib")
    def memory(self, gpu: Gpu) -> SafeString:
        held = list(gpu.allocations.all())
        count = sum(one.instance_id is not None for one in held)
        mib = sum(one.memory_mib for one in held)
        amount = _("%(held)s of %(all)s") % {"held": _gigabytes(mib), "all": _gigabytes(gpu.memory_mib)}
        return unbroken(
            two_lines(amount, ngettext("%(count)s instance", "%(count)s instances", count) % {"count": count})
        )

    @display(description=gettext_lazy("state"), ordering="is_cordoned")
    def state(self, gpu: Gpu) -> SafeString:
        return format_html('<span class="il-status">{}</span>', card_labels(vars(gpu)))

    @display(description=gettext_lazy("last seen"), ordering="seen_at")
    def seen(self, gpu: Gpu) -> SafeString | str:
        return age(gpu.seen_at)

    # --- cordoning ---------------------------------------------------------------------------------------------------

    @action(description=gettext_lazy("Cordon or uncordon…"), url_path="cordon", icon="block")
    def toggle_cordoned(self, request: HttpRequest, object_id: str) -> HttpResponse:
        gpu = self.row_or_404(request, object_id)
        items = [_("%(gpu)s of %(node)s") % {"gpu": gpu, "node": gpu.node.name}]
        return self.switch_row(request, gpu, on=not gpu.is_cordoned, items=items, back=_node_url(gpu.node_id))

    @admin.action(description=gettext_lazy("Cordon selected GPUs…"))
    def cordon_selected(self, request: HttpRequest, queryset: Any) -> HttpResponse:
        return self.switch_selected(request, queryset, action="cordon_selected", on=True)

    @admin.action(description=gettext_lazy("Uncordon selected GPUs…"))
    def uncordon_selected(self, request: HttpRequest, queryset: Any) -> HttpResponse:
        return self.switch_selected(request, queryset, action="uncordon_selected", on=False)

    on = Words(
        gettext_lazy("Cordon GPUs"),
        gettext_lazy("No new instance gets these GPUs until they are uncordoned. Instances that hold them go on."),
        gettext_lazy("Cordon"),
        ngettext_lazy("%(count)s GPU is cordoned now.", "%(count)s GPUs are cordoned now.", "count"),
    )
    off = Words(
        gettext_lazy("Uncordon GPUs"),
        gettext_lazy("New instances may get these GPUs again."),
        gettext_lazy("Uncordon"),
        ngettext_lazy("%(count)s GPU is in service now.", "%(count)s GPUs are in service now.", "count"),
    )

    def switch(self, *, user: Any, ids: Iterable[int], on: bool) -> int:
        return services.set_cordoned(user=user, ids=ids, cordoned=on)

    # --- one node ----------------------------------------------------------------------------------------------------

    def node_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        node = self._node(request, pk)
        known = gpus_of(user=request.user, node=node.pk)
        specs = services.visible_specs(request.user).filter(is_listed=True).order_by("name", "pk")
        context = {
            **self.frame(request, _("GPUs of %(node)s") % {"node": node.name}),
            "node": node,
            "checked": age(known["checked_at"]),
            "problem": known["problem"],
            "gpus": [_drawn(gpu) for gpu in known["gpus"]],
            "orphans": [{**one, "found": age(one["found_at"])} for one in known["orphans"]],
            "room": room_for(node, list(specs[:SPECS_SHOWN])),
            "more_specs": max(specs.count() - SPECS_SHOWN, 0),
        }
        return TemplateResponse(request, "imagelib/node_gpus.html", context)

    def discover_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        node = self._node(request, pk)

        def act() -> str | None:
            found = discover_gpus(user=request.user, node=node.pk)
            if found.problem:
                messages.warning(request, sentence(found.problem, {}))
                return None
            count = len(found.devices)
            return ngettext("Found %(count)s GPU.", "Found %(count)s GPUs.", count) % {"count": count}

        return self.confirm(
            request,
            title=_("Discover the GPUs of “%(name)s”") % {"name": node.name},
            message=_(
                "The node runs a short-lived container from an image that it has already, and tells which GPUs are "
                "seen in it. Nothing is pulled. It takes 40 s at most."
            ),
            items=[node.docker_address],
            button=_("Discover GPUs"),
            act=act,
            back=_node_url(node.pk),
        )

    def orphan_view(self, request: HttpRequest, pk: int, orphan: int) -> HttpResponse:
        node = self._node(request, pk)
        return orphan_page(self, request, get_object_or_404(Orphan, pk=orphan, node=node), back=_node_url(node.pk))

    def doctor_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        return doctor_page(self, request, self._node(request, pk))

    def _node(self, request: HttpRequest, pk: int) -> ComputeNode:
        node: ComputeNode | None = visible_nodes(request.user).filter(pk=pk).first()
        if node is None or not self.has_view_permission(request):
            raise Http404
        return node


def card_labels(card: Any) -> SafeString:
    """Why nothing new is placed on a card, or that it is in service."""
    shown = []
    if card["is_missing"]:
        shown.append(label(_("missing"), "danger", title=_("The last discovery did not see it.")))
    if card["is_partitioned"]:
        shown.append(label(_("partitioned"), "warning", title=_("Partitioned by the hardware: not handed out.")))
    if card["is_cordoned"]:
        shown.append(label(_("cordoned"), "warning", title=_("Nothing new is placed here; what is here stays.")))
    if card["outside_mib"]:
        told = _("Programs that this system did not start use %(outside)s of %(all)s MiB.")
        title = told % {"outside": card["outside_mib"], "all": card["memory_mib"]}
        shown.append(label(_("used from outside"), "warning", title=title))
    text = SafeString(" ").join(shown)
    return SafeString(text) if shown else label(_("in service"), "success")


def room_for(node: ComputeNode, specs: list[ProductSpec]) -> list[dict[str, Any]]:
    """How many more containers of each spec the node can take now, and what stops the next one."""
    [candidate] = candidates(ComputeNode.objects.filter(pk=node.pk), reference="", now=timezone.now())
    rows = []
    for spec in specs:
        found = capacity_for(demand_of(spec, sliced=spec.supports_memory_split), needs_of(spec), candidate)
        stopped = sentence(found.stopped_by.code, found.stopped_by.params) if found.stopped_by else ""
        rows.append({"spec": spec, "count": found.count, "more": found.count == MOST_COUNTED, "stopped": stopped})
    return rows


def _drawn(gpu: dict[str, Any]) -> dict[str, Any]:
    free = max(gpu["memory_mib"] - gpu["held_mib"] - gpu["outside_mib"], 0)
    sizes = {"free": free, "all": gpu["memory_mib"], "outside": gpu["outside_mib"], "used": gpu["used_mib"] or 0}
    return {
        **gpu,
        **{name: _gigabytes(mib) for name, mib in sizes.items()},
        "free_mib": free,
        "labels": card_labels(gpu),
        "closed": _closed(gpu),
        "holders": [{**one, "size": _gigabytes(one["memory_mib"])} for one in gpu["holders"]],
        "seen_age": age(gpu["seen_at"]),
    }


def _closed(card: Any) -> Any:
    """Why what nobody holds of a card is given to nobody; empty for one in service."""
    if card["is_missing"]:
        return _("missing")
    if card["is_partitioned"]:
        return _("partitioned")
    return _("cordoned") if card["is_cordoned"] else ""


def _gigabytes(mib: int) -> str:
    """As product specs count them: 1 GB is 1024 MiB."""
    return _("%(size)s GB") % {"size": formats.number_format(round(mib / 1024, 1), use_l10n=True).removesuffix(".0")}


def _node_url(pk: int) -> str:
    return reverse("admin:instances_gpu_node", args=[pk])
