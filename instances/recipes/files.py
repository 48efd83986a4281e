"""The configuration files of a container, rendered: one for each mount of its deploy template."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from appimages.files import FilesError, Renderer, mounts_of, place_of
from instances.accelerator import Refused
from instances.outcome import cause_of


@dataclass(frozen=True, slots=True)
class Files:
    """`texts`: path → content; `unresolved`: path → the variables that had no value."""

    texts: Mapping[str, str]
    directories: tuple[str, ...]
    unresolved: Mapping[str, list[str]]


def files_of(container: Mapping[str, Any], renderer: Renderer, variables: Mapping[str, str]) -> Files:
    """A mount whose `subPath` names no template becomes an empty directory, as Kuscia has it. Raises `Refused`."""
    texts: dict[str, str] = {}
    directories: list[str] = []
    unresolved: dict[str, list[str]] = {}
    try:
        for place, path, key in mounts_of(container, ""):
            if key not in renderer.templates:
                directories.append(path)
                continue
            rendered = renderer.render(key, variables, place)
            texts[path] = rendered.text
            if rendered.unresolved:
                unresolved[path] = list(rendered.unresolved)
    except FilesError as error:
        raise _refused(error) from None
    return Files(texts, tuple(directories), unresolved)


def directory_of(path: str | None) -> str:
    """A working directory as engines want it, from the root; "" for the image's own."""
    if not path or not path.strip("/"):
        return (path or "")[:1]
    place = place_of(path, "")
    if place is None:
        raise Refused("bad_mount_path", path=path)
    return place


def _refused(error: FilesError) -> Refused:
    fault = error.template
    if fault is not None:
        cause = cause_of("template", fault.code, {"line": fault.line, "column": fault.column, **fault.params})
        return Refused("bad_config_template", template=error.field.removeprefix("configTemplates."), cause=cause)
    if error.code == "too_much":
        return Refused("files_too_large", most=error.params["limit"])
    return Refused(error.code, **error.params)
