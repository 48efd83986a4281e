"""Values that the registry client takes and returns. Sizes are compressed bytes, as they travel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

UNKNOWN = "unknown"  # build tools give attestation manifests the platform unknown/unknown


@dataclass(frozen=True, slots=True)
class Platform:
    """What an image runs on, in Go's spelling: `linux/amd64`, `linux/arm64/v8`."""

    os: str
    architecture: str
    variant: str = ""

    @classmethod
    def parse(cls, text: str) -> Platform:
        """Read `os/architecture[/variant]`; ValueError for anything else."""
        parts = text.strip().split("/")
        if len(parts) not in (2, 3) or not all(parts):
            raise ValueError(f"not a platform (os/architecture[/variant]): {text!r}")
        return cls(*parts)

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)

    @property
    def is_known(self) -> bool:
        return UNKNOWN not in (self.os, self.architecture)


@dataclass(frozen=True, slots=True)
class Blob:
    """One stored part of an image: a layer or the config. `size` is 0 when the manifest does not say."""

    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """One image for one platform.

    `digest` is the digest of the document that the reference names: the index's, when the reference leads to an
    index. This is the one that engines report in RepoDigests after a pull and that a pull must be checked against.
    `manifest_digest` is the digest of the chosen platform's own manifest; both are equal when there is no index.
    """

    digest: str
    manifest_digest: str
    media_type: str  # of the platform's own manifest
    layers: tuple[Blob, ...]  # bottom first; the same layer may occur more than once
    config: Blob
    platform: Platform | None = None  # None: no index says it; `RegistryClient.image_config` does
    sizes_known: bool = True  # False when a layer carries no size: totals are then "at least"

    @property
    def distinct_layers(self) -> tuple[Blob, ...]:
        """The layers in order, each once: what an engine downloads."""
        return distinct(self.layers)

    @property
    def layers_size(self) -> int:
        """Bytes to download for an engine that has none of the layers; the config is not counted."""
        return sum(layer.size for layer in self.distinct_layers)


@dataclass(frozen=True, slots=True)
class ImageDescription:
    """What a registry says of a reference, without pulling it.

    `platforms` lists all that the image is offered for. `manifests` holds those that were read, each with its
    platform; a platform whose manifest is not in the registry (a partly copied image) is missing from it.
    """

    digest: str
    media_type: str
    platforms: tuple[Platform, ...]
    manifests: tuple[Manifest, ...]


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """The part of an image's config that tells where it runs, which layers a node already has, and whence it comes."""

    platform: Platform
    diff_ids: tuple[str, ...]  # digests of the uncompressed layers, bottom first
    created: str = ""  # as it says itself, RFC 3339
    labels: Mapping[str, str] = field(default_factory=dict)


def distinct(blobs: Iterable[Blob]) -> tuple[Blob, ...]:
    """The blobs in order, each digest once."""
    return tuple({blob.digest: blob for blob in blobs}.values())
