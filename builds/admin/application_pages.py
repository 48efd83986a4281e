"""Pages that make applications of others: copies and imports; and the one of build secrets."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from builds.models import Application
from builds.packing import LARGEST_ARCHIVE
from builds.services.application_imports import import_archive
from builds.services.application_secrets import secret_names, set_secrets
from builds.services.applications import copy_application
from builds.services.git_imports import import_git
from core.admin_forms import file_input
from core.admin_tools import OperatorAdmin
from core.document_texts import FileRefused
from core.errors import DomainError, InvalidInput
from core.fields import MASK
from imagelib.models import RegistryEndpoint


def copy_page(page: OperatorAdmin, request: HttpRequest, row: Application) -> HttpResponse:
    values = {
        "name": request.POST.get("name", f"{row.name}-2"),
        "suffix": request.POST.get("suffix", f"{row.suffix}-2" if row.suffix else "2"),
        "description": request.POST.get("description", row.description),
    }
    context = {
        **page.frame(request, _("Copy “%(name)s”") % {"name": row.name}),
        "row": row,
        "values": values,
        "takes_over": request.user.is_staff and not (row.owner and row.owner.is_staff),
        "back": page.change_url(row.pk),
    }
    if request.method == "POST":
        try:
            copy = copy_application(user=request.user, application=row, values=values)
        except DomainError as error:
            context["refused"] = error.told
        else:
            messages.success(request, _("“%(name)s” is copied.") % {"name": row.name})
            return HttpResponseRedirect(page.change_url(copy.pk))
    return TemplateResponse(request, "builds/copy_application.html", context)


def import_page(page: OperatorAdmin, request: HttpRequest) -> HttpResponse:
    """All applications of an archive or a git repository, or none, and then everything that is wrong."""
    chosen = request.POST.get("target_registry", "")
    git = {name: request.POST.get(name, "").strip() for name in ("git_url", "git_branch", "git_username")}
    context = {
        **page.frame(request, _("Import a repository")),
        "registries": RegistryEndpoint.objects.all(),
        "chosen": chosen,
        "git": git,
        "file_input": file_input(".zip,.tar,.gz,.tgz"),
        "back": page.changelist_url(),
    }
    if request.method == "POST":
        file = request.FILES.get("file")
        target = RegistryEndpoint.objects.filter(pk=chosen).first() if chosen.isascii() and chosen.isdigit() else None
        try:
            if git["git_url"] and not file:
                password = request.POST.get("git_password", "")
                done = import_git(user=request.user, **git, git_password=password, target_registry=target)
            else:
                data = file.read(LARGEST_ARCHIVE + 1) if file else b""
                done = import_archive(user=request.user, data=data, target_registry=target)
        except FileRefused as error:
            context |= {"faults": error.extra["errors"], "warnings": error.extra.get("warnings", [])}
        except DomainError as error:
            context["refused"] = error.told
        else:
            counts = {"created": len(done.created), "updated": len(done.updated)}
            messages.success(request, _("Imported: %(created)s new, %(updated)s changed.") % counts)
            for warning in done.warnings:
                messages.warning(request, f"{warning['field']}: {warning['message']}")
            return HttpResponseRedirect(page.changelist_url())
    return TemplateResponse(request, "builds/import_repository.html", context)


def secrets_page(page: OperatorAdmin, request: HttpRequest, row: Application) -> HttpResponse:
    """What is stored is never shown, and what was typed is never sent back."""
    context = {
        **page.frame(request, _("Build secrets of “%(name)s”") % {"name": row.name}),
        "row": row,
        "back": page.change_url(row.pk),
    }
    if request.POST.get("remove"):
        return _remove_secret(page, request, row, request.POST["remove"])
    if request.method == "POST":
        try:
            name, value = _typed_secret(request)
            set_secrets(user=request.user, application=row, values={name: value})
        except DomainError as error:
            context["refused"] = error.told
        else:
            messages.success(request, _("%(name)s is stored.") % {"name": name})
            return HttpResponseRedirect(request.get_full_path())
    context["names"] = secret_names(row)
    return TemplateResponse(request, "builds/secrets.html", context)


def _remove_secret(page: OperatorAdmin, request: HttpRequest, row: Application, name: str) -> HttpResponse:
    def act() -> str:
        set_secrets(user=request.user, application=row, values={name: ""})
        return _("%(name)s is removed.") % {"name": name}

    return page.confirm(
        request,
        title=_("Remove a build secret of “%(name)s”") % {"name": row.name},
        message=_("Its value cannot be brought back. Builds whose Dockerfile asks for it fail from now on."),
        items=[name],
        hidden=[("remove", name)],
        button=_("Remove"),
        act=act,
        back=request.get_full_path(),
        danger=True,
    )


def _typed_secret(request: HttpRequest) -> tuple[str, str]:
    """Raises `InvalidInput` for what would store nothing: no name, no value, or the mask instead of one."""
    name, value = request.POST.get("name", "").strip(), request.POST.get("value", "").replace("\r\n", "\n")
    if not name:
        raise InvalidInput({"name": _("A build secret needs a name, for example PIP_TOKEN.")})
    if not value or value == MASK:
        raise InvalidInput({"value": _("Type the secret itself, for example a token. To remove one, use its button.")})
    return name, value
