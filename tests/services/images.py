"""Images made without an engine: layers, configuration, manifest, index; both Docker's and OCI's media types."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tests.services.layers import BuiltLayer, LayerBuilder, LayerSpec

__all__ = ["BuiltBlob", "BuiltImage", "BuiltIndex", "BuiltLayer", "ImageSpec", "ImageStore", "IndexSpec", "LayerSpec"]

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"

_CREATED = "2024-01-01T00:00:00Z"

Damage = Literal["", "missing", "corrupt"]


@dataclass(frozen=True)
class ImageSpec:
    """An image to build. `damage` befalls the blob of the last layer, in the registry."""

    repository: str
    tag: str = "1"
    layers: tuple[LayerSpec, ...] = ()
    platform: str = "linux/amd64"
    oci: bool = False
    busybox: bool = True  # a first layer in which a container can run
    glibc: bool = False  # another one, with the C library of this machine
    damage: Damage = ""
    command: tuple[str, ...] = ("sh",)
    environment: tuple[str, ...] = ("PATH=/usr/bin:/bin",)

    @classmethod
    def sized(cls, repository: str, tag: str, sizes: Sequence[int], **rest: Any) -> ImageSpec:
        """An image whose layers, after busybox, have these sizes in bytes; nobody shares them."""
        layers = (LayerSpec(f"{repository}:{tag}-{number}", size) for number, size in enumerate(sizes))
        return cls(repository, tag, tuple(layers), **rest)


@dataclass(frozen=True)
class IndexSpec:
    """An index (OCI) or manifest list (Docker) of images for several platforms."""

    repository: str
    tag: str
    members: tuple[ImageSpec, ...]
    oci: bool = True


@dataclass(frozen=True)
class BuiltBlob:
    """A blob in a registry, by digest; size in bytes."""

    digest: str
    size: int


@dataclass(frozen=True)
class BuiltImage:
    """An image as the registry has it."""

    repository: str
    tag: str
    platform: str
    media_type: str
    manifest: bytes = field(repr=False)
    config: BuiltBlob
    layers: tuple[BuiltLayer, ...]
    damage: Damage = ""

    @property
    def name(self) -> str:
        return f"{self.repository}:{self.tag}"

    @property
    def digest(self) -> str:
        return _digest(self.manifest)

    @property
    def compressed_size(self) -> int:
        """Bytes of all layers as downloaded; the configuration not counted."""
        return sum(layer.size for layer in self.layers)

    @property
    def uncompressed_size(self) -> int:
        return sum(layer.uncompressed_size for layer in self.layers)


@dataclass(frozen=True)
class BuiltIndex:
    """An index as the registry has it."""

    repository: str
    tag: str
    media_type: str
    manifest: bytes = field(repr=False)
    members: tuple[BuiltImage, ...]

    @property
    def name(self) -> str:
        return f"{self.repository}:{self.tag}"

    @property
    def digest(self) -> str:
        return _digest(self.manifest)

    def for_platform(self, platform: str) -> BuiltImage:
        return next(image for image in self.members if image.platform == platform)


class ImageStore:
    """Builds images; blobs lie as files in one directory, named by the hex of their digest."""

    def __init__(self, directory: Path) -> None:
        self._builder = LayerBuilder(directory)

    def blob_path(self, digest: str) -> Path:
        return self._builder.blob_path(digest)

    def build(self, spec: ImageSpec | IndexSpec) -> BuiltImage | BuiltIndex:
        """Build, or find built, what the specification says."""
        if isinstance(spec, ImageSpec):
            return self.build_image(spec)
        members = tuple(self.build_image(member) for member in spec.members)
        media_type = OCI_INDEX if spec.oci else DOCKER_LIST
        manifests = [_descriptor(member) for member in members]
        manifest = _json({"schemaVersion": 2, "mediaType": media_type, "manifests": manifests})
        return BuiltIndex(spec.repository, spec.tag, media_type, manifest, members)

    def build_image(self, spec: ImageSpec) -> BuiltImage:
        """One image for one platform."""
        base = [self._builder.busybox()] if spec.busybox else []
        base += [self._builder.glibc()] if spec.glibc else []
        layers = (*base, *(self._builder.layer(layer) for layer in spec.layers))
        config = self._put(_json(_configuration(spec, layers)))
        media_type = OCI_MANIFEST if spec.oci else DOCKER_MANIFEST
        manifest = _json(
            {
                "schemaVersion": 2,
                "mediaType": media_type,
                "config": _blob(OCI_CONFIG if spec.oci else DOCKER_CONFIG, config.digest, config.size),
                "layers": [
                    _blob(OCI_LAYER if spec.oci else DOCKER_LAYER, layer.digest, layer.size) for layer in layers
                ],
            }
        )
        return BuiltImage(spec.repository, spec.tag, spec.platform, media_type, manifest, config, layers, spec.damage)

    def _put(self, data: bytes) -> BuiltBlob:
        digest = _digest(data)
        self.blob_path(digest).write_bytes(data)
        return BuiltBlob(digest, len(data))


def _configuration(spec: ImageSpec, layers: Iterable[BuiltLayer]) -> dict[str, Any]:
    diff_ids = [layer.diff_id for layer in layers]
    return {
        **_platform(spec.platform),
        "created": _CREATED,
        "config": {"Env": list(spec.environment), "Cmd": list(spec.command), "WorkingDir": "/"},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": [{"created": _CREATED, "created_by": f"layer {number}"} for number in range(len(diff_ids))],
    }


def _descriptor(image: BuiltImage) -> dict[str, Any]:
    descriptor = _blob(image.media_type, image.digest, len(image.manifest))
    return {**descriptor, "platform": _platform(image.platform)}


def _platform(platform: str) -> dict[str, str]:
    names = ("os", "architecture", "variant")
    return dict(zip(names, platform.split("/"), strict=False))


def _blob(media_type: str, digest: str, size: int) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest, "size": size}


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
