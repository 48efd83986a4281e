"""The part of `DockerEngine` that is about building images and sending them to registries."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar
from urllib.parse import quote
from weakref import WeakSet

from .build_classic import ClassicDecoder
from .build_requests import build_query, registry_config, secrets_of
from .build_stream import BuildStream, PushStream
from .build_types import BUILDKIT, CLASSIC, BuildSpec
from .buildkit.decoder import BuildKitDecoder
from .buildkit.session import Session
from .buildkit.source import BuildKitSource, new_name
from .client import EngineClient, auth_header
from .containers import Closable
from .http_source import HttpSource
from .translate import translated
from .types import RegistryAuth

Stream = TypeVar("Stream", bound=Closable)


class BuildCalls:
    """All methods: see `Engine`."""

    _client: EngineClient
    _streams: WeakSet[Closable]

    @property
    def preferred_builder(self) -> str:
        with translated():
            answer = self._client._get(self._client._url("/_ping"))
            self._client._raise_for_status(answer)
        return BUILDKIT if answer.headers.get("Builder-Version") == "2" else CLASSIC

    def build_image(self, spec: BuildSpec, context: Iterable[bytes]) -> BuildStream:
        builder = spec.builder or self.preferred_builder
        if builder == CLASSIC:
            return self._kept(BuildStream(self._request(build_query(spec, CLASSIC), spec, context), ClassicDecoder()))
        name = new_name()
        query = {**build_query(spec, BUILDKIT), "session": name, "buildid": name}
        session = Session(auths=spec.auths, secrets=spec.secrets)
        source = BuildKitSource(self._client, session, self._request(query, spec, context), name=name)
        return self._kept(BuildStream(source, BuildKitDecoder()))

    def push(self, repository: str, *, tag: str, auth: RegistryAuth | None) -> PushStream:
        path = self._client.path(f"/images/{quote(repository, safe='/:')}/push", {"tag": tag})
        secrets = (auth.password,) if auth else ()
        source = HttpSource(self._client, method="POST", path=path, headers=auth_header(auth), secrets=secrets)
        return self._kept(PushStream(source))

    def _request(self, query: dict[str, str], spec: BuildSpec, context: Iterable[bytes]) -> HttpSource:
        return HttpSource(
            self._client,
            method="POST",
            path=self._client.path("/build", query),
            headers={"Content-Type": "application/x-tar", **registry_config(spec.auths)},
            secrets=secrets_of(spec),
            body=context,
        )

    def _kept(self, stream: Stream) -> Stream:
        self._streams.add(stream)
        return stream
