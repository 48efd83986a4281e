"""Region files of the slicing library, as its version 1 lays them out: what a container's processes would write."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

SIZE = 2_008_953


def region_file(
    *devices: tuple[str, int],
    processes: Sequence[tuple[int, Mapping[int, int]]] = (),
    magic: int = 19920718,
    major: int = 1,
    count: int | None = None,
    device_count: int | None = None,
) -> bytes:
    """`devices`: uuid and limit in bytes. `processes`: pid, and device index → bytes in use (also negative)."""
    region = bytearray(SIZE)
    struct.pack_into("<iii", region, 0, magic, major, 1)
    struct.pack_into("<Q", region, 56, len(devices) if device_count is None else device_count)
    for index, (uuid, limit) in enumerate(devices):
        struct.pack_into("<96s", region, 64 + 96 * index, uuid.encode())
        struct.pack_into("<Q", region, 1600 + 8 * index, limit)
    for place, (pid, used) in enumerate(processes):
        start = 1856 + 1960 * place
        struct.pack_into("<i", region, start, pid)
        for index, size in used.items():
            struct.pack_into("<q", region, start + 8 + 64 * index + 32, size)
    struct.pack_into("<i", region, 2_008_896, len(processes) if count is None else count)
    return bytes(region)
