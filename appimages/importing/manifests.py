"""From a document of a file to the AppImages in it: `kind: AppImage`, or a list of them, as kubectl prints both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from appimages.importing.placeholders import InstallValues, Kind, Placeholders
from appimages.names import is_name
from appimages.schema import Document, DocumentError, read_document
from core.documents import Location, Notice, Tree, path_of

GROUP = "kuscia.secretflow"
VERSION = "v1alpha1"
KIND = "AppImage"
_LISTS = {"List", f"{KIND}List"}
_KEYS = {"apiVersion", "kind", "metadata", "spec", "status"}
# What a cluster adds, which means nothing anywhere else.
_OF_THE_SERVER = {
    "uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink", "deletionTimestamp",
    "deletionGracePeriodSeconds", "ownerReferences", "finalizers", "generateName",
}  # fmt: skip
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


@dataclass(frozen=True, slots=True)
class FoundAppImage:
    name: str
    document: Document
    number: int  # of the document in the file
    line: int | None


@dataclass(frozen=True, slots=True)
class Manifest:
    """One resource of a file; `at` leads to it."""

    value: Any
    at: Location
    tree: Tree

    def notice(self, code: str, at: Location = (), **params: Any) -> Notice:
        whole = (*self.at, *at)
        return Notice(code, self.tree.number, self.tree.line(whole), path_of(whole), params)


def manifests_of(tree: Tree) -> Iterator[Manifest]:
    """The document itself, or the items if it is a list."""
    whole = Manifest(tree.value, (), tree)
    items = tree.value.get("items") if isinstance(tree.value, dict) else None
    if isinstance(items, list) and tree.value.get("kind") in _LISTS:
        yield from (Manifest(item, ("items", index), tree) for index, item in enumerate(items))
    else:
        yield whole


class ManifestReader:
    """Collects what is wrong and what deserves a warning over all manifests of a file."""

    def __init__(self, placeholders: Placeholders, values: InstallValues) -> None:
        self.errors: list[Notice] = []
        self.warnings: list[Notice] = []
        self.used: set[Kind] = set()
        self._placeholders, self._values = placeholders, values

    def read(self, manifest: Manifest) -> FoundAppImage | None:
        """None if it is wrong: then `errors` say why."""
        raw = manifest.value
        if not isinstance(raw, dict):
            self.errors.append(manifest.notice("no_object"))
            return None
        if fault := _kind_fault(manifest):
            self.errors.append(fault)
            return None
        self._warn_of_lost_keys(manifest)
        missing: set[str] = set()
        raw = self._with_values(raw, missing)
        if missing:
            self.errors.append(manifest.notice("value_missing", placeholders=", ".join(sorted(missing))))
            return None
        name = self._name(manifest, raw)
        document = self._document(manifest, raw)
        if name is None or document is None:
            return None
        return FoundAppImage(name, document, manifest.tree.number, manifest.tree.line(manifest.at))

    def _with_values(self, raw: dict[str, Any], missing: set[str]) -> dict[str, Any]:
        """Only what an installation needs is filled in: config templates are rendered later, by others."""
        wanted = {key: raw[key] for key in ("metadata", "spec") if key in raw}
        spec = raw.get("spec")
        templates: dict[str, Any] = {}
        if isinstance(spec, dict) and "configTemplates" in spec:
            templates = {"configTemplates": self._placeholders.restored(spec["configTemplates"])}
            wanted["spec"] = {key: value for key, value in spec.items() if key not in templates}
        filled: dict[str, Any] = self._placeholders.filled(wanted, self._values, missing=missing, used=self.used)
        if templates:
            filled["spec"] |= templates
        return filled

    def _name(self, manifest: Manifest, raw: dict[str, Any]) -> str | None:
        metadata = raw.get("metadata")
        name = metadata.get("name") if isinstance(metadata, dict) else None
        if isinstance(name, str) and is_name(name):
            return str.__str__(name)
        self.errors.append(manifest.notice("name" if name else "name_missing", ("metadata", "name")))
        return None

    def _document(self, manifest: Manifest, raw: dict[str, Any]) -> Document | None:
        if "spec" not in raw:
            self.errors.append(manifest.notice("missing", ("spec",)))
            return None
        try:
            document, warnings = read_document(raw["spec"], strict=False)
        except DocumentError as error:
            self.errors += [manifest.notice(item.code, ("spec", *item.at), **item.params) for item in error.findings]
            return None
        self.warnings += [manifest.notice(item.code, ("spec", *item.at), **item.params) for item in warnings]
        return document

    def _warn_of_lost_keys(self, manifest: Manifest) -> None:
        raw = manifest.value
        self.warnings += [manifest.notice("unknown_key", (key,)) for key in raw if key not in _KEYS]
        metadata = raw.get("metadata")
        if not isinstance(metadata, dict):
            return
        for key, value in metadata.items():
            if key == "annotations" and isinstance(value, dict) and set(value) <= {_LAST_APPLIED}:
                continue
            if key not in _OF_THE_SERVER and key != "name" and value:
                self.warnings.append(manifest.notice("metadata_dropped", ("metadata", key)))


def _kind_fault(manifest: Manifest) -> Notice | None:
    raw = manifest.value
    kind, version = raw.get("kind"), raw.get("apiVersion")
    if kind != KIND:
        return manifest.notice("kind", ("kind",), kind=_shown(kind))
    if not isinstance(version, str) or version.partition("/")[0] != GROUP:
        return manifest.notice("api_version", ("apiVersion",), version=_shown(version))
    return None


def _shown(value: Any) -> str:
    return value[:80] if isinstance(value, str) else ""
