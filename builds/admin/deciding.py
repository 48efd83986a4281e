"""The pages on which an operator approves or rejects: a form each, which acts when it is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from builds.check_texts import SEVERITIES, SEVERITY_COLOURS, VERDICT_COLOURS
from builds.checking import PASSED, by_weight, may_slice
from builds.models import DECISION_COLOURS, Decision, Submission
from builds.services import submissions as services
from builds.services.publishing import usual_name
from builds.submission_snapshot import picture
from core.admin_tools import OperatorAdmin, label
from core.errors import DomainError
from pulls.admin_choices import drawn_node, nodes_to_choose, number

_SLICES = {"yes": True, "no": False}


def decision_label(row: Submission) -> SafeString:
    return label(row.get_decision_display(), DECISION_COLOURS[Decision(row.decision)], title=row.reason)


def checks_shown(row: Submission, checks: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What the page draws of each check (`builds.check_texts.worded`), the gravest first."""
    scanner = next(
        (check["params"].get("scanner", "") for check in row.checks if check["key"] == "vulnerabilities"), ""
    )
    return [
        {
            **check,
            "label": label(check["verdict_text"], VERDICT_COLOURS[check["verdict"]]),
            "scanner": scanner,
            "severities": [
                label(f"{SEVERITIES[name]} {count}", SEVERITY_COLOURS.get(name, "default"))
                for name, count in check.get("counts", {}).items()
            ],
        }
        for check in by_weight(checks)
    ]


def approve_page(page: OperatorAdmin, request: HttpRequest, row: Submission) -> HttpResponse:
    chosen = [number(pk) for pk in request.POST.getlist("nodes")]
    search = request.POST.get("search", "").replace("\0", "").strip()
    if request.method == "POST" and "again" not in request.POST:
        try:
            return _approve(page, request, row, chosen)
        except DomainError as error:
            messages.error(request, error.told)
    shown = picture(row, for_operator=True)
    nodes, more = nodes_to_choose(search=search, chosen=chosen)
    slices = row.libc.startswith("glibc")
    context = {
        "submission": row,
        "name": request.POST.get("name", row.name or usual_name(row)),
        "description": request.POST.get("description", row.description),
        "slices": request.POST.get("slices", "yes" if slices else "no"),
        "may_slice": may_slice(row.libc),
        "doubts": [check for check in checks_shown(row, shown["checks"]) if check["verdict"] != PASSED],
        "nodes": [drawn_node(node) for node in nodes],
        "more_nodes": more,
        "chosen": chosen,
        "search": search,
    }
    return _shown(page, request, row, "builds/approve.html", _("Approve"), context)


def _approve(page: OperatorAdmin, request: HttpRequest, row: Submission, nodes: list[int]) -> HttpResponse:
    posted: QueryDict = request.POST
    done = services.approve(
        user=request.user,
        submission=row.pk,
        name=posted.get("name", "").strip() or None,
        description=posted.get("description", "").strip(),
        nodes=nodes,
        supports_vgpu=_SLICES.get(posted.get("slices", "")),
    )
    messages.success(request, _("“%(name)s” is listed now.") % {"name": done.entry.name})
    if done.moved_to:
        text = _("The tag leads to %(digest)s now. The digest that was checked is what was approved.")
        messages.warning(request, text % {"digest": done.moved_to})
    return HttpResponseRedirect(page.change_url(row.pk))


def reject_page(page: OperatorAdmin, request: HttpRequest, row: Submission) -> HttpResponse:
    reason = request.POST.get("reason", "")
    if request.method == "POST":
        try:
            services.reject(user=request.user, submission=row.pk, reason=reason)
            messages.success(request, _("Rejected."))
            return HttpResponseRedirect(page.change_url(row.pk))
        except DomainError as error:
            messages.error(request, error.told)
    return _shown(page, request, row, "builds/reject.html", _("Reject"), {"submission": row, "reason": reason})


def _shown(
    page: OperatorAdmin, request: HttpRequest, row: Submission, template: str, title: str, more: dict[str, Any]
) -> HttpResponse:
    context = {**page.frame(request, title), "back": page.change_url(row.pk), **more}
    return TemplateResponse(request, template, context)
