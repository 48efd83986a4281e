"""From the engine's JSON to our values. Pure.

Engines leave fields out: what a newer API dropped, what is empty, what a storage driver does not know
(docker-engine.md §2.3). Only an image's id is indispensable.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from .errors import EngineError
from .types import Distribution, EngineInfo, ImageInfo

CONTAINERD_STORE = ["driver-type", "io.containerd.snapshotter.v1"]


def engine_info(answer: dict[str, Any], about: dict[str, Any]) -> EngineInfo:
    """`about` (the version answer) has Go's spelling of the architecture where `info` has the kernel's."""
    return EngineInfo(
        name=answer.get("Name", ""),
        engine_version=answer.get("ServerVersion") or about.get("Version", ""),
        api_version=about["ApiVersion"],
        os=answer.get("OSType") or about.get("Os", ""),
        architecture=about.get("Arch") or answer.get("Architecture", ""),
        cpus=answer.get("NCPU", 0),
        memory_bytes=answer.get("MemTotal", 0),
        storage_driver=answer.get("Driver", ""),
        containerd_store=CONTAINERD_STORE in (answer.get("DriverStatus") or []),
        data_root=answer.get("DockerRootDir", ""),
        operating_system=answer.get("OperatingSystem", ""),
        images=answer.get("Images", 0),
        containers_running=answer.get("ContainersRunning", 0),
    )


def image_id(answer: dict[str, Any]) -> str:
    """Raises EngineError(engine_not_docker) without one."""
    found = answer.get("Id")
    if not isinstance(found, str):
        raise EngineError("engine_not_docker", "it describes an image without an id")
    return found


def inspected(answer: dict[str, Any]) -> ImageInfo:
    return ImageInfo(
        id=image_id(answer),
        repo_tags=_names(answer.get("RepoTags")),
        repo_digests=_names(answer.get("RepoDigests")),
        size=answer.get("Size", 0),
        os=answer.get("Os", ""),
        architecture=answer.get("Architecture", ""),
        diff_ids=tuple((answer.get("RootFS") or {}).get("Layers") or ()),
        created=answer.get("Created") or "",
    )


def listed(answer: dict[str, Any]) -> ImageInfo:
    created = datetime.fromtimestamp(answer.get("Created", 0), UTC)
    return ImageInfo(
        id=image_id(answer),
        repo_tags=_names(answer.get("RepoTags")),
        repo_digests=_names(answer.get("RepoDigests")),
        size=answer.get("Size", 0),
        created=created.isoformat().replace("+00:00", "Z"),
    )


def distribution(answer: dict[str, Any]) -> Distribution:
    descriptor = answer.get("Descriptor") or {}
    return Distribution(
        digest=descriptor.get("digest") or "",
        media_type=descriptor.get("mediaType") or "",
        platforms=tuple(_platform(entry) for entry in answer.get("Platforms") or ()),
    )


def _names(names: list[str] | None) -> tuple[str, ...]:
    """Older engines list an image without a name as `<none>:<none>`."""
    return tuple(name for name in names or () if not name.startswith("<none>"))


def _platform(entry: dict[str, str]) -> str:
    parts = (entry.get("os", ""), entry.get("architecture", ""), entry.get("variant", ""))
    return "/".join(part for part in parts if part)
