"""`Engine` over the Docker SDK. Import `nodes.engine.connect`, not this: importing the SDK is slow."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from threading import Lock
from time import monotonic
from urllib.parse import quote
from weakref import WeakSet

import docker.errors

from . import answers
from .builds import BuildCalls
from .client import EngineClient, auth_header
from .containers import Closable, ContainerCalls
from .disk import disk_space
from .http_source import HttpSource
from .image_streams import LoadDecoder, LoadStream, SavedImage
from .pull_stream import PullStream
from .shapes import demand_list
from .translate import translated
from .types import DiskSpace, Distribution, EngineEndpoint, EngineInfo, ImageInfo, RegistryAuth
from .volumes import VolumeCalls

MAX_CACHED_LAYERS = 5000


class DockerEngine(ContainerCalls, VolumeCalls, BuildCalls):
    """One client for one endpoint. All methods: see `Engine`."""

    def __init__(
        self, endpoint: EngineEndpoint, *, timeout: float, known_hosts: str | None, within: float | None = None
    ) -> None:
        self._endpoint = endpoint
        self._client = EngineClient(endpoint, timeout=timeout, known_hosts=known_hosts, within=within)
        self._streams: WeakSet[Closable] = WeakSet()

    def close(self) -> None:
        """Ends the pulls and other streams that are still running through this connection, too."""
        for stream in list(self._streams):
            stream.close()
        self._client.close()

    @property
    def platform(self) -> str:
        return answers.platform(self._client.about)

    def ping(self) -> float:
        with translated():
            started = monotonic()
            self._client.ping()
            return monotonic() - started

    def info(self) -> EngineInfo:
        with translated():
            answer = self._client.info()
        return answers.engine_info(answer, self._client.about)

    def inspect_image(self, reference: str) -> ImageInfo | None:
        with translated():
            try:
                return answers.inspected(self._client.inspect_image(reference))
            except docker.errors.NotFound:
                return None

    def list_images(self) -> list[ImageInfo]:
        with translated():
            return [answers.listed(answer) for answer in demand_list(self._client.images())]

    def image_layers(self) -> list[tuple[str, ...]]:
        with translated():
            ids = [answers.image_id(answer) for answer in demand_list(self._client.images(all=True))]
        return [chain for chain in map(self._layers_of, dict.fromkeys(ids)) if chain]

    def pull(
        self, repository: str, *, tag_or_digest: str, auth: RegistryAuth | None, platform: str | None = None
    ) -> PullStream:
        query = {"fromImage": repository, "tag": tag_or_digest}
        if platform:
            query["platform"] = platform
        path, secrets = self._client.path("/images/create", query), (auth.password,) if auth else ()
        source = HttpSource(self._client, method="POST", path=path, headers=auth_header(auth), secrets=secrets)
        return self._opened(PullStream(source))

    def save_image(self, reference: str) -> SavedImage:
        path = self._client.path(f"/images/{quote(reference, safe='/:@')}/get", {})
        return self._opened(SavedImage(HttpSource(self._client, method="GET", path=path)))

    def load_image(self, archive: Iterable[bytes]) -> LoadStream:
        headers = {"Content-Type": "application/x-tar"}
        path = self._client.path("/images/load", {"quiet": "0"})
        source = HttpSource(self._client, method="POST", path=path, headers=headers, body=archive)
        return self._opened(LoadStream(source, LoadDecoder()))

    def distribution(self, reference: str, *, auth: RegistryAuth | None) -> Distribution:
        client = self._client
        with translated(secrets=(auth.password,) if auth else ()):
            url = client._url("/distribution/{0}/json", reference)
            answer = client._result(client._get(url, headers=auth_header(auth)), json=True)
        return answers.distribution(answer)

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
        """Cached by id, which names the content: with the containerd store that of an index, which means another image
        on a machine of another architecture."""
        key = (image_id, self._client.about.get("Arch", ""))
        known = _layers_cache.get(key)
        if known is not None:
            return known
        image = self.inspect_image(image_id)
        if image is None:  # removed since the list was made
            return ()
        _layers_cache.put(key, image.diff_ids)
        return image.diff_ids


class _LayersCache:
    """The chains read last, for all engines and threads of this process."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._chains: OrderedDict[tuple[str, str], tuple[str, ...]] = OrderedDict()

    def get(self, key: tuple[str, str]) -> tuple[str, ...] | None:
        with self._lock:
            return self._chains.get(key)

    def put(self, key: tuple[str, str], chain: tuple[str, ...]) -> None:
        with self._lock:
            self._chains[key] = chain
            while len(self._chains) > MAX_CACHED_LAYERS:
                self._chains.popitem(last=False)


_layers_cache = _LayersCache()
