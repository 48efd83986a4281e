"""Importing the registries of a Kuscia configuration: all of them become registry endpoints, or none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from core.document_texts import FileRefused, file_text, worded
from core.documents import FileError, Notice, path_of
from core.errors import InvalidInput
from core.operators import require_operator
from imagelib.addresses import endpoint_or_none
from imagelib.kuscia_config import ConfiguredRegistry, RegistryConfig, read_config
from imagelib.models import RegistryEndpoint
from imagelib.services import free_endpoint_name, save_endpoint

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

_ADDRESS_TWICE = _("Another registry of the file has this address. Delete one, for example the second.")
_TEXTS: dict[str, _StrPromise] = {
    "no_mapping": _(
        "Keys with values are wanted here, for example image: {{defaultRegistry: private, registries: […]}}."
    ),
    "registries_list": _(
        "A list is wanted here, for example registries: [{{name: private, endpoint: registry.example.com/team}}]."
    ),
    "no_registry": _(
        "Each registry has keys with values, for example {{name: private, endpoint: registry.example.com/team}}."
    ),
    "no_endpoint": _("Each registry needs its address, for example endpoint: registry.example.com/team."),
    "no_text": _("A text is wanted here. Write it in quotes, for example name: \"private\"."),
    "name_repeated": _("Two registries have this name. Give each a name of its own, for example private-2."),
    "no_registries": _(
        "The file names no registries, for example image: {{registries: [{{name: private, endpoint: "
        "registry.example.com/team}}]}}."
    ),
    "pull_policy": _(
        "The pull policy is not used: each AppImage has its own, for example imagePullPolicy: IfNotPresent."
    ),
    "http_proxy": _("The proxy is not used: engines pull by themselves, so set it for the Docker engine of each node."),
    "half_credentials": _("User name and password are used together only, so the stored ones stay as they are."),
    "setting_ignored": _("There is no such setting of image registries, so it is left out."),
    "default_unknown": _(
        "No registry has the name of the default registry, so as in Kuscia it is the first one: {first}."
    ),
    "default_changed": _("{new} is the default registry from now on, and {old} no longer is."),
    "renamed": _("Another registry endpoint has the name already, so this one is called {name}."),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ImportedRegistries:
    created: list[str]
    updated: list[str]
    default: str
    warnings: list[dict[str, Any]]


def import_registries(*, data: bytes, user: Any) -> ImportedRegistries:
    """An endpoint of the same host and namespace is changed, another one is made; the default becomes the file's.

    Credentials that the file does not give stay as they are. Raises `FileRefused` with what is wrong; then nothing is
    stored.
    """
    require_operator(user)
    try:
        config = read_config(data)
    except FileError as error:
        raise FileRefused(worded(error.notices, _sentence)) from None
    with transaction.atomic():
        return _store(config, user)


def _store(config: RegistryConfig, user: Any) -> ImportedRegistries:
    created, updated, warnings = [], [], list(config.warnings)
    stored: dict[str, ConfiguredRegistry] = {}
    for registry in config.registries:
        with _fault_of(registry):
            row = _row_of(registry)
            existed = row.pk is not None
            if not existed:
                row.name = free_endpoint_name(registry.name)
                if row.name != registry.name:
                    warnings.append(_notice("renamed", registry, name=row.name))
            elif row.endpoint in stored:
                raise InvalidInput({"endpoint": _ADDRESS_TWICE})
            row = save_endpoint(user=user, values=_values(registry), endpoint=row)
        stored[row.endpoint] = registry
        (updated if existed else created).append(row.name)
        if registry is config.default:
            default = row
    warnings += _make_default(default, user)
    return ImportedRegistries(created, updated, default.name, worded(warnings, _sentence))


def _row_of(registry: ConfiguredRegistry) -> RegistryEndpoint:
    """The endpoint that this is about, or a new one."""
    address = endpoint_or_none(registry.endpoint)
    known = address and RegistryEndpoint.objects.select_for_update().filter(endpoint=address.prefix).first()
    return known or RegistryEndpoint()


def _values(registry: ConfiguredRegistry) -> dict[str, Any]:
    given = {"endpoint": registry.endpoint, "username": registry.username, "password": registry.password}
    return {key: value for key, value in given.items() if value is not None}


def _make_default(row: RegistryEndpoint, user: Any) -> list[Notice]:
    """The one default moves, if it has to."""
    if row.is_default:
        return []
    before = RegistryEndpoint.objects.select_for_update().filter(is_default=True).first()
    if before:
        save_endpoint(user=user, values={"is_default": False}, endpoint=before)
    save_endpoint(user=user, values={"is_default": True}, endpoint=row)
    return [Notice("default_changed", params={"new": row.name, "old": before.name})] if before else []


@contextmanager
def _fault_of(registry: ConfiguredRegistry) -> Iterator[None]:
    """What the services refuse of one registry, at its place in the file."""
    try:
        yield
    except InvalidInput as error:
        fields: Mapping[str, Any] = error.fields
    except ValidationError as error:
        fields = error.message_dict
    else:
        return
    at = {"document": None, "line": registry.line}
    raise FileRefused(
        [
            at | {"field": path_of((*registry.at, name)), "message": " ".join(map(str, texts))}
            for name, texts in fields.items()
        ]
    )


def _notice(code: str, registry: ConfiguredRegistry, **params: Any) -> Notice:
    return Notice(code, line=registry.line, path=path_of(registry.at), params=params)


def _sentence(code: str, *, path: str, params: Mapping[str, Any]) -> str:
    return str(_TEXTS[code]).format(**params) if code in _TEXTS else file_text(code, params)
