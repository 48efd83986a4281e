"""Importing files: pasted or chosen, looked at first, then stored, all of it or nothing."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from appimages.differences import difference
from appimages.file_imports import import_app_images, install_values, read_or_refuse
from appimages.importing import InstallValues, ReadFile
from appimages.models import AppImage
from appimages.notice_texts import notice_text
from appimages.schema import Document
from core.admin_forms import file_input
from core.admin_tools import CONFIRMED, OperatorAdmin, diff_lines
from core.document_texts import FileRefused, worded
from core.documents import LARGEST
from core.errors import DomainError

_VALUES = ("name", "image", "id")


def import_page(page: OperatorAdmin, request: HttpRequest) -> HttpResponse:
    """A first POST shows what is in it, a second one imports it."""
    context: dict[str, Any] = {
        **page.frame(request, _("Import AppImages")),
        "text": request.POST.get("text", ""),
        "values": {name: request.POST.get(name, "").strip() for name in _VALUES},
        "file_input": file_input(".yaml,.yml,.json,.txt"),
        "back": page.changelist_url(),
        "confirmed": CONFIRMED,
    }
    if request.method == "POST" and request.POST.get("again") is None:
        try:
            data = _data(request)
            values = _install_values(context["values"])
            if request.POST.get(CONFIRMED):
                done = import_app_images(data=data, values=values, author=request.user)
                messages.success(request, _told(done.created, done.updated))
                return HttpResponseRedirect(context["back"])
            found = read_or_refuse(data, values)
            context |= {"found": _listed(found), "notices": worded(found.warnings, notice_text)}
            context["text"] = data.decode("utf-8-sig")
        except FileRefused as error:
            context["faults"] = error.extra["errors"]
        except DomainError as error:
            context["refused"] = str(error)
    return TemplateResponse(request, "appimages/import.html", context)


def _data(request: HttpRequest) -> bytes:
    file = request.FILES.get("file")
    if file is None:
        return request.POST.get("text", "").encode("utf-8", "surrogatepass")
    return file.read(LARGEST + 1)  # as much as tells that it is too large


def _install_values(values: dict[str, str]) -> InstallValues:
    given = {name: value or None for name, value in values.items()}
    return install_values(name=given["name"], image=given["image"], image_id=given["id"])


def _listed(found: ReadFile) -> list[dict[str, Any]]:
    names = [item.name for item in found.app_images]
    known: dict[str, Any] = dict(AppImage.objects.filter(name__in=names).values_list("name", "document"))
    return [
        {
            "name": item.name,
            "image": item.document["image"],
            "is_new": item.name not in known,
            "lines": _changes(item.name, known.get(item.name), item.document),
        }
        for item in found.app_images
    ]


def _changes(name: str, before: Document | None, after: Document) -> list[dict[str, Any]] | None:
    """None: too much of it to compare. Nothing of a new one, which is all new."""
    if before is None:
        return []
    diff = difference(name, before, after, labels=(_("now"), _("then")))
    return None if diff is None else diff_lines(diff)


def _told(created: list[str], updated: list[str]) -> str:
    return _("Imported: %(created)s new, %(updated)s replaced.") % {"created": len(created), "updated": len(updated)}
