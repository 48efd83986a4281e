"""The page that runs an image: form, then what exactly would be used, then the instance."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, QueryDict
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from core.admin_tools import CONFIRMED, OperatorAdmin
from imagelib.models import ImageRegistry
from instances import services
from instances.admin.run_form import RunForm
from instances.admin.run_pages import RunPage
from instances.models import Instance, ProductSpec
from nodes.models import ComputeNode

_CHOSEN = ("image", "spec", "node")


def run_page(page: OperatorAdmin, request: HttpRequest) -> HttpResponse:
    """GET shows the form, `?image=id` chosen; for POST see `RunPage`."""

    def create(form: RunForm) -> Instance:
        return services.create_instance(user=request.user, remark=form.cleaned_data["remark"], **form.asked())

    steps = RunPage(
        page=page,
        title=_("Run an image"),
        hint=_("The next page shows what would be used. Nothing is created before you have agreed to it."),
        button=_("Show what would be used"),
        needs=(ImageRegistry, ProductSpec, ComputeNode),
        optional=("command", "environment", "ports", "restart_policy"),
        optional_title=_("Command, environment, ports"),
        preview=lambda form: _preview(page, request, form),
        run=create,
    )
    if request.method != "POST":
        return steps.form(request, RunForm(initial=_with_numbers(request.GET)))
    return steps.answer(request, RunForm(_with_numbers(request.POST)))


def _with_numbers(sent: QueryDict) -> dict[str, str]:
    """The fields as they came; what cannot be the id of a row counts as not chosen."""
    fields = {name: sent.get(name, "") for name in RunForm.base_fields if name in sent}
    return {name: "" if name in _CHOSEN and not _is_id(text) else text for name, text in fields.items()}


def _is_id(text: str) -> bool:
    return text.isdecimal() and len(text) < 19


def _preview(page: OperatorAdmin, request: HttpRequest, form: RunForm) -> HttpResponse:
    found = services.preview(user=request.user, **form.asked())
    context = {
        **page.frame(request, _("Run “%(image)s”?") % {"image": form.cleaned_data["image"].name}),
        "form": form,
        "plan": found,
        "warnings": found["warnings"],
        "name": form.cleaned_data["name"],
        "spec": form.cleaned_data["spec"],
        "node": ComputeNode.objects.filter(pk=found["node"]).first(),
        "automatic": form.cleaned_data["node"] is None,
        "hidden": [(name, request.POST.get(name, "")) for name in form.fields],
        "confirmed": CONFIRMED,
        "back": page.changelist_url(),
    }
    return TemplateResponse(request, "imagelib/run_image_preview.html", context)
