"""Admin pages of pulls: the list with live bars, one pull, and the page that starts pulls."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.decorators import display

from core.admin_tools import OperatorAdmin, job_state, two_lines, with_age
from core.errors import DomainError
from core.jobs import FINAL_STATES, JobState
from imagelib.models import ImageRegistry
from imagelib.references import effective_or_invalid
from nodes.models import ComputeNode
from pulls import services
from pulls.admin_choices import (
    FoundImages,
    ImageChoice,
    asked_source,
    drawn_node,
    nodes_to_choose,
    number,
    shown_source,
)
from pulls.dashboard import brief
from pulls.estimate import estimate
from pulls.models import PullJob
from pulls.snapshot import snapshot


@admin.register(PullJob)
class PullAdmin(OperatorAdmin):
    """Pulls are made and ended by services only; the pages show them and ask."""

    list_display = ("what", "state_label", "bar", "asked")
    list_display_links = ("what",)
    list_filter = ("state", "registry_host")
    search_fields = ("reference", "node_name", "error_code")
    ordering = ("-pk",)
    actions = ("cancel_selected",)
    by_hand = ("add",)

    def get_queryset(self, request: HttpRequest) -> Any:
        return services.visible_pulls(request.user)

    def get_urls(self) -> list[Any]:
        guard = self.admin_site.admin_view
        return [
            path("images/", guard(FoundImages.as_view(admin_site=self.admin_site)), name="pulls_images"),
            path("estimate/", guard(self.estimate_view), name="pulls_estimate"),
            path("<int:pk>/cancel/", guard(self.cancel_view), name="pulls_cancel"),
            path("<int:pk>/retry/", guard(self.retry_view), name="pulls_retry"),
            *super().get_urls(),
        ]

    # --- the list ----------------------------------------------------------------------------------------------------

    @display(description=gettext_lazy("pull"), ordering="reference")
    def what(self, job: PullJob) -> SafeString:
        return two_lines(
            short_reference(job.reference), _("onto %(node)s") % {"node": job.node_name}, title=job.reference
        )

    @display(description=gettext_lazy("state"), ordering="state")
    def state_label(self, job: PullJob) -> SafeString:
        return format_html('<span data-pull-state="{}">{}</span>', job.pk, job_state(job))

    @display(description=gettext_lazy("progress"))
    def bar(self, job: PullJob) -> SafeString:
        picture = brief(job, now=timezone.now())
        return format_html(
            '<div class="il-row-bar" data-pull="{}" data-snapshot="{}">{}</div>',
            job.pk, json.dumps(picture), _("%(percent)s %%") % {"percent": picture["percent"]},
        )  # fmt: skip

    @display(description=gettext_lazy("requested"), ordering="created_at")
    def asked(self, job: PullJob) -> SafeString:
        by = job.requested_by.get_username() if job.requested_by else _("system")
        return with_age(by, job.created_at)

    @admin.action(description=gettext_lazy("Cancel selected pulls…"))
    def cancel_selected(self, request: HttpRequest, queryset: Any) -> HttpResponse:
        active = queryset.exclude(state__in=FINAL_STATES)

        def act() -> str:
            count = sum(self._try_cancel(request, pk) for pk in list(active.values_list("pk", flat=True)))
            return ngettext("%(count)s pull is being cancelled.", "%(count)s pulls are being cancelled.", count) % {
                "count": count
            }

        return self.confirm_selected(
            request,
            active,
            action="cancel_selected",
            title=_("Cancel pulls"),
            message=_(
                "The engines stop downloading. Whether they keep what has arrived for a later pull depends on them."
            ),
            button=_("Cancel these pulls"),
            act=act,
            danger=True,
        )

    @staticmethod
    def _try_cancel(request: HttpRequest, pk: int) -> bool:
        try:
            services.cancel_pull(user=request.user, pull=pk)
        except DomainError as error:
            messages.warning(request, str(error))
            return False
        return True

    # --- one pull ----------------------------------------------------------------------------------------------------

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The pull page: read-only and live; the snapshot travels in the page, changes come by event stream."""
        job = self.row_or_404(request, object_id)
        context = {
            **self.frame(request, short_reference(job.reference)),
            "job": job,
            "snapshot": snapshot(job, now=timezone.now()),
            "stall_after": job.stall_after or settings.STALL_AFTER,
            "retry_of": job.retry_of_id,
            "retries": list(job.retries.values_list("pk", flat=True)),
        }
        return TemplateResponse(request, "imagelib/pull_page.html", context)

    def cancel_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        job = self.row_or_404(request, str(pk))

        def act() -> str:
            state = services.cancel_pull(user=request.user, pull=job.pk).state
            return _("Cancelled.") if state == JobState.CANCELLED else _("The engine is being stopped.")

        return self.confirm(
            request,
            title=_("Cancel this pull"),
            message=_(
                "The engine stops downloading. Whether it keeps what has arrived for a later pull depends on it."
            ),
            items=[_("%(reference)s onto %(node)s") % {"reference": job.reference, "node": job.node_name}],
            button=_("Cancel the pull"),
            act=act,
            back=self.change_url(job.pk),
            danger=True,
        )

    def retry_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        job = self.row_or_404(request, str(pk))

        def act() -> HttpResponse:
            return HttpResponseRedirect(self.change_url(services.retry_pull(user=request.user, pull=job.pk).pk))

        return self.confirm(
            request,
            title=_("Pull again"),
            message=_(
                "A new pull starts under today's settings. "
                "Layers that are on the node already are not downloaded again."
            ),
            items=[_("%(reference)s onto %(node)s") % {"reference": job.reference, "node": job.node_name}],
            button=_("Pull again"),
            act=act,
            back=self.change_url(job.pk),
        )

    # --- starting pulls ----------------------------------------------------------------------------------------------

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """`?image=id`: choose nodes and see what each pull moves; POST asks for the pulls."""
        wanted = request.POST.get("image") or request.GET.get("image")
        image = ImageRegistry.objects.filter(pk=number(wanted)).first()
        chosen = [number(pk) for pk in (request.POST or request.GET).getlist("nodes")]
        if request.method == "POST" and image is not None:
            try:
                wanted_from = asked_source(request.POST)
                pulls = services.request_pulls(user=request.user, image=image.pk, nodes=chosen, **wanted_from)
                return self._started(request, pulls)
            except DomainError as error:
                messages.error(request, str(error))
        search = request.GET.get("search", "").replace("\0", "").strip()
        nodes, more = nodes_to_choose(search=search, chosen=chosen) if image else ([], 0)
        context = {
            **self.frame(request, _("Pull onto nodes")),
            "any_images": image is not None or ImageRegistry.objects.exists(),
            "choice": ImageChoice(initial={"image": image}),
            "image": image,
            "nodes": [drawn_node(node) for node in nodes],
            "more_nodes": more,
            "search": search,
            "chosen": chosen,
            **shown_source(request.POST, givers=image is not None),
            **self._meaning(image),
        }
        return TemplateResponse(request, "imagelib/pull_onto_nodes.html", context)

    def _meaning(self, image: ImageRegistry | None) -> dict[str, Any]:
        if image is None:
            return {}
        try:
            return {"effective": effective_or_invalid(image.address).as_dict()}
        except DomainError as error:
            return {"address_problem": str(error)}

    def _started(self, request: HttpRequest, pulls: list[tuple[int, PullJob]]) -> HttpResponse:
        if len(pulls) == 1:
            return HttpResponseRedirect(self.change_url(pulls[0][1].pk))
        messages.success(
            request,
            ngettext("%(count)s pull was requested.", "%(count)s pulls were requested.", len(pulls))
            % {"count": len(pulls)},
        )
        return HttpResponseRedirect(self.changelist_url())

    def estimate_view(self, request: HttpRequest) -> HttpResponse:
        """`?image=id&node=id` → bytes to move. One request per node, so that a dead node delays nobody else."""
        image = ImageRegistry.objects.filter(pk=number(request.GET.get("image"))).first()
        node = ComputeNode.objects.filter(pk=number(request.GET.get("node"))).first()
        if image is None or node is None or not self.has_view_permission(request):
            return JsonResponse({"error": _("Not found")}, status=404)
        try:
            return JsonResponse(estimate(image=image, node=node))
        except DomainError as error:
            return JsonResponse({"error": str(error)}, status=400)


def short_reference(reference: str) -> str:
    """The reference without Docker Hub's own host, and with a digest cut to what a person compares."""
    name = reference.removeprefix("docker.io/library/").removeprefix("docker.io/")
    start, separator, digest = name.partition("@sha256:")
    return f"{start}@{digest[:12]}…" if separator else name
