"""Pages of what an AppImage was before."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from appimages.exporting import export_yaml
from appimages.models import AppImage, How
from appimages.services import roll_back
from appimages.versions import compared_version
from core import admin_versions as versions
from core.admin_tools import OperatorAdmin

_NAMES = "admin:appimages"


def version_page(page: OperatorAdmin, request: HttpRequest, row: AppImage, number: int) -> HttpResponse:
    found = versions.compared_or_404(compared_version, request, row, number)
    about = f"{How(found['how']).label} · {found['author_name']}"
    texts = {"YAML": export_yaml([(row.name, found["document"])])}
    return versions.version_page(page, request, row, found, about=about, texts=texts, names=_NAMES)


def rollback_page(page: OperatorAdmin, request: HttpRequest, row: AppImage, number: int) -> HttpResponse:
    message = _(
        "The document of version %(number)s becomes the present one, as a new version. The versions in between stay."
    )
    return versions.rollback_page(
        page, request, row, number, message=message, names=_NAMES,
        roll_back=lambda: roll_back(name=row.name, number=number, author=request.user),
    )  # fmt: skip
