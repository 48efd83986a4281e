"""The backend for NVIDIA cards, divided by HAMi-core: `instances.accelerator.CardBackend`."""

from instances.accelerators.nvidia_hami.cards import (
    DISCOVERY,
    DISCOVERY_ENVIRONMENT,
    DISCOVERY_REQUEST,
    LOOK_INSIDE,
    MOST_PER_CARD,
    MOST_SLICED,
    PRELOADED,
    RESERVED_TARGETS,
    RESOURCES,
    SLACK,
    devices_in,
    library_mount,
    parts_of,
    refuse_reserved,
    seen_inside,
    share_of,
    what_matters,
)
from instances.accelerators.nvidia_hami.usage import READ_AT_MOST, usage_file, usage_in

NAME = "nvidia_hami"

__all__ = [
    "DISCOVERY",
    "DISCOVERY_ENVIRONMENT",
    "DISCOVERY_REQUEST",
    "LOOK_INSIDE",
    "MOST_PER_CARD",
    "MOST_SLICED",
    "NAME",
    "PRELOADED",
    "READ_AT_MOST",
    "RESERVED_TARGETS",
    "RESOURCES",
    "SLACK",
    "devices_in",
    "library_mount",
    "parts_of",
    "refuse_reserved",
    "seen_inside",
    "share_of",
    "usage_file",
    "usage_in",
    "what_matters",
]
