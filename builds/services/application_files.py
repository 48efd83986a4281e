"""The files of an application that are kept here: every change is a version."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from builds.application_texts import package_error_text, tree_error_text
from builds.dockerfiles import Added, Ecosystem, PackageError, add_packages
from builds.models import Application, ApplicationVersion, Build, SourceKind
from builds.trees import TreeError, clean_files, entries_of, revision_of
from core.errors import Conflict, InvalidInput, NotFound

_GIT = _("The files of this application are in a git repository. Change them there, for example with a push.")

CHANGED = "version_conflict"


def files_of(application: Application) -> dict[str, str]:
    """As they are now; none if there never were any, or if they are in a repository."""
    version = newest_of(application)
    return dict(version.files) if version else {}


def programs_of(application: Application) -> list[str]:
    """Paths of those files that may be executed, beside scripts with a `#!` line."""
    version = newest_of(application)
    return list(version.programs) if version else []


def newest_of(application: Application) -> ApplicationVersion | None:
    if application.source != SourceKind.FILES or not application.version:
        return None
    return application.versions.filter(number=application.version).first()


def check_files(files: Mapping[str, str]) -> dict[str, str]:
    """Raises `InvalidInput`."""
    try:
        return clean_files(files)
    except TreeError as error:
        raise InvalidInput({"files": tree_error_text(error)}) from None


def store_files(
    application: Application,
    files: Mapping[str, str],
    *,
    user: Any,
    expected_version: int | None = None,
    programs: Iterable[str] | None = None,
) -> bool:
    """A new version, if anything differs from the newest one. For an application that is locked by the caller.

    `programs`: files that may be executed; None where nobody says: then those that were, as editors know texts alone.
    """
    clean = check_files(files)
    if expected_version not in (None, application.version):
        raise changed_meanwhile(application)
    newest = application.versions.filter(number=application.version).first()
    if newest is None and not clean:
        return False
    if not clean:
        raise InvalidInput({"files": tree_error_text(TreeError("dockerfile_missing"))})
    before = newest.programs if newest else []
    wanted = {*(before if programs is None else programs)} & clean.keys()
    kept = sorted(path for path in wanted if not clean[path].startswith("#!"))  # which is one anyway
    if newest is not None and (newest.files, before) == (clean, kept):
        return False
    application.version += 1
    ApplicationVersion.objects.create(
        application=application,
        number=application.version,
        files=clean,
        programs=kept,
        revision=revision_of(entries_of(clean, programs=kept)),
        author=user,
    )
    application.save(update_fields=["version", "updated_at"])
    _drop_old_versions(application)
    return True


def _drop_old_versions(application: Application) -> None:
    """Of users' applications: the oldest that no build was made of, so that what they keep has an end."""
    owner, most = application.owner, settings.VERSIONS_PER_APPLICATION
    if not most or (owner is not None and owner.is_staff):
        return
    unbuilt = application.versions.exclude(
        pk__in=Build.objects.filter(application=application, files__isnull=False).values("files")
    )
    old = list(unbuilt.order_by("-number").values_list("pk", flat=True)[most:])
    ApplicationVersion.objects.filter(pk__in=old).delete()


def save_files(
    *,
    user: Any,
    application: Application,
    files: Mapping[str, str],
    expected_version: int | None = None,
    programs: Iterable[str] | None = None,
) -> Application:
    """Raises `Conflict` (`version_conflict`) if somebody else was faster."""
    with transaction.atomic():
        row = locked(application)
        if row.source != SourceKind.FILES:
            raise InvalidInput({"files": _GIT})
        store_files(row, files, user=user, expected_version=expected_version, programs=programs)
    return row


def roll_back(*, user: Any, application: Application, number: int, expected_version: int | None = None) -> Application:
    """Make the files of an old version the present ones again, as a new version."""
    version = version_of(application, number)
    return save_files(
        user=user,
        application=application,
        files=version.files,
        expected_version=expected_version,
        programs=version.programs,
    )


def save_packages(
    *,
    user: Any,
    application: Application,
    ecosystem: Ecosystem,
    packages: Sequence[str],
    expected_version: int | None = None,
) -> tuple[Application, Added]:
    """Add packages to the files as they are now. Raises `InvalidInput`."""
    with transaction.atomic():
        row = locked(application)
        if row.source != SourceKind.FILES:
            raise InvalidInput({"packages": _GIT})
        added = with_packages(row, files_of(row), ecosystem=ecosystem, packages=packages)
        store_files(row, added.files, user=user, expected_version=expected_version)
    return row, added


def with_packages(
    application: Application, files: Mapping[str, str], *, ecosystem: Ecosystem, packages: Sequence[str]
) -> Added:
    """Nothing is stored. Raises `InvalidInput`."""
    base = "/".join(part for part in (application.base_namespace, application.base_image) if part)
    try:
        return add_packages(files, ecosystem=ecosystem, packages=packages, base=base)
    except PackageError as error:
        raise InvalidInput({"packages": package_error_text(error)}) from None


def version_of(application: Application, number: int) -> ApplicationVersion:
    found = application.versions.filter(number=number).first() if number < 2**31 else None
    if found is None:
        raise NotFound(_("“%(name)s” has no version %(number)s.") % {"name": application.name, "number": number})
    return found


def locked(application: Application) -> Application:
    """The row as it is now, which nobody else changes until the transaction ends."""
    row = Application.objects.select_for_update(of=("self",)).filter(pk=application.pk).first()
    if row is None:
        raise NotFound(_("Somebody deleted “%(name)s” in this moment.") % {"name": application})
    return row


def changed_meanwhile(row: Application) -> Conflict:
    text = _("Somebody changed “%(name)s” meanwhile: it is version %(version)s now. Look at it, then try again.")
    return Conflict(text % {"name": row.name, "version": row.version}, code=CHANGED)
