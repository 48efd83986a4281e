"""The page that runs an image: form, then what exactly would be used, then the instance."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from core.admin_tools import CONFIRMED, OperatorAdmin
from core.errors import DomainError, InvalidInput
from imagelib.models import ImageRegistry
from instances import services
from instances.admin.run_form import RunForm
from instances.models import ProductSpec
from nodes.models import ComputeNode

_CHOSEN = ("image", "spec", "node")
_OPTIONAL = ("command", "environment", "ports", "restart_policy")


def run_page(page: OperatorAdmin, request: HttpRequest) -> HttpResponse:
    """GET shows the form, `?image=id` chosen. POST shows what would be used; with `confirmed` it creates, with `edit`
    it goes back to the form."""
    if request.method != "POST":
        return _form(page, request, RunForm(initial=_with_numbers(request.GET)))
    form = RunForm(_with_numbers(request.POST))
    if request.POST.get("edit") or not form.is_valid():
        return _form(page, request, form)
    try:
        if request.POST.get(CONFIRMED):
            made = services.create_instance(user=request.user, remark=form.cleaned_data["remark"], **form.asked())
            return HttpResponseRedirect(page.change_url(made.pk))
        return _preview(page, request, form, services.preview(user=request.user, **form.asked()))
    except InvalidInput as error:
        for name, texts in error.fields.items():
            form.add_error(name if name in form.fields else None, [str(text) for text in texts])
        return _form(page, request, form)
    except DomainError as error:
        return _form(page, request, form, refused=error)


def _with_numbers(sent: QueryDict) -> dict[str, str]:
    """The fields as they came; what cannot be the id of a row counts as not chosen."""
    fields = {name: sent.get(name, "") for name in RunForm.base_fields if name in sent}
    return {name: "" if name in _CHOSEN and not _is_id(text) else text for name, text in fields.items()}


def _is_id(text: str) -> bool:
    return text.isdecimal() and len(text) < 19


def _form(page: OperatorAdmin, request: HttpRequest, form: RunForm, refused: DomainError | None = None) -> HttpResponse:
    nodes = refused.extra.get("nodes", []) if refused else []
    context = {
        **page.admin_site.each_context(request),
        "opts": page.opts,
        "title": _("Run an image"),
        "form": form,
        "fields": [field for field in form if field.name not in _OPTIONAL],
        "optional": [field for field in form if field.name in _OPTIONAL],
        "optional_open": any(form[name].errors or form[name].value() not in (None, "", "no") for name in _OPTIONAL),
        "refused": refused,
        "reasons": nodes,
        "lacking": _lacking(),
    }
    return TemplateResponse(request, "imagelib/run_image.html", context)


def _lacking() -> dict[str, bool]:
    """What has to be there first."""
    models = {"image": ImageRegistry, "spec": ProductSpec, "node": ComputeNode}
    return {name: not model._default_manager.exists() for name, model in models.items()}


def _preview(page: OperatorAdmin, request: HttpRequest, form: RunForm, found: dict[str, Any]) -> HttpResponse:
    context = {
        **page.admin_site.each_context(request),
        "opts": page.opts,
        "title": _("Run “%(image)s”?") % {"image": form.cleaned_data["image"].name},
        "form": form,
        "plan": found,
        "warnings": found["warnings"],
        "name": form.cleaned_data["name"],
        "spec": form.cleaned_data["spec"],
        "node": ComputeNode.objects.filter(pk=found["node"]).first(),
        "automatic": form.cleaned_data["node"] is None,
        "hidden": [(name, request.POST.get(name, "")) for name in form.fields],
        "confirmed": CONFIRMED,
    }
    return TemplateResponse(request, "imagelib/run_preview.html", context)
