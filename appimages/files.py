"""The configuration files that the containers of a role get: their paths, and their templates filled in. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from appimages.expansion import Expander, TooMuch, names_in
from appimages.render import SECRET_NAMES, Rendered, TemplateError, render, variables_in
from appimages.roles import choose_template

MAX_CHARACTERS: Final = 5_000_000  # of all templates and JSON that are read for one role, and of all files made of them

FilesCode = Literal[
    "bad_mount_path", "bad_sub_path", "bad_template", "too_much", "too_much_expanded", "too_many_references"
]


class FilesError(ValueError):
    """`field` is the place in the document, `params` are what the sentence needs; `template` has its own fault."""

    def __init__(self, code: FilesCode, *, field: str, template: TemplateError | None = None, **params: object) -> None:
        super().__init__(code)
        self.code = code
        self.field = field
        self.template = template
        self.params = params


@dataclass(frozen=True, slots=True)
class ConfigFile:
    container: str
    path: str  # absolute, within the container
    config_template: str
    text: str


@dataclass(frozen=True, slots=True)
class NoTemplateForMount:
    """A `subPath` that names no template: an empty directory, in Kuscia."""

    container: str
    path: str
    sub_path: str


@dataclass(slots=True)
class RoleFiles:
    deploy_template: str
    files: list[ConfigFile] = field(default_factory=list)
    directories: list[NoTemplateForMount] = field(default_factory=list)
    unresolved: dict[str, None] = field(default_factory=dict)  # an ordered set


def files_of_role(document: Mapping[str, Any], *, role: str, variables: Mapping[str, str]) -> RoleFiles:
    """All files of all containers for `role`. Raises `NoTemplate` and `FilesError`.

    Variables are the plain ones of each container's own environment, then `variables`.
    """
    template = choose_template(document, role)
    found = RoleFiles(str(template.get("name", "")))
    place = f"deployTemplates[{document['deployTemplates'].index(template)}].spec"
    renderer, expander = Renderer(document.get("configTemplates") or {}), Expander()
    for index, container in enumerate((template.get("spec") or {}).get("containers") or ()):
        where = f"{place}.containers[{index}]"
        known = _environment(container, expander, where) | {name.upper(): text for name, text in variables.items()}
        for mount, path, key in mounts_of(container, where):
            name = str(container.get("name", ""))
            if key not in renderer.templates:
                found.directories.append(NoTemplateForMount(name, path, key))
                continue
            rendered = renderer.render(key, known, mount)
            found.files.append(ConfigFile(name, path, key, rendered.text))
            found.unresolved |= dict.fromkeys(rendered.unresolved)
    return found


def variables_of_role(document: Mapping[str, Any], *, role: str) -> list[str]:
    """What the files for `role` ask for, secrets aside and templates that cannot be read. Raises `NoTemplate`."""
    containers = (choose_template(document, role).get("spec") or {}).get("containers") or ()
    templates = document.get("configTemplates") or {}
    mounted = {mount.get("subPath") for item in containers for mount in item.get("configVolumeMounts") or ()}
    found: dict[str, None] = {}
    for key in sorted(mounted & templates.keys()):
        try:
            found |= dict.fromkeys(variables_in(templates[key]))
        except TemplateError:
            continue  # filling it in tells what is wrong
    return [name for name in found if name not in SECRET_NAMES]


@dataclass(frozen=True, slots=True)
class Kept:
    """What a template became, and the values of all variables that it asks for anywhere; None: there was none."""

    rendered: Rendered
    read: Mapping[str, str | None]

    def holds(self, variables: Mapping[str, str]) -> bool:
        return all(variables.get(name) == value for name, value in self.read.items())


class Renderer:
    """Counts what is read and written: a small document may mount a large template, or one that asks for a large
    value, a thousand times."""

    def __init__(self, templates: Mapping[str, str], *, kept: dict[str, Kept] | None = None) -> None:
        """`kept`: what templates became before, which they need not become again. It is added to."""
        self.templates = templates
        self._kept = kept if kept is not None else {}
        self._left = MAX_CHARACTERS

    def render(self, key: str, variables: Mapping[str, str], place: str) -> Rendered:
        """The names of `variables` are in upper case."""
        text = self.templates[key]
        self._spend(len(text), place)
        kept = self._kept.get(key)
        rendered = kept.rendered if kept is not None and kept.holds(variables) else self._rendered(key, text, variables)
        self._spend(len(rendered.text) - len(text), place)
        self._spend(rendered.looked_at, place)
        return rendered

    def _rendered(self, key: str, text: str, variables: Mapping[str, str]) -> Rendered:
        try:
            rendered = render(text, variables)
            self._kept[key] = Kept(rendered, {name: variables.get(name) for name in variables_in(text)})
        except TemplateError as fault:
            raise FilesError("bad_template", field=f"configTemplates.{key}", template=fault) from None
        return rendered

    def _spend(self, characters: int, place: str) -> None:
        self._left -= max(characters, 0)
        if self._left < 0:
            raise FilesError("too_much", field=place, limit=MAX_CHARACTERS)


def _environment(container: Mapping[str, Any], expander: Expander, place: str) -> dict[str, str]:
    """The variables whose values stand in the document, and are made of no others than those."""
    known: dict[str, str] = {}
    elsewhere: set[str] = set()
    for index, variable in enumerate(container.get("env") or ()):
        name, text = variable["name"], variable.get("value") or ""
        if variable.get("valueFrom") or names_in(text) & elsewhere:
            elsewhere.add(name)
            known.pop(name, None)
            continue
        elsewhere.discard(name)
        try:
            known[name] = expander.expand(text, known)
        except TooMuch as error:
            raise FilesError(error.code, field=f"{place}.env[{index}].value", limit=error.limit) from None
    return {name.upper(): value for name, value in known.items()}


def mounts_of(container: Mapping[str, Any], place: str) -> Iterator[tuple[str, str, str]]:
    """Of each mount its place in the document, its path in the container and its template. Raises `FilesError`."""
    for index, mount in enumerate(container.get("configVolumeMounts") or ()):
        where = f"{place}.configVolumeMounts[{index}]"
        path = place_of(mount.get("mountPath") or "", container.get("workingDir") or "")
        if path is None:
            raise FilesError("bad_mount_path", field=f"{where}.mountPath", path=mount.get("mountPath") or "")
        key = mount.get("subPath") or ""
        if key.startswith("/") or ".." in key.split("/"):
            raise FilesError("bad_sub_path", field=f"{where}.subPath", path=key)
        yield where, path, key


def place_of(path: str, working_dir: str) -> str | None:
    """The absolute path; relative ones start at the working directory, at the root without one. None for no path."""
    joined = posixpath.join("/", working_dir, path)
    if not path or "\0" in joined or ".." in joined.split("/"):
        return None
    clean = "/" + posixpath.normpath(joined).lstrip("/")
    return None if clean == "/" else clean
