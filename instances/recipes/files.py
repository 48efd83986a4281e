"""The configuration files of a container, rendered: one for each mount of its deploy template."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from appimages.files import place_of
from appimages.render import TemplateError, render
from instances.accelerator import Refused
from instances.refusal_texts import cause_of

LARGEST = 5_000_000  # characters of all files together


@dataclass(frozen=True, slots=True)
class Files:
    """`texts`: path → content; `unresolved`: path → the variables that had no value."""

    texts: Mapping[str, str]
    directories: tuple[str, ...]
    unresolved: Mapping[str, list[str]]


def files_of(container: Mapping[str, Any], config_templates: Mapping[str, str], variables: Mapping[str, str]) -> Files:
    """A mount whose `subPath` names no template becomes an empty directory, as Kuscia has it. Raises `Refused`."""
    texts: dict[str, str] = {}
    directories: list[str] = []
    unresolved: dict[str, list[str]] = {}
    for mount in container.get("configVolumeMounts") or ():
        path = _place(mount.get("mountPath") or "", container.get("workingDir") or "")
        key = _key(mount.get("subPath") or "")
        if key not in config_templates:
            directories.append(path)
            continue
        try:
            rendered = render(config_templates[key], variables)
        except TemplateError as error:
            place = {"line": error.line, "column": error.column}
            cause = cause_of("template", error.code, {**place, **error.params})
            raise Refused("bad_config_template", template=key, cause=cause) from None
        texts[path] = rendered.text
        if rendered.unresolved:
            unresolved[path] = list(rendered.unresolved)
    if sum(map(len, texts.values())) > LARGEST:
        raise Refused("files_too_large", most=LARGEST)
    return Files(texts, tuple(directories), unresolved)


def directory_of(path: str | None) -> str:
    """A working directory as engines want it, from the root; "" for the image's own."""
    return _place(path, "") if path and path.strip("/") else (path or "")[:1]


def _place(path: str, working_dir: str) -> str:
    place = place_of(path, working_dir)
    if place is None:
        raise Refused("bad_mount_path", path=path)
    return place


def _key(sub_path: str) -> str:
    if sub_path.startswith("/") or ".." in sub_path.split("/"):
        raise Refused("bad_sub_path", path=sub_path)
    return sub_path
