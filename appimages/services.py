"""What people ask of AppImages. Every write goes through here, from whatever surface, and is kept as a version."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from django.db import IntegrityError, models, transaction
from django.utils.translation import gettext_lazy as _

from appimages.auditing import record_deletion
from appimages.models import AppImage, AppImageVersion, How, image_columns
from appimages.names import is_name
from core.auditing import sender_address
from core.errors import Conflict, InvalidInput, NotFound
from core.operators import require_operator
from core.pairs import insert_pair
from core.rows import delete_rows

LARGEST_DOCUMENT = 1_500_000  # bytes: what Kubernetes' own store takes


class AppImageMissing(NotFound):
    code = "app_image_missing"

    def __init__(self, name: str) -> None:
        super().__init__(_("There is no AppImage “%(name)s”.") % {"name": name})


class AppImageExists(Conflict):
    code = "app_image_exists"

    def __init__(self, name: str) -> None:
        super().__init__(_("There is an AppImage “%(name)s” already.") % {"name": name})


def get_app_image(*, name: str) -> AppImage:
    """Raises `AppImageMissing`."""
    return _row(AppImage.objects.all(), name)


def create_app_image(*, name: str, document: Mapping[str, Any], author: Any, how: str = How.CREATE) -> AppImage:
    """Raises `AppImageExists`, also for all but one of those who create the same at the same moment."""
    require_operator(author)
    row = AppImage(name=checked_name(name), version=1)
    _fill(row, document)
    try:
        new = insert_pair(row, _version(row, author, how), link="app_image", unique="name")
    except IntegrityError as error:  # whoever asks was deleted in this moment
        raise _busy(name) from error
    if not new:
        raise AppImageExists(name)
    return row


def update_app_image(
    *,
    name: str,
    change: Callable[[dict[str, Any]], Mapping[str, Any]],
    author: Any,
    how: str = How.UPDATE,
    expected_version: int | None = None,
) -> AppImage:
    """Store what `change` makes of the present document, which nobody else changes meanwhile.

    A document that stays the same makes no version. With `expected_version` raises `Conflict` if somebody else was
    faster; raises `AppImageMissing`.
    """
    require_operator(author)
    with transaction.atomic():
        row = _row(AppImage.objects.select_for_update(), name)
        if expected_version not in (None, row.version):
            raise _changed_meanwhile(row)
        before = row.document
        _fill(row, change(before))
        if row.document != before:
            row.version += 1
            row.save(update_fields=["image_name", "image_tag", "document", "version", "updated_at"])
            version = _version(row, author, how)
            version.app_image = row
            version.save(force_insert=True)
    return row


def replace_app_image(
    *,
    name: str,
    document: Mapping[str, Any],
    author: Any,
    how: str = How.UPDATE,
    expected_version: int | None = None,
) -> tuple[AppImage, bool]:
    """Create or replace. Returns the row and whether it is new; `expected_version` as in `update_app_image`."""
    for _race in range(3):
        try:
            row = update_app_image(
                name=name, change=lambda _old: document, author=author, how=how, expected_version=expected_version
            )
            return row, False
        except AppImageMissing:
            if expected_version is not None:
                raise
        try:
            return create_app_image(name=name, document=document, author=author, how=how), True
        except AppImageExists:
            continue  # somebody created it in this moment: replace that one
    raise _busy(name)


def roll_back(*, name: str, number: int, author: Any, expected_version: int | None = None) -> AppImage:
    """Make the document of version `number` the present one again, as a new version."""
    version = AppImageVersion.objects.filter(app_image__name=name, number=number).first() if is_name(name) else None
    if version is None:
        get_app_image(name=name)
        raise NotFound(_("“%(name)s” has no version %(number)s.") % {"name": name, "number": number})
    return update_app_image(
        name=name,
        change=lambda _old: version.document,
        author=author,
        how=How.ROLLBACK,
        expected_version=expected_version,
    )


def delete_app_image(*, name: str, author: Any) -> None:
    """With all its versions. Raises `AppImageMissing`, and `InUse` naming the containers that run it."""
    require_operator(author)
    with transaction.atomic():
        row = _row(AppImage.objects.select_for_update(), name)
        record_deletion(row, user=author)
        delete_rows(AppImage, [row.pk])


def _row(rows: models.QuerySet[AppImage], name: str) -> AppImage:
    try:
        if is_name(name):  # nothing else is stored, and databases cannot even look for some of it
            return rows.get(name=name)
    except AppImage.DoesNotExist:
        pass
    raise AppImageMissing(name)


def checked_name(name: str) -> str:
    """Raises `InvalidInput` for what is no name of an AppImage."""
    if not is_name(name):
        rule = _(
            "At most 63 small letters a-z, digits, “-” and “.”; each part between dots begins and ends with a letter "
            "or digit. For example secretflow-image"
        )
        raise InvalidInput({"name": rule})
    return name


def _fill(row: AppImage, document: Mapping[str, Any]) -> None:
    row.document = _storable(document)
    columns = image_columns(row.document)
    row.image_name, row.image_tag = columns["image_name"], columns["image_tag"]


def _storable(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document as it reads back. Raises `InvalidInput` for what no database stores."""
    try:
        text = json.dumps(document, ensure_ascii=False, allow_nan=False)
        size = len(text.encode())
    except ValueError:  # half a surrogate pair, or a number that is none
        raise InvalidInput({"document": _("It holds a character or a number that cannot be stored.")}) from None
    if size > LARGEST_DOCUMENT:
        rule = _("An AppImage may take up %(limit)s bytes; this one has %(size)s.")
        raise InvalidInput({"document": rule % {"limit": LARGEST_DOCUMENT, "size": size}})
    stored: dict[str, Any] = json.loads(text)
    return stored


def _version(row: AppImage, author: Any, how: str) -> AppImageVersion:
    """What is kept of the present document, and of who made it."""
    return AppImageVersion(
        number=row.version,
        document=row.document,
        author_id=author.pk,
        author_name=author.get_username(),
        address=sender_address(),
        how=how,
    )


def _busy(name: str) -> Conflict:
    return Conflict(_("“%(name)s” is being changed by others at this moment. Try again.") % {"name": name})


def _changed_meanwhile(row: AppImage) -> Conflict:
    text = _("Somebody changed “%(name)s” meanwhile: it is version %(version)s now. Look at it, then try again.")
    return Conflict(text % {"name": row.name, "version": row.version}, code="version_conflict")
