"""The images that the lists of an archive name: the one of `docker save`, or the indices of an OCI archive. Pure.

Lists may name the same part any number of times, and indices each other: each part is read once, and entries are
counted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from imagelib.addresses import AddressError, ImageReference, parse
from nodes.engine import ImageInfo
from nodes.engine.answers import environment
from nodes.engine.shapes import items, mapping, text, texts

MOST_ENTRIES = 1_000  # of all lists together, as often as they are looked through
DEEPEST = 3  # indices within indices
_LONGEST = 1 << 17


@dataclass(frozen=True, slots=True)
class ArchivedImage:
    """One image of an archive. `names` are references as they stand there; `paths` lead to an OCI image's parts."""

    info: ImageInfo
    names: tuple[str, ...]
    paths: tuple[str, tuple[str, ...]] | None = None  # configuration and layers

    def is_named(self, reference: ImageReference) -> bool:
        return any(_canonical(name) == reference.canonical for name in self.names)


@dataclass(frozen=True, slots=True)
class _Entry:
    """Of an index."""

    path: str
    names: tuple[str, ...]
    is_image: bool


@dataclass(frozen=True, slots=True)
class _Manifest:
    config: str
    layers: tuple[str, ...]


class Listing:
    """Raises ValueError for lists that are none. `glance` is called for each entry, and may raise."""

    def __init__(self, files: Mapping[str, bytes], *, glance: Callable[[], None]) -> None:
        self._files, self._glance = files, glance
        self._entries = 0
        self._infos: dict[str, ImageInfo] = {}
        self._parts: dict[str, tuple[_Entry, ...] | _Manifest] = {}
        self._visited: set[tuple[str, tuple[str, ...]]] = set()

    def images(self) -> list[ArchivedImage]:
        if "manifest.json" in self._files:
            return list(self._docker_images())
        return list(self._members("index.json", (), depth=DEEPEST)) if "index.json" in self._files else []

    def _docker_images(self) -> Iterator[ArchivedImage]:
        for entry in map(mapping, items(json.loads(self._files["manifest.json"]))):
            self._count()
            yield ArchivedImage(self._info(text(entry.get("Config"), _LONGEST)), texts(entry.get("RepoTags")))

    def _members(self, path: str, names: tuple[str, ...], *, depth: int) -> Iterator[ArchivedImage]:
        """The images of an index, or the one of a manifest; an index of an index inherits its names."""
        part = self._part(path)
        if isinstance(part, _Manifest):
            yield ArchivedImage(self._info(part.config), names, (part.config, part.layers))
            return
        if depth < 0 or (path, names) in self._visited:
            return
        self._visited.add((path, names))
        for entry in part:
            self._count()
            if entry.is_image:
                yield from self._members(entry.path, entry.names or names, depth=depth - 1)

    def _count(self) -> None:
        self._glance()
        self._entries += 1
        if self._entries > MOST_ENTRIES:
            raise ValueError(f"its lists have more than {MOST_ENTRIES} entries")

    def _part(self, path: str) -> tuple[_Entry, ...] | _Manifest:
        if path not in self._parts:
            found = mapping(self._json(path))
            is_index = "manifests" in found or path == "index.json"
            self._parts[path] = _entries(found) if is_index else _manifest(found)
        return self._parts[path]

    def _info(self, path: str) -> ImageInfo:
        if path not in self._infos:
            self._infos[path] = _described(mapping(self._json(path)), self._files[path])
        return self._infos[path]

    def _json(self, path: str) -> Any:
        if path not in self._files:
            raise ValueError(f"{path or 'its configuration'} is missing")
        return json.loads(self._files[path])


def _entries(index: Mapping[str, Any]) -> tuple[_Entry, ...]:
    """No more than are looked at."""
    return tuple(
        _Entry(
            path=_blob(entry.get("digest")),
            names=_names(mapping(entry.get("annotations"))),
            is_image=text(mapping(entry.get("platform")).get("os")) != "unknown",  # else what builders attest
        )
        for entry in map(mapping, items(index.get("manifests"))[: MOST_ENTRIES + 1])
    )


def _manifest(found: Mapping[str, Any]) -> _Manifest:
    layers = (_blob(mapping(layer).get("digest")) for layer in items(found.get("layers")))
    return _Manifest(_blob(mapping(found.get("config")).get("digest")), tuple(layers))


def _names(annotations: Mapping[str, Any]) -> tuple[str, ...]:
    names = (annotations.get(key) for key in ("io.containerd.image.name", "org.opencontainers.image.ref.name"))
    return texts([name for name in names if name])


def _blob(digest: Any) -> str:
    algorithm, _, hexadecimal = text(digest, 200).partition(":")
    return f"blobs/{algorithm}/{hexadecimal}"


def _described(config: Mapping[str, Any], content: bytes) -> ImageInfo:
    """The image of a configuration file."""
    runs = mapping(config.get("config"))
    return ImageInfo(
        id="sha256:" + hashlib.sha256(content).hexdigest(),
        repo_tags=(),
        repo_digests=(),
        size=0,
        os=text(config.get("os")),
        architecture=text(config.get("architecture")),
        variant=text(config.get("variant")),
        diff_ids=texts(mapping(config.get("rootfs")).get("diff_ids")),
        environment=environment(runs.get("Env")),
        command=texts(runs.get("Cmd"), _LONGEST),
        entrypoint=texts(runs.get("Entrypoint"), _LONGEST),
        user=text(runs.get("User"), 1000),
    )


def _canonical(name: str) -> str:
    try:
        return parse(name).canonical
    except AddressError:
        return ""
