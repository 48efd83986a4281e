"""Values that cross the engine gateway: everything `nodes.engine` takes and returns.

Plain frozen dataclasses: nothing of the Docker SDK is visible to the rest of the project. Sizes are bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class EngineEndpoint:
    """Where an engine listens and how to authenticate to it. Secrets stay out of `repr`."""

    address: str  # unix:///path, tcp://host:port, ssh://[user@]host[:port]
    use_tls: bool = False
    ca_cert: str = field(default="", repr=False)  # PEM text
    client_cert: str = field(default="", repr=False)  # PEM text
    client_key: str = field(default="", repr=False)  # PEM text
    ssh_port: int = 22
    ssh_username: str = ""
    ssh_password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class RegistryAuth:
    """Registry credentials sent with one request; the engine never stores them."""

    username: str
    password: str = field(repr=False)
    server_address: str = ""


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What an engine says of itself and of its machine."""

    name: str
    engine_version: str
    api_version: str
    os: str  # "linux"
    architecture: str  # Go spelling: "amd64", "arm64"
    cpus: int
    memory_bytes: int
    storage_driver: str  # "overlay2", "overlayfs"
    containerd_store: bool  # docker-engine.md §2.3
    data_root: str
    operating_system: str
    images: int
    containers_running: int
    limits_disk: bool = False  # may limit a container's own disk; without quotas there it refuses at creation

    @property
    def platform(self) -> str:
        return f"{self.os}/{self.architecture}"


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """One image on an engine. `id` and `size` are not comparable between engines (docker-engine.md fact 19)."""

    id: str
    repo_tags: tuple[str, ...]
    repo_digests: tuple[str, ...]  # "host/repository@sha256:…"
    size: int
    os: str = ""
    architecture: str = ""
    diff_ids: tuple[str, ...] = ()  # uncompressed layer digests, bottom first
    created: str = ""  # RFC 3339
    environment: Mapping[str, str] = field(default_factory=dict, hash=False)
    command: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    exposed_ports: tuple[str, ...] = ()  # "8080/tcp"
    user: str = ""
    variant: str = ""  # of the architecture: "v7"
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def platform(self) -> str:
        """ "linux/amd64", "linux/arm/v7"; empty when it does not say what it is for."""
        return "/".join(filter(None, (self.os, self.architecture, self.variant))) if self.architecture else ""

    @property
    def digest(self) -> str:
        """Of the manifest that a registry gave; "" for an image that came from none."""
        return next((text.partition("@")[2] for text in self.repo_digests), "")


@dataclass(frozen=True, slots=True)
class PullEvent:
    """One event of a pull stream (docker-engine.md §2). `layer` is 12 hex digits of the layer's blob digest, or ""."""

    status: str
    layer: str = ""
    current: int | None = None
    total: int | None = None
    units: str = ""  # "s" when `current` counts seconds (containerd store, extracting)


@dataclass(frozen=True, slots=True)
class LoadEvent:
    """One event of an image that is loaded from an archive."""

    status: str = ""  # "Loading layer"
    layer: str = ""  # as the engine names it
    current: int | None = None
    total: int | None = None
    loaded: str = ""  # the name of an image that is there now, or its id when it has none


@dataclass(frozen=True, slots=True)
class Distribution:
    """What the engine's registry look-up says: through the node's own network, DNS, CAs and mirrors."""

    digest: str
    media_type: str
    platforms: tuple[str, ...]  # "linux/amd64", "linux/arm64/v8"


@dataclass(frozen=True, slots=True)
class DiskSpace:
    """The file system that holds an engine's images. `free` is what an unprivileged process may still use."""

    total: int
    free: int
