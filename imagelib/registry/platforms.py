"""Which entry of an index an engine takes for its platform.

The order is containerd's: the platform itself, then what its processor also runs. Graph-driver engines of the 20.10
series take only the first, so for them a match found further down is a promise that the engine may not keep; it then
says so itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .types import Platform

# kernel and distribution spellings → Go's architecture and variant
_ALIASES = {
    "x86_64": ("amd64", ""),
    "x86-64": ("amd64", ""),
    "i386": ("386", ""),
    "i686": ("386", ""),
    "aarch64": ("arm64", ""),
    "armhf": ("arm", "v7"),
    "armv7l": ("arm", "v7"),
    "armv7": ("arm", "v7"),
    "armel": ("arm", "v6"),
    "armv6l": ("arm", "v6"),
}
_DEFAULT_VARIANT = {"arm64": "v8", "amd64": "v1"}  # said or not said means the same
_OLDEST_ARM, _PLAIN_ARM = 5, "v7"


def normalize(platform: Platform) -> Platform:
    """One spelling for platforms that mean the same: `linux/x86_64` and `linux/amd64/v1` are `linux/amd64`."""
    architecture = platform.architecture.lower()
    architecture, variant = _ALIASES.get(architecture, (architecture, ""))
    variant = platform.variant.lower() or variant
    if variant.isdigit():
        variant = f"v{variant}"
    if architecture == "arm":
        variant = variant or _PLAIN_ARM
    if variant == _DEFAULT_VARIANT.get(architecture):
        variant = ""
    return Platform(platform.os.lower(), architecture, variant)


def runnable(platform: Platform) -> Iterator[Platform]:
    """What an engine of this platform accepts, best first, in normal form."""
    wanted = normalize(platform)
    yield wanted
    number = _number(wanted.variant)
    if wanted.architecture == "amd64":
        yield from (_variant(wanted, n) for n in range(number - 1, 0, -1))
        yield Platform(wanted.os, "386")
    elif wanted.architecture == "arm64":
        if wanted.variant:
            yield Platform(wanted.os, "arm64")
        yield from runnable(Platform(wanted.os, "arm", "v8"))
    elif wanted.architecture == "arm":
        yield from (_variant(wanted, n) for n in range(number - 1, _OLDEST_ARM - 1, -1))


def choose(offered: Iterable[Platform | None], wanted: Platform) -> int | None:
    """Position of the entry to take, or None. A lone entry without a platform is taken when nothing else fits."""
    entries = list(offered)
    normal = [normalize(entry) if entry else None for entry in entries]
    for candidate in runnable(wanted):
        if candidate in normal:
            return normal.index(candidate)
    return 0 if entries == [None] else None


def _number(variant: str) -> int:
    return int(variant[1:]) if variant[1:].isdigit() else 0


def _variant(platform: Platform, number: int) -> Platform:
    return normalize(Platform(platform.os, platform.architecture, f"v{number}"))
