"""What the project knows of accelerators in general: devices, demands, shares, what a container needs for them, and the
interface of those who know a vendor.

A backend is a module of `instances.accelerators` that turns these into its vendor's terms; nothing else knows a vendor,
and `instances.accelerators.registry` alone knows the backends. The shape leaves room for others (spec-vgpu.md §6.1):
how a device is found, shared, named and watched is theirs. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

MIB_PER_GB = 1024


@dataclass(frozen=True, slots=True)
class Device:
    """One device as its node shows it. `partitioned`: divided by the hardware itself. Memory is MiB."""

    id: str
    index: int
    model: str
    memory_mib: int
    driver_version: str = ""
    partitioned: bool = False
    used_mib: int | None = None  # by whomever; None: unknown


@dataclass(frozen=True, slots=True)
class Demand:
    """What a spec asks for. Memory is MiB of each device; `compute_percent` None: in proportion to the memory."""

    count: int
    model: str = ""
    memory_mib: int = 0
    sliced: bool = False  # a part of each device instead of whole ones
    compute_percent: int | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """A part of one kind of device: what a container gets of each. `exclusive`: nobody else may have any of it."""

    memory_mib: int
    compute_percent: int
    exclusive: bool


@dataclass(frozen=True, slots=True)
class Grant:
    """What a container gets: the same share of each of these devices, whose ids mean one device for ever."""

    device_ids: tuple[str, ...]
    share: Share | None  # None without devices
    sliced: bool = False


@dataclass(frozen=True, slots=True)
class Mount:
    """A directory of the node in the container, always read-only."""

    source: str
    target: str


@dataclass(frozen=True, slots=True)
class DeviceRequest:
    """As the engine's API has it."""

    driver: str
    device_ids: tuple[str, ...]
    capabilities: tuple[tuple[str, ...], ...]
    count: int = 0


@dataclass(frozen=True, slots=True)
class Parts:
    """What goes into a container's definition for its devices."""

    environment: Mapping[str, str] = field(default_factory=dict)
    mounts: tuple[Mount, ...] = ()
    tmpfs: Mapping[str, str] = field(default_factory=dict)  # target → options
    device_requests: tuple[DeviceRequest, ...] = ()


@dataclass(frozen=True, slots=True)
class Preloaded:
    """The library that a backend lets programs load to keep them within a slice; its directory is a mount."""

    path: str  # in the container
    target: str  # where the directory is mounted
    driver: str  # the vendor's library that it may need, and that containers get with their devices

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Finding:
    """What an examination found against a slice. `refuses`: there can be none; otherwise it is worth knowing."""

    code: str  # of `instances.refusal_texts`
    params: Mapping[str, Any] = field(default_factory=dict, hash=False)
    refuses: bool = True


@dataclass(frozen=True, slots=True)
class SliceUsage:
    """Of one device. Bytes; `limit` 0: without one."""

    device_id: str
    used: int
    limit: int


class UsageUnreadable(ValueError):
    """The file that should tell the use of slices is none that the backend understands. The text says why."""


class Refused(Exception):
    """It cannot be had. `code` is one of `instances.refusal_texts`, `params` fill its sentence."""

    def __init__(self, code: str, **params: Any) -> None:
        super().__init__(code)
        self.code = code
        self.params = params


def is_sliced(*, image: bool, spec: bool) -> bool:
    """Whether a container gets slices (§4.1): image and spec must both support it. Raises `Refused`."""
    if spec and not image:
        raise Refused("image_without_slices")
    return image and spec


def refuse_targets(backend: Backend, paths: Iterable[str]) -> None:
    """Of clean absolute paths in the container, those that users may put nothing at. Raises `Refused`."""
    for path in paths:
        for reserved in backend.RESERVED_TARGETS:
            if path == reserved or path.startswith(f"{reserved}/"):
                raise Refused("reserved_path", path=path, reserved=reserved)


class Backend(Protocol):
    """What a container needs for the devices that it was granted. Modules are backends, so nothing has to be made."""

    NAME: str
    RESERVED_TARGETS: tuple[str, ...]  # paths in the container, at and under which nobody else may put anything

    def parts_of(
        self,
        grant: Grant,
        /,
        *,
        directory: str,
        image_environment: Mapping[str, str],
        user_environment: Mapping[str, str],
        cache: str,
    ) -> Parts:
        """`directory`: the slicing library's on the node; `cache`: a name of the container's own. Raises `Refused`."""

    def refuse_reserved(self, names: Iterable[str], /) -> None:
        """Of environment variables, those that users may not set. Raises `Refused`."""


class CardBackend(Backend, Protocol):
    """A backend whose vendor makes devices: how they are found, shared, sliced and watched."""

    # A short-lived container with this request and environment that runs this command shows the devices of its node.
    DISCOVERY: tuple[str, ...]
    DISCOVERY_ENVIRONMENT: Mapping[str, str]
    DISCOVERY_REQUEST: DeviceRequest
    # A running container that runs this command shows its own devices.
    LOOK_INSIDE: tuple[str, ...]
    RESOURCES: tuple[str, ...]  # as which templates for Kubernetes ask for so many devices
    MOST_PER_CARD: int  # slices
    MOST_SLICED: int  # devices of one container
    SLACK: int  # MiB by which the slices of a device may exceed it together
    PRELOADED: Preloaded
    READ_AT_MOST: int  # bytes of a usage file

    def devices_in(self, output: str, /) -> list[Device]:
        """Those that `DISCOVERY` told of."""

    def seen_inside(self, output: str, /) -> list[int]:
        """MiB of each device that `LOOK_INSIDE` told of."""

    def share_of(self, demand: Demand, card_mib: int, /) -> Share:
        """What the demand means on a device of that size. Raises `Refused`."""

    def library_mount(self, directory: str, /) -> Mount:
        """The slicing library's directory on a node, "" for the usual one. Raises `Refused`."""

    def what_matters(self, image_environment: Mapping[str, str], /) -> dict[str, str]:
        """Of an image's environment, as little as `parts_of` needs to answer the same."""

    def usage_file(self, cache: str, /) -> str:
        """Where a container keeps the use of its slices; `cache` as `parts_of` got it."""

    def usage_in(self, content: bytes, /) -> list[SliceUsage]:
        """What that file says. Raises `UsageUnreadable`."""
