"""The image registries in a Kuscia configuration file. Pure.

Kuscia reads `image:` as a mapping; its documentation shows a list of mappings, also for the whole file. Both are taken.
The rest of such a file, which holds keys and tokens, is not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from core.documents import FileError, Location, Notice, Plain, Tree, path_of, text_of, trees_of

_IGNORED = {"pullPolicy": "pull_policy", "httpProxy": "http_proxy"}
_OF_A_REGISTRY = ("name", "endpoint", "username", "password")
MASK = "******"  # what a person may have put in place of a password
_NULLS = {"null", "Null", "NULL"}


@dataclass(frozen=True, slots=True)
class ConfiguredRegistry:
    name: str
    endpoint: str
    username: str | None
    password: str | None = field(repr=False)
    at: Location
    line: int | None


@dataclass(frozen=True, slots=True)
class RegistryConfig:
    registries: tuple[ConfiguredRegistry, ...]
    default: ConfiguredRegistry
    warnings: tuple[Notice, ...]


def read_config(data: bytes) -> RegistryConfig:
    """Raises `FileError` with everything that is wrong."""
    return _Reader(trees_of(text_of(data))).read()


class _Reader:
    def __init__(self, trees: list[Tree]) -> None:
        self._trees = trees
        self._tree = Tree(None, 0)
        self._errors: list[Notice] = []
        self._warnings: list[Notice] = []

    def read(self) -> RegistryConfig:
        registries: list[ConfiguredRegistry] = []
        default: str | None = None
        for tree in self._trees:
            self._tree = tree
            for at, key, value in self._settings():
                if key == "registries":
                    registries += self._registries(value, at)
                elif key == "defaultRegistry":
                    default = self._text(value, at)
                else:
                    self._warnings.append(self._notice(_IGNORED.get(key, "setting_ignored"), at))
        self._check_repeated(registries)
        if not registries and not self._errors:
            self._errors.append(Notice("no_registries"))
        if self._errors:
            raise FileError(self._errors)
        return RegistryConfig(tuple(registries), self._default(registries, default), tuple(self._warnings))

    def _settings(self) -> Iterator[tuple[Location, str, Any]]:
        """Everything below `image`, wherever lists of mappings stand instead of mappings."""
        for at, key, value in self._entries(self._tree.value, ()):
            if key == "image" and not _is_null(value):
                yield from self._entries(value, at)

    def _entries(self, value: Any, at: Location) -> Iterator[tuple[Location, str, Any]]:
        if isinstance(value, dict):
            yield from (((*at, key), key, item) for key, item in value.items())
        elif isinstance(value, list) and all(isinstance(item, dict) for item in value):
            for index, item in enumerate(value):
                yield from (((*at, index, key), key, inner) for key, inner in item.items())
        else:
            self._errors.append(self._notice("no_mapping", at))

    def _registries(self, value: Any, at: Location) -> Iterator[ConfiguredRegistry]:
        if _is_null(value):
            return
        if not isinstance(value, list):
            self._errors.append(self._notice("registries_list", at))
            return
        for index, item in enumerate(value):
            inner = (*at, index)
            if not isinstance(item, dict):
                self._errors.append(self._notice("no_registry", inner))
            elif registry := self._registry(item, inner):
                yield registry

    def _registry(self, item: dict[str, Any], at: Location) -> ConfiguredRegistry | None:
        self._warnings += [self._notice("setting_ignored", (*at, key)) for key in item if key not in _OF_A_REGISTRY]
        texts = {key: self._text(item.get(key), (*at, key)) for key in _OF_A_REGISTRY}
        endpoint = texts["endpoint"]
        if not endpoint:
            self._errors.append(self._notice("no_endpoint", (*at, "endpoint")))
            return None
        whole = bool(texts["username"] and texts["password"] not in (None, "", MASK))
        if not whole and (texts["username"] or texts["password"]):
            self._warnings.append(self._notice("half_credentials", at))
        return ConfiguredRegistry(
            name=texts["name"] or endpoint,
            endpoint=endpoint,
            username=texts["username"] if whole else None,
            password=texts["password"] if whole else None,
            at=at,
            line=self._tree.line(at),
        )

    def _text(self, value: Any, at: Location) -> str | None:
        if _is_null(value):
            return None
        if not isinstance(value, str):
            self._errors.append(self._notice("no_text", at))
            return None
        return str.__str__(value)

    def _check_repeated(self, registries: list[ConfiguredRegistry]) -> None:
        names: set[str] = set()
        for registry in registries:
            if registry.name in names:
                self._errors.append(Notice("name_repeated", line=registry.line, path=path_of((*registry.at, "name"))))
            names.add(registry.name)

    def _default(self, registries: list[ConfiguredRegistry], name: str | None) -> ConfiguredRegistry:
        """The one that is named; as in Kuscia the first one if there is none of that name."""
        for registry in registries:
            if registry.name == name:
                return registry
        if name:
            self._warnings.append(Notice("default_unknown", params={"first": registries[0].name}))
        return registries[0]

    def _notice(self, code: str, at: Location) -> Notice:
        return Notice(code, self._tree.number, self._tree.line(at), path_of(at))


def _is_null(value: Any) -> bool:
    return value is None or (isinstance(value, Plain) and value in _NULLS)
