"""Pages of what an AppImage was before."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from appimages.exporting import export_yaml
from appimages.models import AppImage, How
from appimages.services import roll_back
from appimages.versions import compared_version
from core.admin_tools import OperatorAdmin, diff_lines
from core.errors import InvalidInput, NotFound


def version_page(page: OperatorAdmin, request: HttpRequest, row: AppImage, number: int) -> HttpResponse:
    """What changed with it, or from another one: `?against=`."""
    try:
        found = compared_version(row, number=number, against=request.GET.get("against", ""))
    except (NotFound, InvalidInput) as error:
        raise Http404(str(error)) from None
    context = {
        **page.frame(request, _("%(name)s, version %(number)s") % {"name": row.name, "number": number}),
        "row": row,
        "version": found,
        "how": How(found["how"]).label,
        "lines": diff_lines(found["diff"]),
        "text": export_yaml([(row.name, found["document"])]),
    }
    return TemplateResponse(request, "appimages/version.html", context)


def rollback_page(page: OperatorAdmin, request: HttpRequest, row: AppImage, number: int) -> HttpResponse:
    def act() -> str:
        now = roll_back(name=row.name, number=number, author=request.user)
        return _("Version %(number)s is back, as version %(now)s.") % {"number": number, "now": now.version}

    if not row.versions.filter(number=number).exists():
        raise Http404
    back = reverse("admin:appimages_version", args=[row.pk, number])
    return page.confirm(
        request,
        title=_("Roll back “%(name)s”") % {"name": row.name},
        message=_(
            "The document of version %(number)s becomes the present one, as a new version. The versions in between "
            "stay."
        )
        % {"number": number},
        button=_("Roll back"),
        act=act,
        items=[row],
        back=page.change_url(row.pk) if request.method == "POST" else back,
    )
