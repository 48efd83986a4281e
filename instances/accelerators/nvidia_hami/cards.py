"""NVIDIA cards, whole or in HAMi-core slices: how they are found, shared, and named to containers. Pure.

Sources of the rules are sections of spec-vgpu.md. Memory is MiB; compute ("SM") is percent of a card. HAMi-core is
cooperative: it keeps well-behaved programs within their slice, it is no wall.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from instances.accelerator import Demand, Device, DeviceRequest, Grant, Mount, Parts, Preloaded, Refused, Share
from instances.accelerators.nvidia_hami.usage import usage_file
from nodes.paths import USUAL_LIBRARY_DIRECTORY, is_clean_directory

LIBRARY_TARGET = "/libvgpu/build"
LIBRARY = f"{LIBRARY_TARGET}/libvgpu.so"
PRELOADED = Preloaded(LIBRARY, LIBRARY_TARGET, driver="libcuda.so.1")
LOCK_TARGET = "/tmp/vgpulock"  # noqa: S108  (in the container; older libraries hang without it, §0 fact 7)
# Whatever is there could be loaded instead of the library, or beside it (§3.6).
RESERVED_TARGETS: tuple[str, ...] = ("/libvgpu", LOCK_TARGET, "/etc/ld.so.preload")
SMALLEST_SLICE = 512  # MiB
# A card shows less than its name says (error correction, the driver): "24 GB" may be 23028 MiB (§4.2).
NOMINAL = 1.07
MOST_PER_CARD = 10  # slices
MOST_SLICED = 16  # cards of one container: HAMi-core knows no more (§1.1)
SLACK = 64  # MiB by which the slices of a card may exceed it together: three of 8 GB fit a card of 24564 MiB (§4.4)

RESOURCES: tuple[str, ...] = ("nvidia.com/gpu",)

_DRIVER = "nvidia"
_CAPABILITIES = (("gpu", "compute", "utility"),)  # with less the image's own setting wins and may lack libcuda (§5.1)
_PRELOAD = "LD_PRELOAD"
_RESERVED = re.compile(
    r"LD_AUDIT|LD_PRELOAD|CUDA_DEVICE_(MEMORY|SM)_LIMIT(_\d+)?|CUDA_DEVICE_MEMORY_SHARED_CACHE|"
    r"GPU_CORE_UTILIZATION_POLICY|CUDA_TASK_PRIORITY|CUDA_REDIRECT|NVIDIA_VISIBLE_DEVICES|NVIDIA_DRIVER_CAPABILITIES|"
    r"CUDA_VISIBLE_DEVICES|LIBCUDA_LOG_LEVEL"
)
# Of these, what changes a limit. Not which cards: the request decides that, and no card at all would be visible if
# CUDA_VISIBLE_DEVICES were empty.
_LIFTING = re.compile(
    r"LD_AUDIT|CUDA_DEVICE_(MEMORY|SM)_LIMIT_\d+|GPU_CORE_UTILIZATION_POLICY|CUDA_TASK_PRIORITY|CUDA_REDIRECT"
)
_HARMLESS = {"CUDA_TASK_PRIORITY": "1", "CUDA_REDIRECT": LIBRARY}  # what the library itself takes for unset


def share_of(demand: Demand, card_mib: int) -> Share:
    """What `demand` means on a card of `card_mib` MiB (§4.2, worked table §4.3). Raises `Refused`."""
    if card_mib <= 0:
        raise Refused("card_memory_unknown")
    if not demand.sliced:
        if demand.memory_mib > card_mib * NOMINAL:
            raise Refused("larger_than_card", wanted=demand.memory_mib, card=card_mib)
        return Share(card_mib, 100, exclusive=True)
    wanted = demand.memory_mib
    if wanted < SMALLEST_SLICE:
        raise Refused("slice_too_small", wanted=wanted, smallest=SMALLEST_SLICE)
    if wanted > card_mib * NOMINAL:
        raise Refused("larger_than_card", wanted=wanted, card=card_mib)
    if wanted >= card_mib:
        return Share(card_mib, 100, exclusive=True)
    # Rounded down, so that slices whose memory fits also fit in computing power; never 0, which means no limit (§0).
    proportional = max(100 * wanted // card_mib, 1)
    return Share(wanted, min(demand.compute_percent or proportional, 99 if not demand.compute_percent else 100), False)


def parts_of(
    grant: Grant,
    *,
    directory: str,
    image_environment: Mapping[str, str],
    user_environment: Mapping[str, str],
    cache: str,
) -> Parts:
    """What the container needs for its cards (§2.3). `directory`: HAMi-core on the node; `cache`: a name of its own.

    Raises `Refused` for settings that would lift the limits.
    """
    refuse_reserved(user_environment)
    requests = (DeviceRequest(_DRIVER, grant.device_ids, _CAPABILITIES),)
    if not grant.sliced or grant.share is None:
        return Parts(device_requests=requests)
    preload = " ".join([image_environment.get(_PRELOAD, ""), user_environment.get(_PRELOAD, "")]).split()
    return Parts(
        environment={
            **_overriding(image_environment),
            _PRELOAD: ":".join([LIBRARY, *preload]),
            "CUDA_DEVICE_MEMORY_LIMIT": memory_text(grant.share.memory_mib),
            "CUDA_DEVICE_SM_LIMIT": str(grant.share.compute_percent),
            "CUDA_DEVICE_MEMORY_SHARED_CACHE": usage_file(cache),  # fact 8: one for each container
            "LIBCUDA_LOG_LEVEL": "1",  # the usual level writes to the standard error of every CUDA program
        },
        mounts=(library_mount(directory),),
        tmpfs={LOCK_TARGET: "mode=1777"},
        device_requests=requests,
    )


def _overriding(image_environment: Mapping[str, str]) -> dict[str, str]:
    """The image's own settings are merged with ours, and could lift a limit. Empty ones are as good as none (§1.2)."""
    return {name: _HARMLESS.get(name, "") for name in image_environment if _LIFTING.fullmatch(name)}


def what_matters(image_environment: Mapping[str, str]) -> dict[str, str]:
    """Of an image's environment, what `parts_of` gives another slice for; not what else an image may hold there."""
    lifting = {name: "" for name in image_environment if _LIFTING.fullmatch(name)}
    return lifting | {name: image_environment[name] for name in (_PRELOAD,) if image_environment.get(name)}


def library_mount(directory: str) -> Mount:
    """HAMi-core's directory on a node, "" for the usual one, where containers have it. Raises `Refused`."""
    return Mount(checked_directory(directory or USUAL_LIBRARY_DIRECTORY), LIBRARY_TARGET)


# A short-lived container with this request and environment that runs this command shows the cards of its node (§5.2).
DISCOVERY: tuple[str, ...] = (
    "nvidia-smi",
    "--query-gpu=index,uuid,name,memory.total,memory.used,driver_version,mig.mode.current",
    "--format=csv,noheader,nounits",
)
DISCOVERY_REQUEST = DeviceRequest(_DRIVER, (), (("gpu", "utility"),), count=-1)
DISCOVERY_ENVIRONMENT: Mapping[str, str] = {"NVIDIA_DISABLE_REQUIRE": "1"}  # whatever CUDA version the image wants


def devices_in(output: str) -> list[Device]:
    """The cards that `DISCOVERY` told of. Names have blanks, values may be `[N/A]`; other lines are left out (§5.2)."""
    found = []
    for line in output.splitlines():
        parts = [part.strip() for part in line.split(",")]
        if len(parts) < 7 or not parts[0].isdecimal() or not parts[1].startswith(("GPU-", "MIG-")):
            continue
        index, uuid, *name, memory, used, driver, mig = parts
        mib = int(memory) if memory.isdecimal() else 0
        in_use = int(used) if used.isdecimal() else None
        found.append(Device(uuid, int(index), ", ".join(name), mib, driver, mig.lower() == "enabled", in_use))
    return found


LOOK_INSIDE: tuple[str, ...] = ("nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits")


def seen_inside(output: str) -> list[int]:
    """MiB of each card as `LOOK_INSIDE` shows them in a container: those of the slice, if its limits take effect."""
    return [int(line) for line in map(str.strip, output.splitlines()) if line.isdecimal()]


def memory_text(mib: int) -> str:
    """As HAMi-core reads it: a decimal whole number with `g` or `m` and nothing else (§1.2)."""
    return f"{mib // 1024}g" if mib % 1024 == 0 else f"{mib}m"


def refuse_reserved(names: Iterable[str]) -> None:
    """Environment variables that users may not set, because they would change or lift limits (§3.6)."""
    for name in names:
        if _RESERVED.fullmatch(name) and name != _PRELOAD:
            raise Refused("reserved_variable", name=name)


def checked_directory(text: str) -> str:
    """HAMi-core's directory on a node: a clean absolute path (§3.4, P19). Raises `Refused`."""
    if not is_clean_directory(text):
        raise Refused("bad_library_directory", path=text)
    return text
