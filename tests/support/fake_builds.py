"""Builds and pushes of a fake engine: by scripts of steps, or as engines usually do them.

    engine.builds.script(Say(stream="Step 1/1 : FROM base\n"), Hold(event), Fail("no"))  # the next build goes so
    engine.builds.all[0].spec, .context (what was sent of it), .stopped, .completed

Without a script a build reads its context and does what the Dockerfile says, see `fake_dockerfile`. Scripts are written
in the messages of a classic builder, whatever builder was asked for.
"""

from __future__ import annotations

import io
import tarfile
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from nodes.engine import BUILDKIT, CLASSIC, BuildSpec, EngineRejected, RegistryAuth
from nodes.engine.build_classic import ClassicDecoder
from nodes.engine.build_stream import BuildDecoder
from nodes.engine.buildkit.decoder import BuildKitDecoder
from tests.support.fake_dockerfile import BuildFailed, Kitchen
from tests.support.fake_pulls import Arrive, Break, Fail, Hold, Refuse, Say, Wait
from tests.support.fake_pulls import _line as line
from tests.support.fake_registry import FakeImage


@dataclass(frozen=True)
class TakeContext:
    """Read the context: so many chunks, all of them by default. A script without it reads none."""

    chunks: int | None = None


Step = Say | Wait | Hold | Refuse | Fail | Break | Arrive | TakeContext


@dataclass
class FakeBuild:
    """What a fake engine remembers of one build."""

    spec: BuildSpec
    context: bytearray = field(default_factory=bytearray)
    stopped: threading.Event = field(default_factory=threading.Event)  # closed by the consumer, or at its end
    completed: bool = False


@dataclass
class FakePush:
    """What a fake engine remembers of one push."""

    repository: str
    tag: str
    auth: RegistryAuth | None
    stopped: threading.Event = field(default_factory=threading.Event)
    said: int = 0  # events sent so far
    completed: bool = False


@dataclass
class FakeBuilds:
    """Of one engine. Knobs: `preferred`. To look at afterwards: `all`, `running`."""

    preferred: str = CLASSIC
    all: list[FakeBuild] = field(default_factory=list)
    scripts: deque[tuple[Step, ...]] = field(default_factory=deque)
    cache: set[str] = field(default_factory=set)  # steps whose results are there
    running: int = 0

    def script(self, *steps: Step) -> None:
        """The next build goes like this; further calls script the ones after it."""
        self.scripts.append(steps)


@dataclass
class FakePushes:
    """Of one engine."""

    all: list[FakePush] = field(default_factory=list)
    scripts: deque[tuple[Step, ...]] = field(default_factory=deque)

    def script(self, *steps: Step) -> None:
        """The next push goes like this; further calls script the ones after it."""
        self.scripts.append(steps)


class BuildSource:
    """A `PullSource`: one build."""

    def __init__(self, engine: Any, build: FakeBuild, context: Iterable[bytes]) -> None:
        self._engine, self._build, self._context = engine, build, iter(context)
        scripts = engine.builds.scripts
        self._script = scripts.popleft() if scripts else None
        engine.builds.all.append(build)

    def decoder(self) -> BuildDecoder:
        builder = self._build.spec.builder or self._engine.builds.preferred
        return BuildKitDecoder() if builder == BUILDKIT and self._script is None else ClassicDecoder()

    def read(self) -> Iterator[bytes]:
        self._engine.check()
        self._engine.builds.running += 1
        try:
            for step in self._usual() if self._script is None else self._script:
                if self._build.stopped.is_set():
                    return
                yield from self._play(step)
            self._build.completed = not self._build.stopped.is_set()
        finally:
            self._engine.builds.running -= 1

    def abort(self) -> None:
        self._build.stopped.set()

    def _play(self, step: Step) -> Iterator[bytes]:
        if not isinstance(step, TakeContext):
            yield from play(step, self._build.stopped, self._engine)
            return
        for number, chunk in enumerate(self._context, 1):
            self._build.context += chunk
            if number == step.chunks or self._build.stopped.is_set():
                return

    def _usual(self) -> Iterator[Step]:
        yield TakeContext()
        if self._build.stopped.is_set():
            return
        try:
            yield from Kitchen(self._engine, self._build.spec, _files(bytes(self._build.context))).cook()
        except BuildFailed as failure:
            yield Refuse(failure.status, str(failure)) if failure.status else Fail(str(failure))


class PushSource:
    """A `PullSource`: one push."""

    def __init__(self, engine: Any, push: FakePush) -> None:
        self._engine, self._push = engine, push
        self._scripts = engine.pushes.scripts
        engine.pushes.all.append(push)

    def read(self) -> Iterator[bytes]:
        self._engine.check()
        for step in self._scripts.popleft() if self._scripts else self._usual():
            if self._engine.pace and isinstance(step, Say):
                self._push.stopped.wait(self._engine.pace)
            if self._push.stopped.is_set():
                return
            self._push.said += isinstance(step, Say)
            yield from play(step, self._push.stopped, self._engine)
        self._push.completed = not self._push.stopped.is_set()

    def abort(self) -> None:
        self._push.stopped.set()

    def _usual(self) -> Iterator[Step]:
        repository, tag = self._push.repository, self._push.tag
        host, _, path = repository.partition("/")
        image = self._engine.find(f"{repository}:{tag}")
        yield Say(status=f"The push refers to repository [{repository}]")
        if image is None:
            named = any(name.startswith(f"{repository}:") for name in self._engine.all_names())
            where = f"{repository}:{tag}" if named else repository
            words = "tag does not exist" if named else "An image does not exist locally with the tag"
            yield Fail(f"{words}: {where}")
            return
        if not self._engine.registry.reaches(host):
            yield Fail(f'Get "http://{host}/v2/": dial tcp {host}: connect: connection refused')
            return
        for layer in image.layers:
            yield Say(status="Preparing", progressDetail={}, id=layer.diff_id[7:19])
        if self._engine.refusal(repository, self._push.auth) is not None:
            yield Fail(
                "no basic auth credentials" if self._push.auth is None else "unauthorized: authentication required"
            )
            return
        for layer in reversed(image.layers):
            owners = self._owners(layer)
            yield from self._send(layer, owners, f"{host}/{path}", host)
        pushed = FakeImage(repository, tag, image.layers, platform=image.platform)
        self._engine.registry.add(pushed)
        self._engine.name_image(f"{repository}@{pushed.digest}", image)
        size = 500 + 100 * len(image.layers)
        yield Say(status=f"{tag}: digest: {pushed.digest} size: {size}")
        yield Say(progressDetail={}, aux={"Tag": tag, "Digest": pushed.digest, "Size": size})

    def _owners(self, layer: Any) -> list[str]:
        """The repositories of which the engine knows that they have a layer: it got it from there, or sent it there."""
        engine = self._engine
        digests = [(image, name) for image in engine.images() for name in engine.names_of(image) if "@" in name]
        return [name.partition("@")[0] for image, name in digests if layer in image.layers]

    def _send(self, layer: Any, owners: list[str], repository: str, host: str) -> Iterator[Step]:
        name = layer.diff_id[7:19]
        if repository in owners:
            yield Say(status="Layer already exists", progressDetail={}, id=name)
            return
        mounted = next((owner for owner in owners if owner.startswith(f"{host}/")), "")
        if mounted:
            yield Say(status=f"Mounted from {mounted.partition('/')[2]}", progressDetail={}, id=name)
            return
        steps = self._engine.steps_per_layer
        for number in range(1, steps + 1):
            detail = {"current": layer.size * number // steps, "total": layer.size}
            yield Say(status="Pushing", progressDetail=detail, id=name)
        yield Say(status="Pushed", progressDetail={}, id=name)


def play(step: Any, stopped: threading.Event, engine: Any) -> Iterator[bytes]:
    match step:
        case Say():
            yield line(step.message)
        case Wait():
            stopped.wait(step.seconds)
        case Hold():
            while not step.until.wait(0.01) and not stopped.is_set():
                pass
        case Refuse():
            raise EngineRejected(step.status, step.text)
        case Fail():
            yield line({"errorDetail": {"message": step.text}, "error": step.text})
        case Break():
            raise step.error
        case Arrive():
            engine.add_image(step.image)


def _files(context: bytes) -> dict[str, bytes]:
    try:
        with tarfile.open(fileobj=io.BytesIO(context)) as archive:
            found = {}
            for member in archive.getmembers():
                file = archive.extractfile(member) if member.isfile() else None
                if file is not None:
                    found[member.name.removeprefix("./")] = file.read()
            return found
    except tarfile.TarError as error:
        raise BuildFailed(f"Error processing tar file(exit status 1): {error}", status=500) from error
