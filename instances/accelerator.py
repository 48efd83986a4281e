"""What the project knows of accelerators in general: devices, demands, shares, and what a container needs for them.

A backend (`instances.vgpu` for NVIDIA cards with HAMi-core) turns these into its vendor's terms; nothing else knows a
vendor. `instances.preflight` asks beforehand whether node and image can do it, by what the backend says of the library
that it preloads. The shape leaves room for others (spec-vgpu.md §6.1): how a device is chosen, sliced and named is
theirs. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Device:
    """One device as its node shows it. `partitioned`: divided by the hardware itself. Memory is MiB."""

    id: str
    index: int
    model: str
    memory_mib: int
    driver_version: str = ""
    partitioned: bool = False


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


class Refused(Exception):
    """It cannot be had. `code` is one of `instances.refusal_texts`, `params` fill its sentence."""

    def __init__(self, code: str, **params: Any) -> None:
        super().__init__(code)
        self.code = code
        self.params = params
