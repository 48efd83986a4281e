"""What an engine's refusal of a container means. Pure; the words are those of docker-engine.md §4.2."""

from __future__ import annotations

# What keeps a node from running containers with devices; what begins with `LIBRARY`, from running slices.
OF_DEVICES = frozenset({"no_device_support", "no_device_driver", "unknown_device"})
LIBRARY = "library_"
_WORDS = (
    ("could not select device driver", "no_device_support"),
    ("unknown device", "unknown_device"),
    ("load library failed", "no_device_driver"),
    ("driver not loaded", "no_device_driver"),
    ("bind source path does not exist", "library_directory_missing"),
    ("no space left", "node_disk_full"),
    ("--storage-opt is supported only for", "no_disk_quotas"),
    ("no such image", "image_gone"),
    ("no such container", "container_gone"),
    ("is already in use by container", "container_name_taken"),
    ("is already in progress", "removal_in_progress"),
    ("port is already allocated", "port_taken"),
    ("address already in use", "port_taken"),
    ("executable file not found", "command_not_found"),
    ("no such file or directory: unknown", "command_not_found"),
)


def classify_refusal(evidence: str) -> str:
    """A code of `instances.refusal_texts`."""
    text = evidence.lower()
    return next((code for words, code in _WORDS if words in text), "engine_refused")


def passes(code: str, *, attempt: int) -> bool:
    """Whether it may be another matter when tried again: the engine is still busy with what an earlier attempt began.
    A name is taken at once, but the container that has it is not listed before it is complete."""
    return code == "removal_in_progress" or (code == "container_name_taken" and attempt > 1)


def is_of_node(code: str) -> bool:
    """Whether it lies with the node: another one may well do."""
    return code in OF_DEVICES or code.startswith(LIBRARY)


def concerns(code: str, *, devices: int, sliced: bool) -> bool:
    """Whether a container with so many devices meets the node's fault too."""
    return bool(devices) and (sliced or not code.startswith(LIBRARY))
