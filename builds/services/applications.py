"""What people ask of applications. Everybody has their own; operators have all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import copy
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

from builds.models import Application, SourceKind
from builds.pushing import objection_to, usual_namespace
from builds.repositories import is_allowed
from builds.services.application_files import files_of, locked, programs_of, save_files, store_files
from builds.services.application_rules import (
    check_application,
    check_password_stays,
    image_name,
    repository_of,
    require_own_images,
)
from core.errors import Conflict, InvalidInput, PermissionRefused
from core.operators import name_actor
from core.rows import delete_rows, save_row
from imagelib.models import RegistryEndpoint
from imagelib.references import Endpoints

__all__ = [
    "copy_application",
    "create_application",
    "delete_application",
    "save_files",
    "update_application",
    "visible_applications",
]

FIELDS = (
    "name", "description", "base_registry", "base_namespace", "base_image", "base_tag", "target_registry",
    "target_namespace", "suffix", "git_url", "git_branch", "git_path", "git_username", "git_password",
    "webhook_secret",
)  # fmt: skip
_OF_GIT = ("git_url", "git_branch", "git_path", "git_username", "git_password")
_SECRETS = ("git_password", "webhook_secret")
_COPIED = (
    "description", "base_registry", "base_namespace", "base_image", "base_tag", "target_registry", "target_namespace",
    "suffix", "git_url", "git_branch", "git_path",
)  # fmt: skip
_DUPLICATE = _("Another application has this name already, or makes images of the same name.")
_NAMING = ("base_image", "base_tag", "target_namespace", "suffix")
_EITHER = _(
    "Files are either kept here or in a git repository. Give one of the two, for example "
    '"git_url": "https://git.example.com/team/images.git".'
)


def visible_applications(user: Any) -> models.QuerySet[Application]:
    """Operators see every application, others their own."""
    rows = Application.objects.select_related("owner", "target_registry")
    return rows if user.is_staff else rows.filter(owner=user)


def create_application(
    *,
    user: Any,
    values: Mapping[str, Any],
    files: Mapping[str, str] | None = None,
    programs: Iterable[str] | None = None,
) -> Application:
    """Raises `InvalidInput`, `Conflict`. Without files and without a repository it is empty. `programs`: paths of files
    that may be executed."""
    name_actor(user)
    _require_room(user)
    row = Application(owner=user)
    if "target_registry" not in values:
        values = {**values, "target_registry": _usual_registry()}
    if "target_namespace" not in values:
        values = {**values, "target_namespace": usual_namespace(values["target_registry"], user)}
    with transaction.atomic():
        _fill(row, values, files)
        check_application(row, webhook_secret=values.get("webhook_secret", ""))
        require_allowed_host(user, row.git_url)
        require_place(row)
        require_own_images(user, row)
        save_row(row, fields=FIELDS, duplicate=_DUPLICATE)
        if files:
            store_files(row, files, user=user, programs=programs)
    return row


def update_application(
    *,
    user: Any,
    application: Application,
    values: Mapping[str, Any],
    files: Mapping[str, str] | None = None,
    expected_version: int | None = None,
    programs: Iterable[str] | None = None,
) -> Application:
    """Change what is given, all or nothing. Versions of files that are kept here stay when a repository takes over."""
    require_own(user, application)
    with transaction.atomic():
        row = locked(application)
        before = copy(row)
        _fill(row, values, files)
        check_application(row, webhook_secret=values.get("webhook_secret", ""))
        if row.git_url != before.git_url:
            require_allowed_host(user, row.git_url)
        if "git_password" not in values:
            check_password_stays(before, row)
        if (named := image_name(row)) != image_name(before):
            require_place(row)
        if (named, row.base_tag) != (image_name(before), before.base_tag):
            require_own_images(user, row)
        save_row(row, fields={*values, *_OF_GIT, "source"}, duplicate=_DUPLICATE)
        if files is not None and row.source == SourceKind.FILES:
            store_files(row, files, user=user, expected_version=expected_version, programs=programs)
    return row


def copy_application(*, user: Any, application: Application, values: Mapping[str, Any]) -> Application:
    """A new one of the user's with the same files, or the same repository. Secrets are not copied: who enters them
    must know them. Its images are called after it unless something else tells them from those of the other."""
    copied = {name: getattr(application, name) for name in _COPIED}
    if not values.keys() & set(_NAMING):
        copied["suffix"] = values["name"]
    files, programs = files_of(application) or None, programs_of(application)
    return create_application(user=user, values={**copied, **values}, files=files, programs=programs)


def delete_application(*, user: Any, application: Application) -> None:
    """With its versions and secrets; builds and images stay. Raises `InUse` while a build goes on."""
    require_own(user, application)
    delete_rows(Application, [application.pk])


def delete_applications(*, user: Any, ids: Iterable[int]) -> None:
    """All or none."""
    with transaction.atomic():
        for row in visible_applications(user).filter(pk__in=list(ids)).order_by("pk"):
            delete_application(user=user, application=row)


def require_own(user: Any, application: Application) -> None:
    """Raises `PermissionRefused`; else the audit log names this user."""
    if not user.is_staff and application.owner_id != user.pk:
        raise PermissionRefused(_("This is somebody else's application."))
    name_actor(user)


def require_allowed_host(user: Any, git_url: str) -> None:
    """Of ordinary users. Empty: nothing is read from anywhere."""
    if git_url and not user.is_staff and not is_allowed(git_url, settings.GIT_HOSTS):
        rule = _(
            "Repositories are read from these hosts only: %(hosts)s. For example https://%(first)s/team/images.git"
        )
        raise InvalidInput({"git_url": rule % {"hosts": ", ".join(settings.GIT_HOSTS), "first": settings.GIT_HOSTS[0]}})


def _require_room(user: Any) -> None:
    """Two requests in the same moment may be one too many."""
    most = settings.APPLICATIONS_PER_USER
    if most and not user.is_staff and Application.objects.filter(owner=user).count() >= most:
        text = _(
            "You have %(count)s applications, and nobody may have more. Delete one that is not needed any more, or ask "
            "an operator: IMAGELIB_APPLICATIONS_PER_USER."
        )
        raise Conflict(text % {"count": most}, code="too_many_applications")


def require_place(row: Application) -> None:
    """Raises `InvalidInput` where its owner may not push."""
    objection = objection_to(repository_of(row), row.owner, Endpoints())
    if objection is not None:
        raise InvalidInput({"target_namespace": objection.sentence(row.owner)})


def _fill(row: Application, values: Mapping[str, Any], files: Mapping[str, str] | None) -> None:
    for name in FIELDS:
        if name in values:
            value = values[name]
            setattr(row, name, value.strip() if isinstance(value, str) and name not in _SECRETS else value)
    if files and row.git_url:
        raise InvalidInput({"files": _EITHER})
    was_git = row.source == SourceKind.GIT
    row.source = SourceKind.GIT if row.git_url else SourceKind.FILES
    if row.source == SourceKind.FILES:
        for name in _OF_GIT:
            setattr(row, name, "")
    elif not was_git:  # also one whose files were kept here
        row.git_path = row.git_path if "git_path" in values else f"src/{row.name}"
    if row.source == SourceKind.GIT:
        row.git_branch = row.git_branch or "main"


def _usual_registry() -> RegistryEndpoint:
    """Where images go if nobody says it: the default registry, or the only one."""
    rows = list(RegistryEndpoint.objects.order_by("-is_default", "pk")[:2])
    if not rows or (len(rows) > 1 and not rows[0].is_default):
        raise InvalidInput(
            {"target_registry": _("Say where the images go: the id of a registry endpoint, for example 1.")}
        )
    return rows[0]
