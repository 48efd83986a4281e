"""Pages of what a row was before: what changed with a version, and going back to one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from core.admin_tools import OperatorAdmin, diff_lines
from core.errors import InvalidInput, NotFound


def compared_or_404(compare: Callable[..., dict[str, Any]], request: HttpRequest, row: Any, number: int) -> Any:
    """The version with what changed since the one before it, or since another one: `?against=`."""
    try:
        return compare(row, number=number, against=request.GET.get("against", ""))
    except (NotFound, InvalidInput) as error:
        raise Http404(str(error)) from None


def version_page(
    page: OperatorAdmin,
    request: HttpRequest,
    row: Any,
    version: Mapping[str, Any],
    *,
    about: str,
    texts: Mapping[str, str],
    names: str,
    returns: bool = True,
) -> HttpResponse:
    """`about`: who made it, and how; `texts`: what it holds; `names`: how the names of these pages' addresses begin;
    `returns`: whether one can go back to it."""
    number = version["number"]
    old = number != row.version
    context = {
        **page.frame(request, _("%(name)s, version %(number)s") % {"name": row.name, "number": number}, of=row),
        "version": version,
        "about": about,
        "lines": diff_lines(version["diff"]),
        "texts": texts,
        "compare": reverse(names + "_version", args=[row.pk, row.version]) if old else "",
        "rollback": reverse(names + "_rollback", args=[row.pk, number]) if old and returns else "",
        "back": page.change_url(row.pk),
    }
    return TemplateResponse(request, "imagelib/version.html", context)


def rollback_page(
    page: OperatorAdmin,
    request: HttpRequest,
    row: Any,
    number: int,
    *,
    message: str,
    roll_back: Callable[[], Any],
    names: str,
) -> HttpResponse:
    """`roll_back` calls the service, and returns the row as it is then."""

    def act() -> str:
        return _("Version %(number)s is back, as version %(now)s.") % {"number": number, "now": roll_back().version}

    if not row.versions.filter(number=number).exists():
        raise Http404
    back = reverse(names + "_version", args=[row.pk, number])
    return page.confirm(
        request,
        title=_("Roll back “%(name)s”") % {"name": row.name},
        message=message % {"number": number},
        button=_("Roll back"),
        act=act,
        items=[row],
        back=page.change_url(row.pk) if request.method == "POST" else back,
    )
