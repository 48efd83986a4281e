"""An open connection to a fake engine: the fake's implementation of the `Engine` protocol."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from nodes.engine import (
    BuildSpec,
    BuildStream,
    DiskSpace,
    Distribution,
    EngineInfo,
    EngineRejected,
    ImageInfo,
    LoadStream,
    PullStream,
    PushStream,
    RegistryAuth,
    SavedImage,
)
from nodes.engine.image_streams import LoadDecoder
from tests.support.fake_builds import BuildSource, FakeBuild, FakePush, PushSource
from tests.support.fake_container_calls import FakeContainerCalls
from tests.support.fake_pulls import FakePull, ScriptedSource
from tests.support.fake_registry import FakeImage
from tests.support.fake_transfers import LoadingSource, SavingSource

if TYPE_CHECKING:
    from tests.support.fake_engine import FakeEngine


class FakeConnection(FakeContainerCalls):
    """What `FakeEngine.connect` and `FakeFleet.connect` hand out. All methods: see `nodes.engine.Engine`."""

    def __init__(self, engine: FakeEngine) -> None:
        self._engine = engine
        self._streams = []

    def close(self) -> None:
        for stream in self._streams:
            stream.close()

    @property
    def platform(self) -> str:
        return self._engine.platform

    def ping(self) -> float:
        self._engine.check()
        return 0.001

    def info(self) -> EngineInfo:
        self._engine.check()
        system, _, architecture = self._engine.platform.partition("/")
        return EngineInfo(
            name=self._engine.name,
            engine_version="20.10.24",
            api_version="1.41",
            os=system,
            architecture=architecture,
            cpus=8,
            memory_bytes=64_000_000_000,
            storage_driver="overlay2",
            containerd_store=False,
            data_root="/var/lib/docker",
            operating_system="Fake Linux",
            images=len(self._engine.images()),
            containers_running=sum(container.running for container in self._engine.containers.all.values()),
        )

    def inspect_image(self, reference: str) -> ImageInfo | None:
        self._engine.check()
        image = self._engine.find(reference)
        if image is None:
            return None
        system, _, architecture = image.platform.partition("/")
        described = self._describe(image, os=system, architecture=architecture, diff_ids=image.diff_ids)
        return replace(
            described,
            environment=dict(image.environment),
            command=image.command,
            entrypoint=image.entrypoint,
            exposed_ports=image.exposed_ports,
            user=image.user,
            labels=dict(image.labels),
        )

    def list_images(self) -> list[ImageInfo]:
        self._engine.check()
        return [self._describe(image) for image in self._engine.images()]

    def image_layers(self) -> list[tuple[str, ...]]:
        self._engine.check()
        return [image.diff_ids for image in self._engine.images()]

    def pull(
        self, repository: str, *, tag_or_digest: str, auth: RegistryAuth | None, platform: str | None = None
    ) -> PullStream:
        pull = FakePull(repository, tag_or_digest, auth, platform)
        steps = self._engine.steps_for(pull)
        source = ScriptedSource(pull, steps, pace=self._engine.pace, engine=self._engine)
        stream = PullStream(source, tick=self._engine.tick)
        self._streams.append(stream)
        return stream

    def save_image(self, reference: str) -> SavedImage:
        saved = SavedImage(SavingSource(self._engine, reference))
        self._streams.append(saved)
        return saved

    def load_image(self, archive: Iterable[bytes]) -> LoadStream:
        stream = LoadStream(LoadingSource(self._engine, archive), LoadDecoder(), tick=self._engine.tick)
        self._streams.append(stream)
        return stream

    @property
    def preferred_builder(self) -> str:
        self._engine.check()
        return self._engine.builds.preferred

    def build_image(self, spec: BuildSpec, context: Iterable[bytes]) -> BuildStream:
        source = BuildSource(self._engine, FakeBuild(spec), context)
        stream = BuildStream(source, source.decoder(), tick=self._engine.tick)
        self._streams.append(stream)
        return stream

    def push(self, repository: str, *, tag: str, auth: RegistryAuth | None) -> PushStream:
        stream = PushStream(PushSource(self._engine, FakePush(repository, tag, auth)), tick=self._engine.tick)
        self._streams.append(stream)
        return stream

    def distribution(self, reference: str, *, auth: RegistryAuth | None) -> Distribution:
        self._engine.check()
        repository, tag_or_digest = _split(reference)
        refusal = self._engine.refusal(repository, auth)
        if refusal is not None:
            raise EngineRejected(refusal.status, refusal.text)
        image = self._engine.registry.find(repository, tag_or_digest)
        if image is None:
            raise EngineRejected(404, "manifest unknown: manifest unknown")
        media_type = "application/vnd.docker.distribution.manifest.v2+json"
        return Distribution(digest=image.digest, media_type=media_type, platforms=(image.platform,))

    def disk_free(self) -> DiskSpace | None:
        self._engine.check()
        return self._engine.disk

    def tag(self, image: str, repository: str, tag: str) -> None:
        self._engine.check()
        found = self._engine.find(image)
        if found is None:
            raise EngineRejected(404, f"No such image: {image}")
        self._engine.name_image(f"{repository}:{tag}", found)

    def remove_image(self, reference: str, *, force: bool = False) -> bool:
        self._engine.check()
        return self._engine.remove(reference)

    def _describe(
        self, image: FakeImage, *, os: str = "", architecture: str = "", diff_ids: tuple[str, ...] = ()
    ) -> ImageInfo:
        names = self._engine.names_of(image)
        return ImageInfo(
            id=image.id,
            repo_tags=tuple(name for name in names if "@" not in name),
            repo_digests=tuple(name for name in names if "@" in name),
            size=2 * image.compressed_size,
            os=os,
            architecture=architecture,
            diff_ids=diff_ids,
            created="2024-01-01T00:00:00Z",
        )


def _split(reference: str) -> tuple[str, str]:
    """Repository, and tag or digest."""
    repository, at, digest = reference.partition("@")
    if at:
        return repository, digest
    path, colon, tag = reference.rpartition(":")
    return (path, tag) if colon and "/" not in tag else (reference, "latest")
