"""The editor: single fields beside Kuscia's YAML, checked while they are typed; what would change is shown first."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from appimages.differences import difference
from appimages.editing import Edited, fields_of, read_edited, save_edited, skeleton, with_fields
from appimages.exporting import export_yaml
from appimages.models import AppImage
from core.admin_tools import CONFIRMED, OperatorAdmin, diff_lines
from core.document_texts import FileRefused
from core.errors import DomainError, InvalidInput
from imagelib.references import effective_image

_FIELD = "field-"


def edit_page(page: OperatorAdmin, request: HttpRequest, row: AppImage | None) -> HttpResponse:
    """A first POST shows what would change, a second one saves it."""
    context: dict[str, Any] = {
        **page.frame(request, _("Edit “%(name)s”") % {"name": row.name} if row else _("New AppImage"), of=row),
        "row": row,
        "text": request.POST.get("text", ""),
        "version": _number(request.POST.get("version")) or (row.version if row else 0),
        "back": page.change_url(row.pk) if row else page.changelist_url(),
        "check_url": reverse("admin:appimages_check"),
        "confirmed": CONFIRMED,
    }
    if request.method != "POST":
        context["text"] = export_yaml([(row.name, row.document)]) if row else skeleton()
    elif request.POST.get("again") is None:
        try:
            edited = read_edited(context["text"], row=row)
            if request.POST.get(CONFIRMED):
                saved = save_edited(edited, row=row, version=context["version"], author=request.user)
                messages.success(request, _("Saved: “%(name)s”, version %(number)s.") % _named(saved))
                return HttpResponseRedirect(page.change_url(saved.pk))
            context |= {"edited": edited, "lines": _changes(edited, row)}
        except FileRefused as error:
            context["faults"] = error.extra["errors"]
        except DomainError as error:
            context["refused"] = str(error)
    return TemplateResponse(request, "appimages/edit.html", context)


def check_view(page: OperatorAdmin, request: HttpRequest) -> HttpResponse:
    """POST `text`, maybe with fields of the image that were changed: what is wrong with it, and what it would mean."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    if not page.has_view_permission(request):
        return JsonResponse({"error": _("Only operators may do this.")}, status=403)
    row = AppImage.objects.filter(pk=_number(request.POST.get("row"))).first()
    text = request.POST.get("text", "")
    try:
        edited = read_edited(text, row=row)
        changed = {
            name.removeprefix(_FIELD): str(value) for name, value in request.POST.items() if name.startswith(_FIELD)
        }
        if changed:
            text = with_fields(edited, changed)
            edited = read_edited(text, row=row)
    except FileRefused as error:
        return JsonResponse({"faults": error.extra["errors"]})
    return JsonResponse(
        {
            "faults": [],
            "warnings": edited.warnings,
            "fields": fields_of(edited.document),
            "text": text if changed else None,
            "meaning": _meaning(edited.document["image"]),
            "changes": _counted(edited, row),
        }
    )


def _meaning(image: dict[str, str]) -> dict[str, Any]:
    try:
        return effective_image(name=image["name"], tag=image["tag"]).as_dict()
    except InvalidInput as error:
        return {"error": " ".join(str(text) for texts in error.fields.values() for text in texts)}


def _changes(edited: Edited, row: AppImage | None) -> list[dict[str, Any]] | None:
    """None: too much of it to compare."""
    if row is None:
        return [{"text": f"+{line}", "kind": "il-added"} for line in _text(edited).splitlines()]
    diff = difference(row.name, row.document, edited.document, labels=(_("now"), _("then")))
    return None if diff is None else diff_lines(diff)


def _counted(edited: Edited, row: AppImage | None) -> dict[str, int] | None:
    lines = _changes(edited, row)
    if lines is None:
        return None
    kinds = [line["kind"] for line in lines if not line["text"].startswith(("+++", "---"))]
    return {"added": kinds.count("il-added"), "removed": kinds.count("il-removed")}


def _text(edited: Edited) -> str:
    return export_yaml([(edited.name, edited.document)])


def _named(row: AppImage) -> dict[str, Any]:
    return {"name": row.name, "number": row.version}


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= 9 else 0
