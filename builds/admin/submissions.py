"""Admin pages of submissions: the inbox, and one with its checks side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.db.models import F
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.decorators import display

from builds.admin.deciding import approve_page, checks_shown, decision_label, reject_page
from builds.check_texts import TITLES, VERDICT_COLOURS, summary, worded
from builds.checking import PASSED, by_weight, fails
from builds.models import Build, Decision, Submission
from builds.services import submissions as services
from builds.services.publishing import usual_name
from builds.submission_events import sentence
from builds.submission_snapshot import picture
from core.admin_forms import ServiceForm
from core.admin_tools import OperatorAdmin, job_state, label, two_lines, with_age
from core.jobs import JobState


class SubmissionForm(ServiceForm):
    person: Any = None

    class Meta:
        model = Submission
        fields = ("reference", "name", "description")
        help_texts = {
            "reference": gettext_lazy(
                "For example registry.example.com/team/app:1.0, with its digest behind it or without. It is checked at "
                "once; an operator decides whether it is listed."
            ),
            "name": gettext_lazy("What the entry in the image library is to be called. Empty: image and tag."),
            "description": gettext_lazy("What it is for. Everybody who uses the library reads it."),
        }

    def judge(self, values: Mapping[str, Any], row: Any) -> None:
        services.submit(user=self.person, **values)


@admin.register(Submission)
class SubmissionAdmin(OperatorAdmin):
    """Undecided ones come first. Decisions are made on pages of their own, by services."""

    form = SubmissionForm
    list_display = ("what", "decided", "checked", "asked")
    list_display_links = ("what",)
    list_filter = ("decision",)
    search_fields = ("reference", "name", "digest", "requested_by__username")
    ordering = (F("decided_at").desc(nulls_first=True), "-pk")
    fields = ("reference", "name", "description")
    by_hand = ("add",)

    def get_queryset(self, request: HttpRequest) -> Any:
        return services.visible_submissions(request.user)

    def get_urls(self) -> list[Any]:
        def at(route: str, view: Any, name: str) -> Any:
            return path(route, self.admin_site.admin_view(view), name=f"builds_submission_{name}")

        return [
            at("of-build/<int:pk>/", self.of_build_view, "of_build"),
            at("<int:pk>/approve/", self.approve_view, "approve"),
            at("<int:pk>/reject/", self.reject_view, "reject"),
            at("<int:pk>/withdraw/", self.withdraw_view, "withdraw"),
            at("<int:pk>/check/", self.check_view, "check"),
            *super().get_urls(),
        ]

    # --- the inbox ---------------------------------------------------------------------------------------------------

    @display(description=gettext_lazy("submission"), ordering="reference")
    def what(self, row: Submission) -> SafeString:
        return two_lines(row.name or usual_name(row), row.reference, title=row.reference)

    @display(description=gettext_lazy("decision"), ordering="decision")
    def decided(self, row: Submission) -> SafeString:
        return with_age(decision_label(row), row.decided_at)

    @display(description=gettext_lazy("checks"), ordering="state")
    def checked(self, row: Submission) -> SafeString:
        if not row.checks:
            return job_state(row)
        shown = [worded(check, for_operator=True) for check in by_weight(row.checks)]
        marks = [
            (label(one["title"], VERDICT_COLOURS[one["verdict"]], title=one["text"]),)
            for one in shown
            if one["verdict"] != PASSED
        ]
        if fine := [one["title"] for one in shown if one["verdict"] == PASSED]:
            count = ngettext("%(count)s fine", "%(count)s fine", len(fine)) % {"count": len(fine)}
            marks.append((label(count, VERDICT_COLOURS[PASSED], title=", ".join(fine)),))
        return format_html('<span class="il-status">{}</span>', format_html_join(" ", "{}", marks))

    @display(description=gettext_lazy("submitted"), ordering="created_at")
    def asked(self, row: Submission) -> SafeString:
        by = row.requested_by.get_username() if row.requested_by else "–"
        return with_age(by, row.created_at)

    # --- offering ----------------------------------------------------------------------------------------------------

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        form.person = request.user
        return form

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        row = services.submit(user=request.user, **form.changed_values())
        obj.pk, obj.reference = row.pk, row.reference

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        return HttpResponseRedirect(self.change_url(obj.pk))

    def of_build_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """From the page of a build: offer its image."""
        made = Build.objects.filter(pk=pk).first()
        return self.confirm(
            request,
            title=_("Submit the image of build %(id)s") % {"id": pk},
            message=_("It is checked at once. An operator decides whether it is listed."),
            items=[made.reference] if made else [],
            button=_("Submit"),
            act=lambda: str(_("Submitted.")) if services.submit(user=request.user, build=pk) else None,
            back=self.changelist_url(),
        )

    # --- one submission ----------------------------------------------------------------------------------------------

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        row = self.row_or_404(request, object_id)
        shown = picture(row, for_operator=True)
        checked = row.state == JobState.SUCCEEDED
        context = {
            **self.frame(request, row.name or usual_name(row)),
            "submission": row,
            "is_open": row.decision == Decision.OPEN,
            "may_approve": checked and row.digest and not fails(row.checks),
            "summary": summary(row.checks) if checked and row.checks and row.decision == Decision.OPEN else None,
            "decision": decision_label(row),
            "state": job_state(row),
            "checks": checks_shown(row, shown["checks"]),
            "waiting_checks": [] if shown["checks"] or not row.is_active else list(TITLES.values()),
            "error": shown["error"],
            "history": [(event.at, sentence(event)) for event in row.events.all()],
        }
        return TemplateResponse(request, "builds/submission.html", context)

    def approve_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        return approve_page(self, request, self.row_or_404(request, str(pk)))

    def reject_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        return reject_page(self, request, self.row_or_404(request, str(pk)))

    def withdraw_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = self.row_or_404(request, str(pk))
        return self.confirm(
            request,
            title=_("Withdraw the submission"),
            message=_("It leaves the inbox undecided. The image can be submitted again."),
            items=[row.reference],
            button=_("Withdraw"),
            act=lambda: str(_("Withdrawn.")) if services.withdraw(user=request.user, submission=row.pk) else None,
            back=self.change_url(row.pk),
            danger=True,
        )

    def check_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = self.row_or_404(request, str(pk))
        return self.confirm(
            request,
            title=_("Check again"),
            message=_("The registry and the scanner are asked anew. What they say replaces the present checks."),
            items=[row.reference],
            button=_("Check again"),
            act=lambda: (
                str(_("The checks have begun.")) if services.check_again(user=request.user, submission=row.pk) else None
            ),
            back=self.change_url(row.pk),
        )
