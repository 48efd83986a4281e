"""Values about containers that cross the engine gateway. Plain frozen dataclasses; sizes are bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

PROBE_LABEL = "imagelib.probe"  # on short-lived containers of our own


@dataclass(frozen=True, slots=True)
class BindMount:
    """A directory or file of the node inside a container. One that is missing on the node is refused, never made."""

    source: str
    target: str
    read_only: bool = True


@dataclass(frozen=True, slots=True)
class VolumeMount:
    """A volume inside a container. `create_volume` it first: the engine makes a missing one, without labels."""

    name: str
    target: str


@dataclass(frozen=True, slots=True)
class DeviceRequest:
    """Devices that a driver of the engine puts into a container: those of `device_ids`, or else `count` (-1: all)."""

    driver: str
    device_ids: tuple[str, ...] = ()
    count: int = 0
    capabilities: tuple[tuple[str, ...], ...] = ()  # any of these sets


@dataclass(frozen=True, slots=True)
class PublishedPort:
    """A container's port on the node. In a `ContainerInfo` all of it is known."""

    container_port: int
    protocol: str = "tcp"
    host_ip: str = ""  # all addresses of the node
    host_port: int = 0  # the engine chooses a free one, at every start anew


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """A container to create. Never privileged; nothing of the worker's account or machine gets into it.

    None in `command` and `entrypoint` means the image's own, () for `entrypoint` that there is none. Zero in a limit
    means no limit. `memory_bytes` is all the memory there is: nothing of it is swapped out beyond that.
    """

    name: str  # "": the engine invents one
    image: str
    command: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None  # with one, the image's own command counts for nothing
    working_dir: str = ""  # the image's own
    environment: Mapping[str, str] = field(default_factory=dict, hash=False)
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    mounts: tuple[BindMount, ...] = ()
    volumes: tuple[VolumeMount, ...] = ()
    tmpfs: Mapping[str, str] = field(default_factory=dict, hash=False)  # target -> options ("mode=1777,size=64m")
    device_requests: tuple[DeviceRequest, ...] = ()
    cpu_cores: float = 0
    memory_bytes: int = 0
    system_disk_bytes: int = 0  # most storage drivers refuse it, at creation
    ports: tuple[PublishedPort, ...] = ()
    restart_policy: str = "no"  # "always", "unless-stopped", "on-failure"
    tty: bool = False
    open_stdin: bool = False
    network_mode: str = ""  # "none", "host", a network's name; "" for the engine's usual one


@dataclass(frozen=True, slots=True)
class ContainerInfo:
    """A container as its engine sees it. Times are RFC 3339, "" before they come."""

    id: str
    name: str
    image: str  # as it was asked for
    image_id: str
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    state: str = ""  # "created", "running", "paused", "restarting", "removing", "exited", "dead"
    exit_code: int = 0  # of the last run; 0 while it runs
    oom_killed: bool = False  # engines now and then miss it: 137 that nobody asked for says nearly as much
    error: str = ""  # why the last start failed
    created: str = ""
    started_at: str = ""
    finished_at: str = ""
    restart_count: int = 0  # by the restart policy
    ports: tuple[PublishedPort, ...] = ()  # none while it does not run


@dataclass(frozen=True, slots=True)
class ContainerStats:
    """What a running container uses, counted as the docker command does. Network and disk count from its start."""

    cpu_percent: float  # 100 is one core
    cpu_limit_cores: float  # the machine's cores without a limit
    memory_bytes: int  # without the page cache, which the kernel takes back at need
    memory_limit_bytes: int  # the machine's memory without a limit
    network_rx_bytes: int
    network_tx_bytes: int
    block_read_bytes: int
    block_write_bytes: int
    pids: int


@dataclass(frozen=True, slots=True)
class FileStat:
    """What lies at a path of a container, links followed: at `path` in the end."""

    path: str
    is_file: bool
    is_directory: bool  # neither: a device, a pipe, a socket
    permissions: int  # the nine bits
    size: int
    modified: str  # differs after every change


@dataclass(frozen=True, slots=True)
class LogText:
    """A piece of what a container writes: whole characters, not whole lines. With a terminal all of it is "stdout"."""

    stream: str  # "stdout", "stderr"
    text: str


@dataclass(frozen=True, slots=True)
class Finished:
    """A program that ended."""

    exit_code: int
    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True)
class ContainerEvent:
    """Something that happened to a container."""

    action: str  # "start", "die", "oom", "destroy", "health_status", "pause", "unpause"
    container_id: str
    name: str
    at: float  # seconds since 1970, by the engine's clock
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    exit_code: int | None = None  # of "die"
    health: str = ""  # of "health_status": "healthy", "unhealthy"
