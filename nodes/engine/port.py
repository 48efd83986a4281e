"""What the project may ask of a Docker engine. `DockerEngine` is the adapter; the tests' fake is the other one."""

from __future__ import annotations

from typing import Protocol

from .pull_stream import PullStream
from .types import DiskSpace, Distribution, EngineInfo, ImageInfo, RegistryAuth


class Engine(Protocol):
    """One open connection to one engine: get it from `nodes.engine.connect`, use it in one thread, let it close.

    Every method raises `EngineRejected` when the engine says no, and `EngineError` when it cannot be used. Every
    method but `pull` ends within the timeout given to `connect` for each answer it waits for.
    """

    @property
    def platform(self) -> str:
        """Of the machine: "linux/amd64", in Go's spelling. Known since connecting."""
        ...

    def ping(self) -> float:
        """Seconds that the engine took to answer."""
        ...

    def info(self) -> EngineInfo: ...

    def inspect_image(self, reference: str) -> ImageInfo | None:
        """The image with its layers and platform, by name, digest or id; None when the engine does not have it."""
        ...

    def list_images(self) -> list[ImageInfo]:
        """All images with their names. `diff_ids`, `os` and `architecture` are empty: those need `inspect_image`."""
        ...

    def image_layers(self) -> list[tuple[str, ...]]:
        """The diff_id chains of all images, intermediate ones included: what a new image may share."""
        ...

    def pull(
        self, repository: str, *, tag_or_digest: str, auth: RegistryAuth | None, platform: str | None = None
    ) -> PullStream:
        """Start a pull. Returns at once; refusals and failures are raised by the stream's iteration."""
        ...

    def distribution(self, reference: str, *, auth: RegistryAuth | None) -> Distribution:
        """Ask the registry through the engine: its network, DNS, CAs and mirrors."""
        ...

    def disk_free(self) -> DiskSpace | None:
        """Space under the engine's data root; None when it cannot be known (never zero for that). Up to 10 s."""
        ...

    def tag(self, image: str, repository: str, tag: str) -> None:
        """Give `image` (name or id) the further name `repository:tag`."""
        ...

    def remove_image(self, reference: str, *, force: bool = False) -> bool:
        """Remove a name, and the image with its last name. False when it was not there."""
        ...
