"""Images that a fake engine can pull."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


def sha256(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class FakeLayer:
    """A layer. Equal names make equal layers, which images then share."""

    name: str
    size: int  # compressed bytes, as in the manifest
    missing: bool = False  # the registry lists it and cannot deliver it

    @property
    def digest(self) -> str:
        return sha256(f"blob {self.name}")

    @property
    def diff_id(self) -> str:
        return sha256(f"content {self.name}")

    @property
    def short(self) -> str:
        return self.digest.removeprefix("sha256:")[:12]


@dataclass(frozen=True)
class FakeImage:
    """An image in a registry. `repository` is a full one: "127.0.0.1:5000/team/mid"."""

    repository: str
    tag: str
    layers: tuple[FakeLayer, ...]
    platform: str = "linux/amd64"
    environment: Mapping[str, str] = field(default_factory=lambda: {"PATH": "/usr/bin:/bin"}, compare=False)
    command: tuple[str, ...] = ("sh",)
    entrypoint: tuple[str, ...] = ()
    exposed_ports: tuple[str, ...] = ()
    user: str = ""
    labels: Mapping[str, str] = field(default_factory=dict, compare=False)
    files: Mapping[str, bytes | str] = field(default_factory=dict, compare=False)  # content, or where a link leads

    @classmethod
    def sized(cls, repository: str, tag: str, sizes: Sequence[int]) -> FakeImage:
        """One layer of its own for each size."""
        layers = (FakeLayer(f"{repository}:{tag} {number}", size) for number, size in enumerate(sizes))
        return cls(repository, tag, tuple(layers))

    @property
    def reference(self) -> str:
        return f"{self.repository}:{self.tag}"

    @property
    def id(self) -> str:
        return sha256(f"config {self.platform} {self.diff_ids}")

    @property
    def digest(self) -> str:
        return sha256(f"manifest {self.id} {[layer.digest for layer in self.layers]}")

    @property
    def diff_ids(self) -> tuple[str, ...]:
        return tuple(layer.diff_id for layer in self.layers)

    @property
    def compressed_size(self) -> int:
        return sum(layer.size for layer in self.layers)


@dataclass
class FakeRegistry:
    """What the fake engines can reach: images of any host, and the login that a host asks for."""

    images: list[FakeImage] = field(default_factory=list)
    logins: dict[str, tuple[str, str]] = field(default_factory=dict)  # host -> (user name, password)

    def add(self, *images: FakeImage) -> None:
        """The newest image of a name is the one that its tag points to."""
        self.images.extend(images)

    def reaches(self, host: str) -> bool:
        """Whether there is a registry."""
        return host in self.logins or any(image.repository.startswith(f"{host}/") for image in self.images)

    def find(self, repository: str, tag_or_digest: str) -> FakeImage | None:
        for image in reversed(self.images):
            if image.repository == repository and tag_or_digest in (image.tag, image.digest):
                return image
        return None
