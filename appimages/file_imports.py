"""Importing a file of AppImages: all of them are created or replaced, or none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction

from appimages.importing import FileError, InstallValues, ReadFile, read_file
from appimages.models import How
from appimages.notice_texts import notice_text
from appimages.registering import split_reference
from appimages.services import checked_name, replace_app_image
from core.document_texts import FileRefused, worded
from core.errors import InvalidInput
from core.operators import require_operator
from imagelib.address_texts import address_error_text
from imagelib.addresses import AddressError


@dataclass(frozen=True, slots=True)
class Imported:
    created: list[str]
    updated: list[str]
    warnings: list[dict[str, Any]]


def install_values(*, name: str | None, image: str | None, image_id: str | None) -> InstallValues:
    """What to put in place of a template's placeholders. Raises `InvalidInput`."""
    if name is not None:
        checked_name(name)
    image_name = tag = None
    if image is not None:
        try:
            image_name, tag = split_reference(image)
        except AddressError as error:
            raise InvalidInput({"image": address_error_text(error.code, error.params)}) from None
    return InstallValues(name, image_name, tag, image_id)


def import_app_images(*, data: bytes, values: InstallValues, author: Any) -> Imported:
    """Raises `FileRefused` with everything that is wrong; then nothing is stored."""
    require_operator(author)
    found = read_or_refuse(data, values)
    created: set[str] = set()
    with transaction.atomic():
        # In the order of names, so that two imports of the same ones never wait for each other.
        for item in sorted(found.app_images, key=lambda item: item.name):
            try:
                _row, new = replace_app_image(name=item.name, document=item.document, author=author, how=How.IMPORT)
            except InvalidInput as error:
                where = {"document": item.number, "line": item.line, "field": "spec"}
                raise FileRefused([where | {"message": f"{item.name}: {error}"}]) from None
            if new:
                created.add(item.name)
    names = [item.name for item in found.app_images]
    return Imported(
        created=[name for name in names if name in created],
        updated=[name for name in names if name not in created],
        warnings=worded(found.warnings, notice_text),
    )


def read_or_refuse(data: bytes, values: InstallValues) -> ReadFile:
    """The AppImages of a file, without storing them. Raises `FileRefused`."""
    try:
        return read_file(data, values=values)
    except FileError as error:
        raise FileRefused(worded(error.notices, notice_text)) from None
