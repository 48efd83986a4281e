"""The page that shows the configuration files of a role with given values."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from appimages.files import variables_of_role
from appimages.models import AppImage
from appimages.previewing import preview_files
from appimages.roles import NoTemplate, roles_of
from core.admin_tools import OperatorAdmin
from core.errors import InvalidInput

_PREFIX = "variable-"


def render_page(page: OperatorAdmin, request: HttpRequest, row: AppImage) -> HttpResponse:
    """A POST fills the files in; nothing is stored or started. A value that is left empty is not given."""
    role = request.POST.get("role", request.GET.get("role", ""))
    given = {
        name.removeprefix(_PREFIX): value
        for name, value in request.POST.items()
        if name.startswith(_PREFIX) and isinstance(value, str) and value
    }
    context: dict[str, Any] = {
        **page.frame(request, _("Configuration files of “%(name)s”") % {"name": row.name}, of=row),
        "row": row,
        "role": role,
        "roles": roles_of(row.document),
        "variables": [(name, f"{_PREFIX}{name}", given.get(name, "")) for name in _wanted(row, role)],
        "back": page.change_url(row.pk),
    }
    try:
        context["preview"] = preview_files(document=row.document, role=role, variables=given)
    except InvalidInput as error:
        context["faults"] = [
            {"field": field, "message": text} for field, texts in error.fields.items() for text in texts
        ]
    return TemplateResponse(request, "appimages/render.html", context)


def _wanted(row: AppImage, role: str) -> list[str]:
    try:
        return variables_of_role(row.document, role=role)
    except NoTemplate:
        return []
