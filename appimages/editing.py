"""An AppImage as somebody edits it: Kuscia's YAML, checked as it is typed, and the same through single fields."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext as _

from appimages.exporting import export_yaml
from appimages.file_imports import read_or_refuse
from appimages.importing import FoundAppImage, InstallValues
from appimages.models import AppImage
from appimages.notice_texts import notice_text
from appimages.schema import Document
from appimages.services import checked_name, create_app_image, update_app_image
from core.document_texts import FileRefused, worded

IMAGE_FIELDS: Final = ("name", "tag", "id", "sign")

_SKELETON: Final[Document] = {
    "image": {"name": "secretflow/app", "tag": "v1"},
    "configTemplates": {"app.conf": '{"task": "{{.TASK_ID}}"}\n'},
    "deployTemplates": [
        {
            "name": "app",
            "replicas": 1,
            "spec": {
                "restartPolicy": "Never",
                "containers": [
                    {
                        "name": "app",
                        "command": ["sh"],
                        "args": ["-c", "cat conf/app.conf"],
                        "workingDir": "/app",
                        "configVolumeMounts": [{"mountPath": "conf/app.conf", "subPath": "app.conf"}],
                    }
                ],
            },
        }
    ],
}


@dataclass(frozen=True, slots=True)
class Edited:
    name: str
    document: Document
    warnings: list[dict[str, Any]]


def skeleton() -> str:
    """Something to begin with."""
    return export_yaml([("my-app", _SKELETON)])


def read_edited(text: str, *, row: AppImage | None) -> Edited:
    """The one AppImage of the text, which keeps the name of `row`. Raises `FileRefused` with all that is wrong."""
    found = read_or_refuse(text.encode("utf-8", "surrogatepass"), InstallValues())
    first = found.app_images[0]
    if len(found.app_images) > 1:
        raise _refused(
            found.app_images[1], _("One AppImage is edited at a time. Import files of several, for example.")
        )
    if row is not None and first.name != row.name:
        rule = _("The name stays %(name)s, for what uses it knows it by that. Create another one, for example.")
        raise _refused(first, rule % {"name": row.name}, field="metadata.name")
    return Edited(first.name, first.document, worded(found.warnings, notice_text))


def with_image(edited: Edited, image: Mapping[str, str]) -> str:
    """The text with another image. Comments get lost: the text is written anew."""
    document = copy.deepcopy(edited.document)
    document["image"] |= {name: image[name] for name in IMAGE_FIELDS if name in image}
    for name in ("id", "sign"):
        if not document["image"].get(name):
            document["image"].pop(name, None)
    return export_yaml([(edited.name, document)])


def save_edited(edited: Edited, *, row: AppImage | None, version: int, author: Any) -> AppImage:
    """Raises `Conflict` if somebody else was faster."""
    if row is None:
        return create_app_image(name=checked_name(edited.name), document=edited.document, author=author)
    return update_app_image(name=row.name, change=lambda _old: edited.document, author=author, expected_version=version)


def _refused(found: FoundAppImage, message: str, *, field: str = "") -> FileRefused:
    return FileRefused([{"document": found.number, "line": found.line, "field": field, "message": message}])
