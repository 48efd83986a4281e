"""The admin page that takes over the registries of a Kuscia configuration."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from core.admin_tools import OperatorAdmin
from core.document_texts import FileRefused
from core.documents import LARGEST
from imagelib.registry_imports import import_registries


def import_page(page: OperatorAdmin, request: HttpRequest) -> HttpResponse:
    """A file or pasted text. What was pasted holds passwords, so it is not shown again when it is refused."""
    faults: list[dict[str, Any]] = []
    if request.method == "POST":
        file = request.FILES.get("file")
        data = file.read(LARGEST + 1) if isinstance(file, UploadedFile) else request.POST.get("text", "").encode()
        try:
            done = import_registries(data=data, user=request.user)
        except FileRefused as error:
            faults = error.extra["errors"]
        else:
            names = {"created": ", ".join(done.created) or "–", "updated": ", ".join(done.updated) or "–"}
            messages.success(request, _("Registry endpoints added: %(created)s. Changed: %(updated)s.") % names)
            for warning in done.warnings:
                messages.warning(request, f"{warning['field']}: {warning['message']}".removeprefix(": "))
            return HttpResponseRedirect(page.changelist_url())
    context = {
        **page.frame(request, _("Import a Kuscia configuration")),
        "faults": faults,
        "back": page.changelist_url(),
    }
    return TemplateResponse(request, "imagelib/import_registries.html", context)
