"""The configuration files of a container, rendered: one for each mount of its deploy template."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from appimages.render import TemplateError, render
from instances.accelerator import Refused

LARGEST = 5_000_000  # characters of all files together


@dataclass(frozen=True, slots=True)
class Files:
    """`texts`: path → content; `unresolved`: path → the variables that had no value."""

    texts: Mapping[str, str]
    directories: tuple[str, ...]
    unresolved: Mapping[str, tuple[str, ...]]


def files_of(container: Mapping[str, Any], config_templates: Mapping[str, str], variables: Mapping[str, str]) -> Files:
    """A mount whose `subPath` names no template becomes an empty directory, as Kuscia has it. Raises `Refused`."""
    texts: dict[str, str] = {}
    directories: list[str] = []
    unresolved: dict[str, tuple[str, ...]] = {}
    for mount in container.get("configVolumeMounts") or ():
        path = place_of(mount.get("mountPath") or "", container.get("workingDir") or "")
        key = _key(mount.get("subPath") or "")
        if key not in config_templates:
            directories.append(path)
            continue
        try:
            rendered = render(config_templates[key], variables)
        except TemplateError as error:
            raise Refused("bad_config_template", template=key, cause=error) from None
        texts[path] = rendered.text
        if rendered.unresolved:
            unresolved[path] = tuple(rendered.unresolved)
    if sum(map(len, texts.values())) > LARGEST:
        raise Refused("files_too_large", most=LARGEST)
    return Files(texts, tuple(directories), unresolved)


def place_of(path: str, working_dir: str) -> str:
    """Where a file goes: relative paths start at the working directory, or at the root without one."""
    joined = posixpath.join("/", working_dir, path)
    if not path or "\0" in joined or ".." in joined.split("/") or (clean := posixpath.normpath(joined)) == "/":
        raise Refused("bad_mount_path", path=path)
    return "/" + clean.lstrip("/")


def _key(sub_path: str) -> str:
    if sub_path.startswith("/") or ".." in sub_path.split("/"):
        raise Refused("bad_sub_path", path=sub_path)
    return sub_path
