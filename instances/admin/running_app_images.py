"""The page that runs an AppImage: form, then the files that its containers would get, then the deployment."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from appimages.models import AppImage
from core.admin_tools import CONFIRMED, OperatorAdmin
from instances import services
from instances.admin.run_app_image_form import RunAppImageForm
from instances.admin.run_pages import RunPage
from instances.models import ProductSpec
from nodes.models import ComputeNode


def run_app_image_page(page: OperatorAdmin, request: HttpRequest) -> HttpResponse:
    """GET shows the form, `?app_image=name` filled in; for POST see `RunPage`."""
    steps = RunPage(
        page=page,
        title=_("Run an AppImage"),
        hint=_("The next page shows the configuration files. Nothing is created before you have agreed to it."),
        button=_("Show the configuration files"),
        needs=(AppImage, ProductSpec, ComputeNode),
        preview=lambda form: _preview(page, request, form),
        run=lambda form: services.run_app_image(user=request.user, **form.asked()),
    )
    if request.method != "POST":
        form = RunAppImageForm(initial={"app_image": request.GET.get("app_image", "")})
        form.offer(request.GET.get("app_image", ""), "")
        return steps.form(request, form)
    form = RunAppImageForm(_known(request.POST))
    form.offer(request.POST.get("app_image", ""), request.POST.get("role", ""))
    return steps.answer(request, form)


def _known(sent: QueryDict) -> QueryDict:
    """What came, without what cannot be the id of a row."""
    found = sent.copy()
    for name in ("spec", "nodes"):
        found.setlist(name, [text for text in sent.getlist(name) if text.isdecimal() and len(text) < 19])
    return found


def _preview(page: OperatorAdmin, request: HttpRequest, form: RunAppImageForm) -> HttpResponse:
    asked = form.asked()
    wanted = {name: asked[name] for name in ("app_image", "spec", "role", "variables")}
    hidden: list[tuple[str, Any]] = [
        (name, text)
        for name in form.fields
        for text in form.data.getlist(name)  # type: ignore[attr-defined]
    ]
    context = {
        **page.frame(request, _("Run “%(name)s”?") % {"name": asked["app_image"]}),
        "found": services.preview_app_image(user=request.user, **wanted),
        "form": form,
        "nodes": form.cleaned_data["nodes"],
        "hidden": hidden,
        "confirmed": CONFIRMED,
        "back": page.changelist_url(),
    }
    return TemplateResponse(request, "imagelib/run_app_image_preview.html", context)
