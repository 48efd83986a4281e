"""Reading the documents of a registry: manifests, indexes, image configs. Bytes in, values out, no network."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import RegistryError
from .types import Blob, ImageConfig, Platform

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
# All four must be accepted: otherwise a registry converts to schema 1, which has no sizes and another digest.
ACCEPT = ", ".join((OCI_INDEX, DOCKER_LIST, OCI_MANIFEST, DOCKER_MANIFEST))

_INDEX_TYPES = frozenset({OCI_INDEX, DOCKER_LIST})
# What engines take for the config of an image. Old hub clients wrote octet-stream, some registries nothing.
_CONFIG_TYPES = frozenset(
    {
        "application/vnd.docker.container.image.v1+json",
        "application/vnd.oci.image.config.v1+json",
        "application/octet-stream",
        "",
    }
)
_DIGEST = re.compile(r"(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})")


@dataclass(frozen=True, slots=True)
class IndexEntry:
    digest: str
    platform: Platform | None


@dataclass(frozen=True, slots=True)
class Index:
    """An image for several platforms. Attestations and nested indexes are left out: no engine runs them."""

    media_type: str
    entries: tuple[IndexEntry, ...]


@dataclass(frozen=True, slots=True)
class ImageManifest:
    """An image for one platform."""

    media_type: str
    config: Blob
    layers: tuple[Blob, ...]
    sizes_known: bool


def is_digest(text: str) -> bool:
    return _DIGEST.fullmatch(text) is not None


def digest_of(body: bytes, *, like: str = "sha256:") -> str:
    """Digest of `body` with the algorithm of the digest `like`."""
    algorithm = "sha512" if like.startswith("sha512:") else "sha256"
    return f"{algorithm}:{hashlib.new(algorithm, body).hexdigest()}"


def check_digest(body: bytes, expected: str) -> str:
    """`expected`, when it is the digest of `body`; else `registry_digest_mismatch`."""
    actual = digest_of(body, like=expected)
    if actual != expected:
        raise RegistryError("registry_digest_mismatch", f"expected {expected[:150]}, got {actual}")
    return actual


def parse_manifest(body: bytes, content_type: str = "") -> Index | ImageManifest:
    """Read a manifest or an index; `content_type` is only asked where the document does not name its own type."""
    document = parse_json(body)
    media_type = _text(document.get("mediaType")) or content_type.split(";")[0].strip()
    if document.get("schemaVersion") == 1 or "fsLayers" in document:
        raise RegistryError("schema1_unsupported", f"schemaVersion 1, {media_type or 'no media type'}")
    # A document that is both would be one image for one reader and another for the next (CVE-2021-41190).
    if "manifests" in document and ("layers" in document or "config" in document):
        raise _bad("the document is an index and a manifest at once")
    if "manifests" in document:
        return _index(document, media_type or OCI_INDEX)
    if "layers" in document:
        return _image(document, media_type or OCI_MANIFEST)
    raise _bad(f"neither a manifest nor an index: {media_type[:100] or 'no media type'}")


def parse_config(body: bytes) -> ImageConfig:
    """Read an image config: platform, uncompressed layer digests, labels."""
    document = parse_json(body)
    rootfs = document.get("rootfs")
    diff_ids = rootfs.get("diff_ids") if isinstance(rootfs, dict) else None
    if not isinstance(diff_ids, list) or not all(isinstance(item, str) for item in diff_ids):
        raise _bad("the image config has no rootfs.diff_ids")
    platform = _platform(document) or Platform("linux", "")
    return ImageConfig(platform, tuple(diff_ids), _text(document.get("created")), _labels(document.get("config")))


def _labels(config: object) -> dict[str, str]:
    labels = config.get("Labels") if isinstance(config, Mapping) else None
    if not isinstance(labels, dict):
        return {}
    return {name: value for name, value in labels.items() if isinstance(value, str)}


def parse_json(body: bytes) -> dict[str, Any]:
    """Read a JSON object; anything else, also one nested beyond reason, is a bad answer."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise _bad("the answer is not JSON") from None
    if not isinstance(document, dict):
        raise _bad("the answer is not a JSON object")
    return document


def _index(document: Mapping[str, Any], media_type: str) -> Index:
    entries = [_entry(item) for item in _objects(document["manifests"], "manifests")]
    return Index(media_type, tuple(entry for entry in entries if entry))


def _entry(item: Mapping[str, Any]) -> IndexEntry | None:
    platform = _platform(item.get("platform"))
    if _text(item.get("mediaType")) in _INDEX_TYPES or (platform and not platform.is_known):
        return None
    return IndexEntry(_blob(item, "manifest").digest, platform)


def _image(document: Mapping[str, Any], media_type: str) -> ImageManifest:
    config = document.get("config")
    if not isinstance(config, dict):
        raise _bad("the manifest has no config")
    config_type = _text(config.get("mediaType"))
    if config_type not in _CONFIG_TYPES:
        raise RegistryError("not_an_image", f"config media type {config_type[:100]}")
    items = _objects(document["layers"], "layers")
    return ImageManifest(
        media_type,
        _blob(config, "config"),
        tuple(_blob(item, "layer") for item in items),
        all(item.get("size") is not None for item in items),
    )


def _objects(value: object, name: str) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise _bad(f"{name} is not a list of objects")
    return value


def _blob(item: Mapping[str, Any], name: str) -> Blob:
    digest, size = _text(item.get("digest")), item.get("size")
    if not is_digest(digest):
        raise _bad(f"a {name} has no valid digest: {digest[:80]!r}")
    if size is None:
        return Blob(digest, 0)
    if isinstance(size, bool) or not isinstance(size, int) or size < 0:
        raise _bad(f"the {name} {digest[:19]} has no valid size")
    return Blob(digest, size)


def _platform(value: object) -> Platform | None:
    """Platform of an index entry or of a config; None when it names no architecture.

    An empty OS counts as Linux, as an engine takes it.
    """
    if not isinstance(value, Mapping) or not _text(value.get("architecture")):
        return None
    return Platform(_text(value.get("os")) or "linux", _text(value.get("architecture")), _text(value.get("variant")))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _bad(evidence: str) -> RegistryError:
    return RegistryError("registry_bad_answer", evidence)
