"""`Engine` over the Docker SDK. Import `nodes.engine.connect`, not this: importing the SDK is slow."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from datetime import UTC, datetime
from threading import Lock
from time import monotonic
from typing import Any

import docker.errors

from .client import EngineClient, auth_header
from .disk import disk_space
from .pull_source import HttpPullSource
from .pull_stream import PullStream
from .translate import translated
from .types import DiskSpace, Distribution, EngineEndpoint, EngineInfo, ImageInfo, RegistryAuth

CONTAINERD_STORE = ["driver-type", "io.containerd.snapshotter.v1"]
MAX_CACHED_LAYERS = 5000


class DockerEngine:
    """One client for one endpoint. All methods: see `Engine`."""

    def __init__(self, endpoint: EngineEndpoint, *, timeout: float, known_hosts: str | None) -> None:
        self._endpoint = endpoint
        self._client = EngineClient(endpoint, timeout=timeout, known_hosts=known_hosts)
        self._pulls: weakref.WeakSet[PullStream] = weakref.WeakSet()

    def close(self) -> None:
        """Ends the pulls that are still running through this connection, too."""
        for stream in list(self._pulls):
            stream.close()
        self._client.close()

    def ping(self) -> float:
        with translated():
            started = monotonic()
            self._client.ping()
            return monotonic() - started

    def info(self) -> EngineInfo:
        with translated():
            answer = self._client.info()
        return _engine_info(answer, self._client.about)

    def inspect_image(self, reference: str) -> ImageInfo | None:
        with translated():
            try:
                return _inspected(self._client.inspect_image(reference))
            except docker.errors.NotFound:
                return None

    def list_images(self) -> list[ImageInfo]:
        with translated():
            return [_listed(answer) for answer in self._client.images()]

    def image_layers(self) -> list[tuple[str, ...]]:
        with translated():
            ids = [answer["Id"] for answer in self._client.images(all=True)]
        return [chain for chain in map(self._layers_of, dict.fromkeys(ids)) if chain]

    def pull(
        self, repository: str, *, tag_or_digest: str, auth: RegistryAuth | None, platform: str | None = None
    ) -> PullStream:
        query = {"fromImage": repository, "tag": tag_or_digest}
        if platform:
            query["platform"] = platform
        stream = PullStream(HttpPullSource(self._client, query=query, auth=auth))
        self._pulls.add(stream)
        return stream

    def distribution(self, reference: str, *, auth: RegistryAuth | None) -> Distribution:
        client = self._client
        with translated(secrets=(auth.password,) if auth else ()):
            url = client._url("/distribution/{0}/json", reference)
            answer = client._result(client._get(url, headers=auth_header(auth)), json=True)
        descriptor = answer.get("Descriptor") or {}
        platforms = tuple(_platform(entry) for entry in answer.get("Platforms") or ())
        media_type = descriptor.get("mediaType") or descriptor.get("MediaType") or ""
        return Distribution(digest=descriptor.get("digest", ""), media_type=media_type, platforms=platforms)

    def disk_free(self) -> DiskSpace | None:
        return disk_space(self._client, self.info(), self._endpoint.address)

    def tag(self, image: str, repository: str, tag: str) -> None:
        with translated():
            self._client.tag(image, repository, tag)

    def remove_image(self, reference: str, *, force: bool = False) -> bool:
        with translated():
            try:
                self._client.remove_image(reference, force=force)
            except docker.errors.NotFound:
                return False
            return True

    def _layers_of(self, image_id: str) -> tuple[str, ...]:
        """An id names its content, so what was once read of it holds, on every engine, as long as we live."""
        known = _layers_cache.get(image_id)
        if known is not None:
            return known
        image = self.inspect_image(image_id)
        if image is None:  # removed since the list was made
            return ()
        _layers_cache.put(image_id, image.diff_ids)
        return image.diff_ids


class _LayersCache:
    def __init__(self) -> None:
        self._lock = Lock()
        self._chains: OrderedDict[str, tuple[str, ...]] = OrderedDict()

    def get(self, image_id: str) -> tuple[str, ...] | None:
        with self._lock:
            return self._chains.get(image_id)

    def put(self, image_id: str, chain: tuple[str, ...]) -> None:
        with self._lock:
            self._chains[image_id] = chain
            while len(self._chains) > MAX_CACHED_LAYERS:
                self._chains.popitem(last=False)


_layers_cache = _LayersCache()


def _engine_info(answer: dict[str, Any], about: dict[str, Any]) -> EngineInfo:
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


def _inspected(answer: dict[str, Any]) -> ImageInfo:
    return ImageInfo(
        id=answer["Id"],
        repo_tags=_names(answer.get("RepoTags")),
        repo_digests=_names(answer.get("RepoDigests")),
        size=answer.get("Size", 0),
        os=answer.get("Os", ""),
        architecture=answer.get("Architecture", ""),
        diff_ids=tuple((answer.get("RootFS") or {}).get("Layers") or ()),
        created=answer.get("Created") or "",
    )


def _listed(answer: dict[str, Any]) -> ImageInfo:
    created = datetime.fromtimestamp(answer.get("Created", 0), UTC)
    return ImageInfo(
        id=answer["Id"],
        repo_tags=_names(answer.get("RepoTags")),
        repo_digests=_names(answer.get("RepoDigests")),
        size=answer.get("Size", 0),
        created=created.isoformat().replace("+00:00", "Z"),
    )


def _names(names: list[str] | None) -> tuple[str, ...]:
    """Older engines list an image without a name as `<none>:<none>`."""
    return tuple(name for name in names or () if not name.startswith("<none>"))


def _platform(entry: dict[str, str]) -> str:
    parts = (entry.get("os", ""), entry.get("architecture", ""), entry.get("variant", ""))
    return "/".join(part for part in parts if part)
