"""From the engine's JSON to our values. Pure.

Engines leave fields out: what a newer API dropped, what is empty, what a storage driver does not know
(docker-engine.md §2.3). What is no engine may send anything: a field of the wrong type counts as left out, texts are
cut and made storable, numbers kept in range. Only the outer shape and an image's id are indispensable.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from .errors import EngineError
from .types import Distribution, EngineInfo, ImageInfo

CONTAINERD_STORE = ["driver-type", "io.containerd.snapshotter.v1"]
SHORT = 64  # characters: versions, storage drivers, platforms
LONG = 1000  # names of images, paths
_MOST_CPUS = 1 << 20
_MOST_BYTES = 1 << 60
_LAST_SECOND = 253_402_300_799  # of the year 9999, where calendars end


def engine_info(answer: object, about: dict[str, Any]) -> EngineInfo:
    """`about` (the version answer) has Go's spelling of the architecture where `info` has the kernel's.

    Raises EngineError(engine_not_docker) when the answer is no object.
    """
    info = _object(answer, "/info")
    half = SHORT // 2 - 1  # both halves of "linux/amd64" must fit
    return EngineInfo(
        name=_text(info.get("Name"), LONG),
        engine_version=_text(info.get("ServerVersion")) or _text(about.get("Version")),
        api_version=about["ApiVersion"],
        os=_text(info.get("OSType"), half) or _text(about.get("Os"), half),
        architecture=_text(about.get("Arch"), half) or _text(info.get("Architecture"), half),
        cpus=_number(info.get("NCPU"), _MOST_CPUS),
        memory_bytes=_number(info.get("MemTotal")),
        storage_driver=_text(info.get("Driver")),
        containerd_store=CONTAINERD_STORE in _list(info.get("DriverStatus")),
        data_root=_text(info.get("DockerRootDir"), LONG),
        operating_system=_text(info.get("OperatingSystem"), LONG),
        images=_number(info.get("Images")),
        containers_running=_number(info.get("ContainersRunning")),
    )


def platform(about: dict[str, Any]) -> str:
    """Of the engine's machine, from the version answer: "linux/amd64". Raises EngineError(engine_not_docker)."""
    half = SHORT // 2 - 1
    system, architecture = _text(about.get("Os"), half), _text(about.get("Arch"), half)
    if not system or not architecture:
        raise EngineError("engine_not_docker", "the answer to /version names no platform")
    return f"{system}/{architecture}"


def listing(answer: object) -> list[dict[str, Any]]:
    """An answer that is a list of objects. Raises EngineError(engine_not_docker) when it is none."""
    if not isinstance(answer, list):
        raise _no_engine("a list")
    return [_object(item, "a list") for item in answer]


def image_id(answer: object) -> str:
    """Raises EngineError(engine_not_docker) without one."""
    found = _object(answer, "an image").get("Id")
    if not isinstance(found, str) or not found or found != _text(found, LONG):
        raise EngineError("engine_not_docker", "it describes an image without an id")
    return found


def inspected(answer: object) -> ImageInfo:
    found = image_id(answer)
    image = _object(answer, "an image")
    return ImageInfo(
        id=found,
        repo_tags=_names(image.get("RepoTags")),
        repo_digests=_names(image.get("RepoDigests")),
        size=_number(image.get("Size")),
        os=_text(image.get("Os")),
        architecture=_text(image.get("Architecture")),
        diff_ids=_texts(_mapping(image.get("RootFS")).get("Layers")),
        created=_text(image.get("Created")),
    )


def listed(answer: object) -> ImageInfo:
    found = image_id(answer)
    image = _object(answer, "an image")
    created = datetime.fromtimestamp(_number(image.get("Created"), _LAST_SECOND), UTC)
    return ImageInfo(
        id=found,
        repo_tags=_names(image.get("RepoTags")),
        repo_digests=_names(image.get("RepoDigests")),
        size=_number(image.get("Size")),
        created=created.isoformat().replace("+00:00", "Z"),
    )


def distribution(answer: object) -> Distribution:
    found = _object(answer, "a distribution")
    descriptor = _mapping(found.get("Descriptor"))
    return Distribution(
        digest=_text(descriptor.get("digest"), LONG),
        media_type=_text(descriptor.get("mediaType"), LONG),
        platforms=tuple(_platform(_mapping(entry)) for entry in _list(found.get("Platforms"))),
    )


def _platform(entry: dict[str, Any]) -> str:
    parts = (_text(entry.get(name)) for name in ("os", "architecture", "variant"))
    return "/".join(part for part in parts if part)


def _names(names: object) -> tuple[str, ...]:
    """Older engines list an image without a name as `<none>:<none>`."""
    return tuple(name for name in _texts(names) if not name.startswith("<none>"))


def _texts(value: object) -> tuple[str, ...]:
    return tuple(_text(item, LONG) for item in _list(value) if isinstance(item, str))


def _text(value: object, limit: int = SHORT) -> str:
    """Without NUL and halves of surrogate pairs: JSON may hold both, databases neither."""
    if not isinstance(value, str):
        return ""
    return value[:limit].replace("\0", "?").encode("utf-8", "replace").decode()


def _number(value: object, most: int = _MOST_BYTES) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        return 0
    return min(max(value, 0), most)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _object(answer: object, what: str) -> dict[str, Any]:
    if not isinstance(answer, dict):
        raise _no_engine(what)
    return answer


def _no_engine(what: str) -> EngineError:
    return EngineError("engine_not_docker", f"the answer for {what} has another shape than an engine's")
