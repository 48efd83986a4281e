"""An AppImage as somebody edits it: Kuscia's YAML, checked as it is typed, and the same through single fields."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from appimages.exporting import export_yaml
from appimages.file_imports import read_or_refuse
from appimages.importing import FoundAppImage, InstallValues
from appimages.models import AppImage
from appimages.notice_texts import notice_text
from appimages.schema import Document
from appimages.services import checked_name, create_app_image, update_app_image
from core.document_texts import FileRefused, worded

_ALWAYS: Final = ("image.name", "image.tag")  # there even when they are empty

_CHOICES: Final = {
    "restartPolicy": ("Always", "OnFailure", "Never"),
    "imagePullPolicy": ("Always", "IfNotPresent", "Never"),
}
_HINTS: Final = {
    "id": gettext_lazy("Empty: not compared with the image on the node."),
    "role": gettext_lazy("For example server,client. Empty: for every role."),
}

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


def fields_of(document: Document) -> list[dict[str, Any]]:
    """What is edited in fields of its own: `{path, group, label, value, hint, choices}`, all text; without choices any
    value may do."""
    return [
        {
            "path": place.path,
            "group": place.group,
            "label": place.label,
            "value": str(place.holder.get(place.key, "")),
            "hint": str(_HINTS.get(place.key, "")),
            "choices": _CHOICES.get(place.key, ()),
        }
        for place in _places(document)
    ]


def with_fields(edited: Edited, values: Mapping[str, str]) -> str:
    """The text with other values, by path. Comments get lost: the text is written anew."""
    document = copy.deepcopy(edited.document)
    for place in list(_places(document)):
        value = values.get(place.path)
        if value is None:
            continue
        if value or place.path in _ALWAYS:
            place.holder[place.key] = int(value) if place.key == "replicas" and _is_small(value) else value
        else:
            place.holder.pop(place.key, None)
    return export_yaml([(edited.name, document)])


@dataclass(frozen=True, slots=True)
class _Place:
    path: str
    group: str
    label: str
    holder: dict[str, Any]
    key: str


def _places(document: Document) -> Iterator[_Place]:
    labels = {"name": _("Name"), "tag": _("Tag"), "id": _("Image id"), "sign": _("Signature")}
    for key, label in labels.items():
        yield _Place(f"image.{key}", _("Image"), label, document["image"], key)
    for number, template in enumerate(document["deployTemplates"]):
        path = f"deployTemplates.{number}"
        group = _("Deploy template %(number)s: %(name)s") % {"number": number + 1, "name": template["name"]}
        yield _Place(f"{path}.role", group, _("Role"), template, "role")
        yield _Place(f"{path}.replicas", group, _("Replicas"), template, "replicas")
        yield _Place(f"{path}.restartPolicy", group, _("Restart policy"), template["spec"], "restartPolicy")
        for position, container in enumerate(template["spec"]["containers"]):
            label = _("%(name)s: working directory") % {"name": container["name"]}
            yield _Place(f"{path}.{position}.workingDir", group, label, container, "workingDir")
            label = _("%(name)s: pull policy") % {"name": container["name"]}
            yield _Place(f"{path}.{position}.imagePullPolicy", group, label, container, "imagePullPolicy")


def _is_small(text: str) -> bool:
    """Digits that are a number; anything else stays text, and is refused as such."""
    return text.isascii() and text.isdigit() and len(text) <= 9


def save_edited(edited: Edited, *, row: AppImage | None, version: int, author: Any) -> AppImage:
    """Raises `Conflict` if somebody else was faster."""
    if row is None:
        return create_app_image(name=checked_name(edited.name), document=edited.document, author=author)
    return update_app_image(name=row.name, change=lambda _old: edited.document, author=author, expected_version=version)


def _refused(found: FoundAppImage, message: str, *, field: str = "") -> FileRefused:
    return FileRefused([{"document": found.number, "line": found.line, "field": field, "message": message}])
