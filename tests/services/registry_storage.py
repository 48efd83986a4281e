"""Puts images straight into the file storage of a registry: quicker than pushing, and damage can be done on the way.

Layout of the distribution project's filesystem driver: blobs once per registry, and per repository small files that
link to them.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.services.images import BuiltImage, BuiltIndex, ImageStore


class RegistryStorage:
    """`root` is the registry's `rootdirectory`. The registry must not cache descriptors."""

    def __init__(self, root: Path, store: ImageStore) -> None:
        self._v2 = root / "docker/registry/v2"
        self._store = store

    def put(self, built: BuiltImage | BuiltIndex) -> None:
        """Everything of the image or index, its tag last."""
        if isinstance(built, BuiltIndex):
            for member in built.members:
                self._put_image(member, built.repository)
            self._put_manifest(built.repository, built.digest, built.manifest)
        else:
            self._put_image(built, built.repository)
        self._put_tag(built.repository, built.tag, built.digest)

    def delete_tag(self, repository: str, tag: str) -> None:
        """The tag is gone, the manifest stays."""
        shutil.rmtree(self._repository(repository) / "_manifests/tags" / tag)

    def remove_blob(self, digest: str) -> None:
        """The registry still lists the blob, but cannot deliver it."""
        self._blob(digest).unlink()

    def _put_image(self, image: BuiltImage, repository: str) -> None:
        for digest in (image.config.digest, *(layer.digest for layer in image.layers)):
            self._link_blob(digest)
            _write(self._repository(repository) / "_layers" / _folder(digest) / "link", digest)
        last = image.layers[-1].digest
        if image.damage == "missing":
            self.remove_blob(last)
        if image.damage == "corrupt":
            self._corrupt(last)
        self._put_manifest(repository, image.digest, image.manifest)

    def _put_manifest(self, repository: str, digest: str, manifest: bytes) -> None:
        _write(self._blob(digest), manifest)
        _write(self._repository(repository) / "_manifests/revisions" / _folder(digest) / "link", digest)

    def _put_tag(self, repository: str, tag: str, digest: str) -> None:
        folder = self._repository(repository) / "_manifests/tags" / tag
        _write(folder / "index" / _folder(digest) / "link", digest)
        _write(folder / "current/link", digest)

    def _link_blob(self, digest: str) -> None:
        target = self._blob(digest)
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(self._store.blob_path(digest), target)

    def _corrupt(self, digest: str) -> None:
        """Change one byte in the middle; in a copy, because the built blob is shared with other registries."""
        target = self._blob(digest)
        data = bytearray(target.read_bytes())
        data[len(data) // 2] ^= 0xFF
        target.unlink()
        target.write_bytes(data)

    def _repository(self, repository: str) -> Path:
        return self._v2 / "repositories" / repository

    def _blob(self, digest: str) -> Path:
        number = digest.removeprefix("sha256:")
        return self._v2 / "blobs/sha256" / number[:2] / number / "data"


def _folder(digest: str) -> str:
    return digest.replace(":", "/")


def _write(path: Path, content: str | bytes) -> None:
    """Replace at once, so that the running registry never sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    partial.write_bytes(content.encode() if isinstance(content, str) else content)
    partial.rename(path)
