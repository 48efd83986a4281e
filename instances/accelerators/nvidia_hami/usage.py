"""How much of its slices a container uses, read from the region file that HAMi-core keeps in it. Pure.

The layout is that of version 1 of the file (spec-vgpu.md §6.2 item 2), little-endian: a head, a place for each of up to
1024 processes, and how many of those places are taken. Places of processes that were killed stay until the next CUDA
process of the container starts, so the figure of a container that does not run means nothing.
"""

from __future__ import annotations

import struct

from instances.accelerator import SliceUsage, UsageUnreadable

MAGIC, MAJOR = 19920718, 1
MOST_DEVICES, MOST_PROCESSES = 16, 1024
SMALLEST = 2_008_952  # bytes
READ_AT_MOST = SMALLEST + 4096  # a few more than today's
_DEVICES, _UUIDS, _LIMITS = 56, 64, 1600
_UUID_SIZE = 96
_PLACES, _PLACE_SIZE = 1856, 1960
_PROCESS_COUNT = 2_008_896
_DEVICE_IN_PLACE, _DEVICE_SIZE, _TOTAL_IN_DEVICE = 8, 64, 32


def usage_file(cache: str) -> str:
    """Where the container keeps it; `cache` as `parts_of` got it."""
    return f"/tmp/vgpu-{cache}.cache"  # noqa: S108  (in the container)


def usage_in(region: bytes) -> list[SliceUsage]:
    """The use of each card, as the container counts them. Raises `UsageUnreadable`."""
    if len(region) < SMALLEST:
        raise UsageUnreadable(f"{len(region)} bytes instead of {SMALLEST}")
    magic, major = struct.unpack_from("<ii", region, 0)
    if magic != MAGIC:
        raise UsageUnreadable(f"magic number {magic} instead of {MAGIC}")
    if major != MAJOR:
        raise UsageUnreadable(f"version {major} instead of {MAJOR}")
    (devices,) = struct.unpack_from("<Q", region, _DEVICES)
    if devices > MOST_DEVICES:
        raise UsageUnreadable(f"{devices} devices instead of {MOST_DEVICES} at most")
    (count,) = struct.unpack_from("<i", region, _PROCESS_COUNT)
    if not 0 <= count <= MOST_PROCESSES:
        raise UsageUnreadable(f"{count} processes instead of {MOST_PROCESSES} at most")
    return [_usage(region, device, count) for device in range(devices)]


def _usage(region: bytes, device: int, processes: int) -> SliceUsage:
    start = _UUIDS + device * _UUID_SIZE
    uuid = region[start : start + _UUID_SIZE].partition(b"\0")[0].decode("ascii", "replace")
    (limit,) = struct.unpack_from("<Q", region, _LIMITS + 8 * device)
    return SliceUsage(uuid, sum(_used(region, place, device) for place in range(processes)), limit)


def _used(region: bytes, place: int, device: int) -> int:
    """Freed more than was taken shows as a number near 2⁶⁴ (§3.7): read as signed it is below zero, and counts as 0."""
    start = _PLACES + place * _PLACE_SIZE
    (pid,) = struct.unpack_from("<i", region, start)
    (total,) = struct.unpack_from("<q", region, start + _DEVICE_IN_PLACE + device * _DEVICE_SIZE + _TOTAL_IN_DEVICE)
    return max(total, 0) if pid else 0
