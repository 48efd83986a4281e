"""Importing a repository of applications: all of them are created or changed, or none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from builds.application_texts import packing_error_text
from builds.layout_texts import notice_text
from builds.layouts import FoundApplication, Layout, find_applications
from builds.models import Application, SourceKind
from builds.packing import PackingError, unpack
from builds.services.applications import create_application, update_application
from builds.trees import Entry
from core.document_texts import FileRefused, worded
from core.documents import Notice
from core.errors import Conflict, InvalidInput
from core.examples import example_for, with_example
from core.fields import Secret
from imagelib.addresses import EndpointAddress, endpoint_or_none
from imagelib.models import RegistryEndpoint


@dataclass(frozen=True, slots=True)
class Imported:
    """Names; those of `updated` existed. Warnings are `{document, line, field, message}`, the field being a file."""

    created: list[str]
    updated: list[str]
    warnings: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Repository:
    """Where the files stay, if they are not taken over."""

    url: str
    branch: str
    username: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class _Target:
    registry: RegistryEndpoint
    namespace: str


def import_archive(*, user: Any, data: bytes, target_registry: RegistryEndpoint | None = None) -> Imported:
    """Of a ZIP or TAR archive. Raises `FileRefused` with everything that is wrong; then nothing is stored."""
    try:
        entries = unpack(data)
    except PackingError as error:
        raise InvalidInput({"file": packing_error_text(error)}) from None
    return import_repository(user=user, entries=entries, target_registry=target_registry)


def import_repository(
    *,
    user: Any,
    entries: Sequence[Entry],
    target_registry: RegistryEndpoint | None = None,
    repository: Repository | None = None,
    seen: Sequence[dict[str, Any]] = (),
) -> Imported:
    """The applications of a repository. With `repository` they stay there; else their files are copied.

    `target_registry` is for images whose own registry has no endpoint here; `seen`: warnings of whoever read the
    entries. Raises `FileRefused`, also with all warnings: they may say why.
    """
    layout = find_applications(entries)
    if layout.errors:
        raise FileRefused(worded(layout.errors, notice_text), [*worded(layout.warnings, notice_text), *seen])
    created: list[str] = []
    updated: list[str] = []
    faults: list[dict[str, Any]] = []
    endpoints = list(RegistryEndpoint.objects.order_by("pk"))
    with transaction.atomic():
        known = {row.name: row for row in Application.objects.select_related("owner")}
        for found in layout.applications:
            old = known.get(found.name)
            if old is not None and not (user.is_staff or old.owner_id == user.pk):
                faults += worded([Notice("not_yours", path=found.path, params={"name": found.name})], notice_text)
                continue
            target = _target(found, endpoints, target_registry, layout)
            if target is None:
                registry = found.workflow.target_registry if found.workflow else ""
                code = "registry_unknown" if registry else "registry_unsaid"
                faults += worded([Notice(code, path=found.path, params={"registry": registry})], notice_text)
                continue
            try:
                with transaction.atomic():
                    changed = _store(user, found, old, target, repository)
            except (InvalidInput, Conflict) as error:
                faults.append({"document": None, "line": None, "field": found.path, "message": _told(error)})
                continue
            if changed:
                (updated if old else created).append(found.name)
        warnings = [*worded(layout.warnings, notice_text), *seen]
        if faults:
            raise FileRefused(faults, warnings)
    return Imported(created, updated, warnings)


def _store(
    user: Any, found: FoundApplication, old: Application | None, target: _Target, repository: Repository | None
) -> bool:
    """Whether anything is different now."""
    values = {**_base_of(found), "target_registry": target.registry}
    if found.workflow:  # else it stays, and a new application goes where its owner may push
        values["target_namespace"] = target.namespace
    files = None if repository else found.files
    if repository:
        values |= {
            "git_url": repository.url,
            "git_branch": repository.branch,
            "git_path": found.path,
        }
        if repository.username or repository.password:  # none: what is stored stays
            values |= {"git_username": repository.username, "git_password": repository.password}
    elif old is not None and old.source == SourceKind.GIT:
        values["git_url"] = ""
    if old is None:
        create_application(user=user, values={**values, "name": found.name}, files=files, programs=found.programs)
        return True
    row = update_application(user=user, application=old, values=values, files=files, programs=found.programs)
    return row.version != old.version or any(_plain(row, name) != _plain(old, name) for name in values)


def _plain(row: Application, name: str) -> Any:
    value = getattr(row, name)
    return value.reveal() if isinstance(value, Secret) and value.readable() else value


def _told(error: InvalidInput | Conflict) -> str:
    if isinstance(error, Conflict):
        return str(error)
    told = [(name, with_example(text, example_for(name))) for name, texts in error.fields.items() for text in texts]
    return "; ".join(f"{name}: {text}" for name, text in told)


def _base_of(found: FoundApplication) -> dict[str, Any]:
    if found.workflow:
        names = ("base_registry", "base_namespace", "base_image", "base_tag", "suffix")
        return {name: getattr(found.workflow, name) for name in names}
    assert found.base is not None  # a layout has no application without one of the two
    namespace, _, image = found.base.repository.rpartition("/")
    return {
        "base_registry": found.base.host,
        "base_namespace": namespace,
        "base_image": image,
        "base_tag": found.base.tag or "latest",
    }


def _target(
    found: FoundApplication, endpoints: Sequence[RegistryEndpoint], chosen: RegistryEndpoint | None, layout: Layout
) -> _Target | None:
    """The endpoint of the workflow's registry with the longest namespace; else the chosen one, or the default."""
    wanted = found.workflow.target_registry if found.workflow else ""
    namespace = found.workflow.target_namespace if found.workflow else ""
    best: tuple[int, _Target] | None = None
    for row in endpoints:
        address = endpoint_or_none(row.endpoint)
        rest = _below(address, wanted, namespace) if address and wanted else None
        if address and rest is not None and (best is None or len(address.segments) > best[0]):
            best = len(address.segments), _Target(row, rest)
    if best:
        return best[1]
    usual = chosen or next((row for row in endpoints if row.is_default), None)
    if usual is None:
        return None
    if wanted:
        params = {"registry": wanted, "used": usual.name}
        layout.warnings.append(Notice("registry_replaced", path=found.path, params=params))
    return _Target(usual, namespace)


def _below(address: EndpointAddress, host: str, namespace: str) -> str | None:
    """What is left of the namespace below the endpoint's own; None if it is not there."""
    parts = [part for part in namespace.split("/") if part]
    if address.host != host.lower() or parts[: len(address.segments)] != address.segments:
        return None
    return "/".join(parts[len(address.segments) :])
