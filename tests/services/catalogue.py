"""The images that every registry of the tests holds."""

from __future__ import annotations

from tests.services.images import ImageSpec, IndexSpec
from tests.services.layers import LayerSpec

MB = 1_000_000

_ARM = (LayerSpec("arm64", MB),)
_MID = tuple(LayerSpec(f"mid-{number}", 5 * MB) for number in range(4))
_BIG = tuple(LayerSpec(f"big-{number}", 25 * MB) for number in range(8))
_MANY = tuple(LayerSpec(f"many-{number}", 50_000) for number in range(40))


def _several(tag: str, *, oci: bool) -> IndexSpec:
    """An index for two platforms; the ARM member does not run here and has other layers."""
    amd64 = ImageSpec("team/multi", f"{tag}-amd64", oci=oci)
    arm64 = ImageSpec("team/multi", f"{tag}-arm64", _ARM, platform="linux/arm64/v8", oci=oci, busybox=False)
    return IndexSpec("team/multi", tag, (amd64, arm64), oci=oci)


_ARM_ONLY = ImageSpec("team/armonly", "1-arm64", _ARM, platform="linux/arm64/v8", oci=True, busybox=False)

STANDARD: tuple[ImageSpec | IndexSpec, ...] = (
    ImageSpec("library/tiny", "1"),
    ImageSpec("library/tiny", "latest"),
    ImageSpec("team/tiny", "1"),
    ImageSpec("team/oci", "1", (LayerSpec("oci", MB),), oci=True),
    ImageSpec("team/mid", "1", _MID),
    ImageSpec("team/mid", "2", (*_MID[:3], LayerSpec("mid-other", 5 * MB))),
    ImageSpec("team/many", "1", _MANY),
    _several("1", oci=True),
    _several("docker", oci=False),
    IndexSpec("team/armonly", "1", (_ARM_ONLY,)),
    ImageSpec("team/armplain", "1", _ARM, platform="linux/arm64/v8", busybox=False),
    ImageSpec("team/broken", "1", (LayerSpec("broken", MB),), damage="missing"),
    ImageSpec("team/corrupt", "1", (LayerSpec("corrupt", MB),), damage="corrupt"),
)

# 200 MB each: made when a test asks for them
ON_DEMAND: tuple[ImageSpec, ...] = (
    ImageSpec("team/big", "1", _BIG, busybox=False),
    ImageSpec("team/big", "2", (*_BIG[:6], LayerSpec("big-8", 25 * MB), LayerSpec("big-9", 25 * MB)), busybox=False),
)


def on_demand(name: str) -> ImageSpec | None:
    """The specification of "team/big:1" and its like."""
    return next((spec for spec in ON_DEMAND if f"{spec.repository}:{spec.tag}" == name), None)
