"""Editing the files of an application: several at once, with hints while they are typed, and what they were before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from builds.application_versions import compared_version, difference
from builds.dockerfiles import Ecosystem, starting_files
from builds.models import Application, SourceKind
from builds.previewing import base_of, hints_for
from builds.services.application_files import CHANGED, files_of, newest_of, roll_back, save_files, with_packages
from builds.trees import DOCKERFILE
from core import admin_versions as versions
from core.admin_tools import OperatorAdmin, diff_lines
from core.errors import DomainError, InvalidInput

_NAMES = "admin:builds_application"
_FIRST = (DOCKERFILE, "requirements.txt")


def edit_page(page: OperatorAdmin, request: HttpRequest, row: Application) -> HttpResponse:
    """A POST saves; what was typed stays on the page when it cannot be."""
    if row.source != SourceKind.FILES:
        messages.error(request, _("The files of this application are in a git repository."))
        return HttpResponseRedirect(page.change_url(row.pk))
    base = base_of(row)
    files = files_of(row) or starting_files(**{name: base[name] for name in base if name != "base_tag"})
    context: dict[str, Any] = {
        **page.frame(request, _("Files of “%(name)s”") % {"name": row.name}),
        "row": row,
        "version": row.version,
        "back": page.change_url(row.pk),
        "ecosystems": [kind.value for kind in Ecosystem],
    }
    context["files"] = sorted(files.items(), key=_usual_order)
    if request.method == "POST":
        number = _number(request)
        context |= {"version": row.version if number is None else number, "files": posted(request)}
        try:
            files = posted_files(request)
            saved = save_files(user=request.user, application=row, files=files, expected_version=context["version"])
            messages.success(request, _("Saved: version %(number)s.") % {"number": saved.version})
            return HttpResponseRedirect(page.change_url(row.pk))
        except DomainError as error:
            context["refused"] = error.told
            if error.code == CHANGED:
                context |= _both(row, number, dict(context["files"]))
    return TemplateResponse(request, "builds/edit_files.html", context)


def _both(row: Application, number: int | None, typed: Mapping[str, str]) -> dict[str, Any]:
    """What somebody else saved, and what saving once more would make of it: nothing that was typed is lost, and who
    saves again has seen what goes."""
    row.refresh_from_db(fields=["version"])
    newest, base = newest_of(row), row.versions.filter(number=number or 0).first()
    now = newest.files if newest else {}
    labels = (_("version %(number)s") % {"number": number or 0}, _("version %(number)s") % {"number": row.version})
    theirs = difference(base.files if base else {}, now, labels=labels)
    mine = difference(now, typed, labels=(labels[1], _("what you typed")))
    return {
        "version": row.version,
        "newest": newest,
        "conflict": [
            (_("What was saved meanwhile"), diff_lines(theirs), theirs is None),
            (_("What your text would change of it"), diff_lines(mine), mine is None),
        ],
    }


def posted(request: HttpRequest) -> list[tuple[str, str]]:
    """Paths and texts in the order of the page. Browsers end lines as Windows does."""
    texts = [str(text).replace("\r\n", "\n") for text in request.POST.getlist("text")]
    paths = [str(path).strip() for path in request.POST.getlist("path")]
    return list(zip(paths, texts, strict=False))


def posted_files(request: HttpRequest) -> dict[str, str]:
    """Raises `InvalidInput` for two of one path, which no file system has."""
    pairs = posted(request)
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(path for path, _text in pairs if [one for one, _text in pairs].count(path) > 1)
        raise InvalidInput({"files": _("Two files have the path %(path)s.") % {"path": twice}})
    return found


def check_view(page: OperatorAdmin, request: HttpRequest) -> HttpResponse:
    """POST files: hints about them, as they are typed."""
    refusal = _refusal(page, request)
    if refusal:
        return refusal
    row = page.row_or_404(request, request.POST.get("row", ""))
    try:
        return JsonResponse({"hints": hints_for(posted_files(request), base=base_of(row))})
    except InvalidInput as error:
        return JsonResponse({"hints": [], "error": error.told})


def packages_view(page: OperatorAdmin, request: HttpRequest) -> HttpResponse:
    """POST files and packages: the files with them, to be saved by the page."""
    refusal = _refusal(page, request)
    if refusal:
        return refusal
    row = page.row_or_404(request, request.POST.get("row", ""))
    kind = request.POST.get("ecosystem", "")
    try:
        ecosystem = Ecosystem(kind) if kind in set(Ecosystem) else Ecosystem.APT
        packages = request.POST.get("packages", "").split()
        added = with_packages(row, posted_files(request), ecosystem=ecosystem, packages=packages)
    except InvalidInput as error:
        return JsonResponse({"error": error.told})
    names = {"added": ", ".join(added.added), "present": ", ".join(added.present)}
    said = [_("Added: %(added)s.") % names] if added.added else []
    said += [_("There already: %(present)s.") % names] if added.present else []
    return JsonResponse({"files": added.files, "said": " ".join(said)})


def version_page(page: OperatorAdmin, request: HttpRequest, row: Application, number: int) -> HttpResponse:
    found = versions.compared_or_404(compared_version, request, row, number)
    return versions.version_page(
        page, request, row, found, about=found["author"] or "–", texts=found["files"], names=_NAMES,
        returns=row.source == SourceKind.FILES,
    )  # fmt: skip


def rollback_page(page: OperatorAdmin, request: HttpRequest, row: Application, number: int) -> HttpResponse:
    message = _(
        "The files of version %(number)s become the present ones, as a new version. The versions in between stay."
    )
    return versions.rollback_page(
        page, request, row, number, message=message, names=_NAMES,
        roll_back=lambda: roll_back(user=request.user, application=row, number=number),
    )  # fmt: skip


def _refusal(page: OperatorAdmin, request: HttpRequest) -> HttpResponse | None:
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    if not page.has_change_permission(request):
        return JsonResponse({"error": _("Only operators may do this.")}, status=403)
    return None


def _number(request: HttpRequest) -> int | None:
    """The version that was edited; 0 before the first. None: the page did not say."""
    text = request.POST.get("version", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _usual_order(item: tuple[str, str]) -> tuple[int, str]:
    """The Dockerfile, then the requirements, then the others by name."""
    return (_FIRST.index(item[0]) if item[0] in _FIRST else len(_FIRST), item[0])
