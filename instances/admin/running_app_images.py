"""The page that runs an AppImage: form, then the files that its containers would get, then the deployment."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from appimages.previewing import preview_files
from appimages.services import get_app_image
from core.admin_tools import CONFIRMED, OperatorAdmin
from core.errors import DomainError, InvalidInput
from instances import services
from instances.admin.run_app_image_form import RunAppImageForm


def run_app_image_page(page: OperatorAdmin, request: HttpRequest) -> HttpResponse:
    """GET shows the form, `?app_image=name` filled in. POST shows the files; with `confirmed` it runs, with `edit` it
    goes back to the form."""
    if request.method != "POST":
        return _form(page, request, RunAppImageForm(initial={"app_image": request.GET.get("app_image", "")}))
    form = RunAppImageForm(_known(request.POST))
    if request.POST.get("edit") or not form.is_valid():
        return _form(page, request, form)
    try:
        if request.POST.get(CONFIRMED):
            made = services.run_app_image(user=request.user, **form.asked())
            return HttpResponseRedirect(page.change_url(made.pk))
        return _preview(page, request, form)
    except InvalidInput as error:
        for name, texts in error.fields.items():
            form.add_error(name if name in form.fields else None, [str(text) for text in texts])
        return _form(page, request, form)
    except DomainError as error:
        return _form(page, request, form, refused=error)


def _known(sent: QueryDict) -> QueryDict:
    """What came, without what cannot be the id of a row."""
    found = sent.copy()
    for name in ("spec", "nodes"):
        found.setlist(name, [text for text in sent.getlist(name) if text.isdecimal() and len(text) < 19])
    return found


def _form(
    page: OperatorAdmin, request: HttpRequest, form: RunAppImageForm, refused: DomainError | None = None
) -> HttpResponse:
    context = {
        **page.admin_site.each_context(request),
        "opts": page.opts,
        "title": _("Run an AppImage"),
        "form": form,
        "refused": refused,
        "reasons": refused.extra.get("nodes", []) if refused else [],
        "back": page.changelist_url(),
    }
    return TemplateResponse(request, "imagelib/run_app_image.html", context)


def _preview(page: OperatorAdmin, request: HttpRequest, form: RunAppImageForm) -> HttpResponse:
    asked = form.asked()
    document = get_app_image(name=asked["app_image"]).document
    hidden: list[tuple[str, Any]] = [
        (name, text)
        for name in form.fields
        for text in form.data.getlist(name)  # type: ignore[attr-defined]
    ]
    context = {
        **page.admin_site.each_context(request),
        "opts": page.opts,
        "title": _("Run “%(name)s”?") % {"name": asked["app_image"]},
        "found": preview_files(document=document, role=asked["role"], variables=asked["variables"]),
        "hidden": hidden,
        "confirmed": CONFIRMED,
    }
    return TemplateResponse(request, "imagelib/run_app_image_preview.html", context)
