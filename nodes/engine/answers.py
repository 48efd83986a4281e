"""From the engine's JSON to our values. Pure.

Engines leave fields out: what a newer API dropped, what is empty, what a storage driver does not know
(docker-engine.md §2.3). What is no engine may send anything: a field of the wrong type counts as left out, texts are
cut and made storable, numbers kept in range. Only the outer shape and an image's id are indispensable.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from .container_answers import labels
from .errors import EngineError
from .shapes import LONG, SHORT, demand_id, demand_object, items, mapping, number, text, texts
from .types import Distribution, EngineInfo, ImageInfo

# On other file systems engines refuse a limit, or take it and do nothing (docker-engine.md §4.2).
OVER_XFS = ["Backing Filesystem", "xfs"]
CONTAINERD_STORE = ["driver-type", "io.containerd.snapshotter.v1"]
_MOST_CPUS = 1 << 20
_LONGEST_ARGUMENT = 1 << 17  # characters; what Linux takes
_LAST_SECOND = 253_402_300_799  # of the year 9999, where calendars end


def engine_info(answer: object, about: dict[str, Any]) -> EngineInfo:
    """`about` (the version answer) has Go's spelling of the architecture where `info` has the kernel's.

    Raises EngineError(engine_not_docker) when the answer is no object.
    """
    info = demand_object(answer, "/info")
    half = SHORT // 2 - 1  # both halves of "linux/amd64" must fit
    return EngineInfo(
        name=text(info.get("Name"), LONG),
        engine_version=text(info.get("ServerVersion")) or text(about.get("Version")),
        api_version=about["ApiVersion"],
        os=text(info.get("OSType"), half) or text(about.get("Os"), half),
        architecture=text(about.get("Arch"), half) or text(info.get("Architecture"), half),
        cpus=number(info.get("NCPU"), _MOST_CPUS),
        memory_bytes=number(info.get("MemTotal")),
        storage_driver=text(info.get("Driver")),
        containerd_store=CONTAINERD_STORE in items(info.get("DriverStatus")),
        data_root=text(info.get("DockerRootDir"), LONG),
        operating_system=text(info.get("OperatingSystem"), LONG),
        images=number(info.get("Images")),
        containers_running=number(info.get("ContainersRunning")),
        limits_disk=text(info.get("Driver")) == "overlay2" and OVER_XFS in items(info.get("DriverStatus")),
    )


def platform(about: dict[str, Any]) -> str:
    """Of the engine's machine, from the version answer: "linux/amd64". Raises EngineError(engine_not_docker)."""
    half = SHORT // 2 - 1
    system, architecture = text(about.get("Os"), half), text(about.get("Arch"), half)
    if not system or not architecture:
        raise EngineError("engine_not_docker", "the answer to /version names no platform")
    return f"{system}/{architecture}"


def image_id(answer: object) -> str:
    """Raises EngineError(engine_not_docker) without one."""
    return demand_id(answer, "an image")


def inspected(answer: object) -> ImageInfo:
    found = image_id(answer)
    image = demand_object(answer, "an image")
    config = mapping(image.get("Config"))
    return ImageInfo(
        id=found,
        repo_tags=_names(image.get("RepoTags")),
        repo_digests=_names(image.get("RepoDigests")),
        size=number(image.get("Size")),
        os=text(image.get("Os")),
        architecture=text(image.get("Architecture")),
        diff_ids=texts(mapping(image.get("RootFS")).get("Layers")),
        created=text(image.get("Created")),
        environment=environment(config.get("Env")),
        command=texts(config.get("Cmd"), _LONGEST_ARGUMENT),
        entrypoint=texts(config.get("Entrypoint"), _LONGEST_ARGUMENT),
        exposed_ports=tuple(sorted(text(port) for port in mapping(config.get("ExposedPorts")))),
        user=text(config.get("User"), LONG),
        variant=text(image.get("Variant")),
        labels=labels(config.get("Labels")),
    )


def environment(value: object) -> dict[str, str]:
    """From "NAME=value" texts; of a name that comes twice the last value counts, as engines have it."""
    pairs = (entry.partition("=") for entry in texts(value, _LONGEST_ARGUMENT))
    return {name: found for name, _, found in pairs if name}


def listed(answer: object) -> ImageInfo:
    found = image_id(answer)
    image = demand_object(answer, "an image")
    created = datetime.fromtimestamp(number(image.get("Created"), _LAST_SECOND), UTC)
    return ImageInfo(
        id=found,
        repo_tags=_names(image.get("RepoTags")),
        repo_digests=_names(image.get("RepoDigests")),
        size=number(image.get("Size")),
        created=created.isoformat().replace("+00:00", "Z"),
    )


def distribution(answer: object) -> Distribution:
    found = demand_object(answer, "a distribution")
    descriptor = mapping(found.get("Descriptor"))
    return Distribution(
        digest=text(descriptor.get("digest"), LONG),
        media_type=text(descriptor.get("mediaType"), LONG),
        platforms=tuple(_platform(mapping(entry)) for entry in items(found.get("Platforms"))),
    )


def _platform(entry: dict[str, Any]) -> str:
    parts = (text(entry.get(name)) for name in ("os", "architecture", "variant"))
    return "/".join(part for part in parts if part)


def _names(names: object) -> tuple[str, ...]:
    """Older engines list an image without a name as `<none>:<none>`."""
    return tuple(name for name in texts(names) if not name.startswith("<none>"))
