"""What the project may ask of a Docker engine. `DockerEngine` is the adapter; the tests' fake is the other one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Protocol

from .build_stream import BuildStream, PushStream
from .build_types import BuildSpec
from .container_types import ContainerInfo, ContainerSpec, ContainerStats, FileStat, Finished
from .following import EventStream, LogStream
from .image_streams import LoadStream, SavedImage
from .pull_stream import TICK, PullStream
from .terminal import Terminal
from .types import DiskSpace, Distribution, EngineInfo, ImageInfo, RegistryAuth


class Engine(Protocol):
    """One open connection to one engine: get it from `nodes.engine.connect`, use it in one thread, let it close.

    Every method raises `EngineRejected` when the engine says no, and `EngineError` when it cannot be used. Every
    method that returns no stream ends within the timeout given to `connect` for each answer it waits for, or within
    what it is told itself. Making, starting, restarting and removing a container may take six times as long.
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
        """All images with names and sizes. What else an `ImageInfo` tells, layers and all, needs `inspect_image`."""
        ...

    def image_layers(self) -> list[tuple[str, ...]]:
        """The diff_id chains of all images, intermediate ones included: what a new image may share."""
        ...

    def pull(
        self, repository: str, *, tag_or_digest: str, auth: RegistryAuth | None, platform: str | None = None
    ) -> PullStream:
        """Start a pull. Returns at once; refusals and failures are raised by the stream's iteration."""
        ...

    def save_image(self, reference: str) -> SavedImage:
        """Its archive, by name or id. Returns at once; an engine may pack all of it, on its own disk, before the first
        byte comes. Refused with 404 for an image that is not there."""
        ...

    def load_image(self, archive: Iterable[bytes]) -> LoadStream:
        """Take in an archive, chunk by chunk, with all names in it. Returns at once; the stream's thread iterates the
        archive, and what that raises, the stream raises. There is no time limit.

        An engine that cannot use it says so in the stream (`EngineRejected`), mostly with status None. A normal end
        is not yet a success: inspect the image."""
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

    # builds

    @property
    def preferred_builder(self) -> str:
        """ "classic" or "buildkit": what the engine recommends to those who ask for neither. Most engines have both."""
        ...

    def build_image(self, spec: BuildSpec, context: Iterable[bytes]) -> BuildStream:
        """Start a build of a context: a tar archive, chunk by chunk. The stream's thread iterates the context, and what
        that raises, the stream raises. There is no time limit. Nothing is asked of the engine before the iteration,
        but which builder it prefers, when `spec` names none.

        A Dockerfile without a `FROM` must not get here: some engines do not survive it."""
        ...

    def push(self, repository: str, *, tag: str, auth: RegistryAuth | None) -> PushStream:
        """Send an image to its registry. Returns at once; refusals and failures, mostly with status None, are raised by
        the stream's iteration."""
        ...

    # containers; `container` is an id or a name everywhere

    def create_container(self, spec: ContainerSpec) -> str:
        """The id of the new container, which does not run yet. Never pulls."""
        ...

    def start_container(self, container: str) -> None:
        """A container whose start is refused keeps its name and its place: remove it."""
        ...

    def stop_container(self, container: str, *, grace: int) -> None:
        """Ask its program to end, end it after `grace` seconds. Nothing happens to one that does not run."""
        ...

    def restart_container(self, container: str, *, grace: int) -> None:
        """Stop and start; one that does not run is started."""
        ...

    def remove_container(self, container: str, *, force: bool = False, volumes: bool = False) -> bool:
        """False when it was not there. `force`: also while it runs. `volumes`: with its nameless ones."""
        ...

    def inspect_container(self, container: str) -> ContainerInfo | None: ...

    def list_containers(self, *, labels: Mapping[str, str]) -> list[ContainerInfo]:
        """All containers, whatever their state, that bear all the labels; an empty value stands for any.

        One request, which tells no `error`, `oom_killed`, `started_at`, `finished_at` and `restart_count`: those need
        `inspect_container`.
        """
        ...

    def container_logs(self, container: str, *, tail: int, limit_bytes: int = 1_000_000) -> str:
        """Its last `tail` lines of output and errors, in order; of those the last `limit_bytes`."""
        ...

    def follow_logs(self, container: str, *, tail: int) -> LogStream:
        """Its last `tail` lines and all that follow, until it ends; output and errors apart, in order."""
        ...

    def stats(self, container: str) -> ContainerStats | None:
        """What it uses; None when it does not run. Takes an engine one to two seconds: it measures twice."""
        ...

    def run_once(self, spec: ContainerSpec, *, within: float, limit_bytes: int = 1_000_000) -> Finished:
        """Create a container, start it, wait for its end, read what it wrote (the first `limit_bytes` of each stream)
        and remove it, come what may. When it says nothing at all it is run once more. Raises EngineError
        (engine_timeout) when it takes longer."""
        ...

    def exec_run(
        self, container: str, command: tuple[str, ...], *, within: float, limit_bytes: int = 1_000_000
    ) -> Finished:
        """Run a program in a running container. A program that is not there ends with 126 or 127. Raises EngineError
        (engine_timeout) when it takes longer; engines cannot end it, it may go on."""
        ...

    def read_file(self, container: str, path: str, *, limit: int) -> bytes | None:
        """The first `limit` bytes of a file, links followed; None when there is no file. The container need not run,
        nor have been started ever; the file may lie in one of its mounts."""
        ...

    def stat_file(self, container: str, path: str) -> FileStat | None:
        """What lies at a path, under the same conditions; None when there is nothing."""
        ...

    def put_files(self, container: str, files: Mapping[str, bytes], *, directories: Collection[str] = ()) -> None:
        """Write whole files (mode 644) and make directories (777), missing parents too, all of the container's root,
        under the same conditions. Paths are absolute and clean. A directory is never replaced by a file, nor the other
        way round: `EngineRejected`."""
        ...

    def events(self, *, labels: Mapping[str, str], since: float | None = None, tick: float = TICK) -> EventStream:
        """What happens to the containers that bear the labels: from now on, or from `since` (seconds since 1970, by
        the engine's clock) as far as the engine remembers. With the `at` of an event that one comes again.
        `tick`: seconds, see `Following`."""
        ...

    def open_terminal(self, container: str, *, shell: tuple[str, ...], columns: int, rows: int) -> Terminal:
        """A shell of its own in a running container, which ends with the terminal. `shell`: the program, found in the
        container's PATH; it must know `-c` as shells do."""
        ...

    def end_shell(self, container: str, *, shell: tuple[str, ...], run: str, process: int) -> bool:
        """End the shell of a terminal whose own connection was lost with its server, and what runs in it. `run` and
        `process` are the terminal's. False when it had ended already."""
        ...

    # volumes

    def create_volume(self, name: str, *, labels: Mapping[str, str]) -> None:
        """One that is there already stays as it is, labels included."""
        ...

    def remove_volume(self, name: str) -> bool:
        """False when it was not there. Refused with 409 while a container has it."""
        ...

    def list_volumes(self, *, labels: Mapping[str, str]) -> list[str]:
        """Names, sorted, of the volumes that bear all the labels; an empty value stands for any."""
        ...
