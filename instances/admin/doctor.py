"""The page of the vGPU doctor: what it will look at, then what it found."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.admin_tools import OperatorAdmin, age, label
from core.slots import Busy
from instances.doctor import BAD, DOUBTFUL, GOOD, Check, examine_node
from nodes.models import ComputeNode

_LEVELS = {
    GOOD: (gettext_lazy("fine"), "success"),
    DOUBTFUL: (gettext_lazy("look at it"), "warning"),
    BAD: (gettext_lazy("mend it"), "danger"),
}


def doctor_page(page: OperatorAdmin, request: HttpRequest, node: ComputeNode) -> HttpResponse:
    """A POST examines: it starts short-lived containers on the node, so a mere visit does not."""
    context = {
        **page.frame(request, _("vGPU doctor: %(node)s") % {"node": node.name}),
        "node": node,
    }
    if request.method == "POST":
        try:
            context |= _shown(examine_node(user=request.user, node=node.pk))
        except Busy as error:
            messages.error(request, str(error))
    return TemplateResponse(request, "imagelib/node_doctor.html", context)


def _shown(checks: list[Check]) -> dict[str, Any]:
    levels = {check.level_for_node for check in checks}
    return {
        "examined": age(timezone.now()),
        "checks": [{"label": _labelled(check.level), "text": check.text, "advice": check.advice} for check in checks],
        "worst": next(level for level in (BAD, DOUBTFUL, GOOD) if level in levels),
    }


def _labelled(level: str) -> SafeString:
    word, tone = _LEVELS[level]
    return label(word, tone)
