"""Admin pages of builds: the list, one build with its live log, and the pages that start, stop and repeat one."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from builds.admin.build_cells import asked_by, state_and_why
from builds.admin.deciding import decision_label
from builds.builders import builder_nodes
from builds.models import Application, Build, SourceKind
from builds.services import builds as services
from builds.snapshot import snapshot
from core.admin_tools import OperatorAdmin, two_lines
from core.errors import DomainError, NotFound
from core.jobs import JobState


@admin.register(Build)
class BuildAdmin(OperatorAdmin):
    """Builds are made and ended by services only; the pages show them and ask."""

    list_display = ("what", "state_label", "image_name", "asked")
    list_display_links = ("what",)
    list_filter = ("state", "trigger")
    search_fields = ("application_name", "reference", "revision", "error_code")
    ordering = ("-pk",)

    class Media:
        js = ("imagelib/build_list.js",)

    by_hand = ()

    def get_queryset(self, request: HttpRequest) -> Any:
        return services.visible_builds(request.user)

    def get_urls(self) -> list[Any]:
        guard = self.admin_site.admin_view
        return [
            path("start/<int:application>/", guard(self.start_view), name="builds_build_start"),
            path("<int:pk>/cancel/", guard(self.cancel_view), name="builds_build_cancel"),
            path("<int:pk>/retry/", guard(self.retry_view), name="builds_build_retry"),
            *super().get_urls(),
        ]

    # --- the list ----------------------------------------------------------------------------------------------------

    @display(description=gettext_lazy("build"), ordering="application_name")
    def what(self, job: Build) -> SafeString:
        where = _("on %(node)s") % {"node": job.node_name} if job.node_name else _("no node chosen yet")
        return two_lines(f"{job.application_name} #{job.pk}", where)

    @display(description=gettext_lazy("state"), ordering="state")
    def state_label(self, job: Build) -> SafeString:
        return state_and_why(job)

    @display(description=gettext_lazy("image"), ordering="reference")
    def image_name(self, job: Build) -> SafeString | str:
        if not job.reference:
            return "–"
        name, _colon, tag = job.reference.rpartition(":")
        return two_lines(name, tag, title=job.reference)

    @display(description=gettext_lazy("requested"), ordering="created_at")
    def asked(self, job: Build) -> SafeString:
        return asked_by(job)

    # --- one build ---------------------------------------------------------------------------------------------------

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Read-only and live: the snapshot travels in the page, changes come by event stream, the log is asked for."""
        job = self.row_or_404(request, object_id)
        context = {
            **self.frame(request, f"{job.application_name} #{job.pk}"),
            "job": job,
            "snapshot": snapshot(job, now=timezone.now(), for_operator=request.user.is_staff),
            "retries": list(job.retries.values_list("pk", flat=True)),
            "can_edit": job.application is not None and job.application.source == SourceKind.FILES,
            "submissions": [(row, decision_label(row)) for row in job.submissions.order_by("pk")],
        }
        return TemplateResponse(request, "builds/build_page.html", context)

    def start_view(self, request: HttpRequest, application: int) -> HttpResponse:
        """Choose where, then build."""
        row = Application.objects.filter(pk=application).first()
        if row is None:
            raise Http404
        chosen = request.POST.get("node", "")
        if request.method == "POST":
            try:
                job = services.request_build(user=request.user, application=row.pk, node=_chosen(chosen))
                return HttpResponseRedirect(self.change_url(job.pk))
            except DomainError as error:
                messages.error(request, error.told)
        context = {
            **self.frame(request, _("Build %(name)s") % {"name": row.name}),
            "application": row,
            "nodes": builder_nodes(),
            "chosen": chosen,
        }
        return TemplateResponse(request, "builds/start_build.html", context)

    def cancel_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        job = self.row_or_404(request, str(pk))

        def act() -> str:
            state = services.cancel_build(user=request.user, build=job.pk).state
            return _("Cancelled.") if state == JobState.CANCELLED else _("The engine is being stopped.")

        return self.confirm(
            request,
            title=_("Cancel this build"),
            message=_(
                "The engine stops building or pushing. What it built so far stays in its cache; nothing appears in the "
                "registry under the image's name, unless the push was through already."
            ),
            items=[str(job)],
            button=_("Cancel the build"),
            act=act,
            back=self.change_url(job.pk),
            danger=True,
        )

    def retry_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        job = self.row_or_404(request, str(pk))

        def act() -> HttpResponse:
            return HttpResponseRedirect(self.change_url(services.retry_build(user=request.user, build=job.pk).pk))

        return self.confirm(
            request,
            title=_("Build again"),
            message=_("A new build of the same revision starts. Steps that are in the node's cache are not repeated."),
            items=[str(job)],
            button=_("Build again"),
            act=act,
            back=self.change_url(job.pk),
        )


def _chosen(text: str) -> int | None:
    """None: the product chooses. Raises `NotFound` for what is no number of a node."""
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise NotFound(_("There is no listed compute node with id %(ids)s.") % {"ids": text[:20]})
    return int(text)
