"""One attempt to bring an image onto a node from somewhere else than a registry.

The bytes go from one connection to the other; nothing of them is kept here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from django.conf import settings

from core.heartbeat import heartbeat
from imagelib.addresses import ImageReference
from nodes.engine import Engine, EngineError, EngineRejected, ImageInfo
from nodes.models import ComputeNode
from pulls.archive_listing import ArchivedImage
from pulls.archives import ArchiveUnusable, choose, demand_nothing_else, packed, read_archive
from pulls.failures import failure
from pulls.models import PullJob
from pulls.outcome import Arrived, Layers, PullFailed, Stopped
from pulls.reporting import Reporter
from pulls.subject import demand_platform, digests, name_on_engine
from pulls.tools import Tools
from pulls.transfer_failures import loading_failure, source_failure
from pulls.transfer_meter import TransferMeter

# Engines pack before the first byte and unpack after the last one, without a word (docker-engine.md §5.3).
SILENT_PATIENCE = 10.0  # times the stall limit
SLOW_VERIFICATION = 1.0  # seconds after which watchers see that the image is being looked for


@dataclass(frozen=True, slots=True)
class Arrival:
    """What every way into an engine shares."""

    job: PullJob
    node: ComputeNode
    engine: Engine
    reference: ImageReference
    reporter: Reporter
    tools: Tools


class Cargo:
    """The chunks on their way: how many bytes the engine took, and whether it was their source that failed."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks
        self.moved = 0
        self.ended = False
        self.failure: EngineError | None = None
        self.unusable: ArchiveUnusable | None = None  # why, if it is an archive

    def __iter__(self) -> Iterator[bytes]:
        try:
            for chunk in self._chunks:
                yield chunk
                self.moved += len(chunk)
        except EngineError as error:
            self.failure = error
            raise
        except ArchiveUnusable as error:
            self.unusable = error
            self.failure = EngineError("engine_gone", error.failure.evidence)  # what streams pass on
            raise self.failure from error
        self.ended = True


def transfer(arrival: Arrival, source: ComputeNode) -> Arrived:
    """Let `source` pack the image while the node takes it in.

    Raises `Stopped`, `PullFailed`, and the gateway's errors about the node itself.
    """
    name, tools = name_on_engine(arrival.reference), arrival.tools
    with ExitStack() as stack:
        with _asking(source):
            giver = stack.enter_context(tools.connect(source.endpoint()))
            promised = giver.inspect_image(name)
        if promised is None:
            raise PullFailed(failure("source_image_gone", params={"source": source.name}))
        demand_platform(promised.platform, arrival.engine.platform)
        if is_same(arrival.engine.inspect_image(name), promised):
            return already_there(arrival, promised)
        arrival.reporter.glance()
        meter = TransferMeter(size=promised.size, exact=False, now=tools.monotonic())
        event = ("transfer_planned", {"source": source.name, "total": promised.size})
        with giver.save_image(name) as saved:
            arrival.reporter.start(meter, digest="", bytes_total=promised.size, event=event)
            cargo = Cargo(saved.chunks())
            try:
                load(arrival, cargo, meter)
            except EngineError as error:
                if error is not cargo.failure:
                    raise
                raise PullFailed(source_failure(error, source=source.name)) from error
    return confirm(arrival, promised)


@contextmanager
def _asking(source: ComputeNode) -> Iterator[None]:
    """What goes wrong in this block is the source's trouble."""
    try:
        yield
    except EngineError as error:
        raise PullFailed(source_failure(error, source=source.name)) from error


@contextmanager
def _unpacking() -> Iterator[None]:
    try:
        yield
    except ArchiveUnusable as error:
        raise PullFailed(error.failure) from error


def unpack(arrival: Arrival) -> Arrived:
    """Load the job's archive, a file that this worker reads."""
    path, reference = arrival.job.archive, arrival.reference
    with _unpacking():
        images = read_archive(path, glance=arrival.reporter.glance)
        image = choose(images, reference, platform=arrival.engine.platform)
        demand_nothing_else(images, image)
    if is_same(arrival.engine.inspect_image(name_on_engine(reference)), image.info):
        return already_there(arrival, image.info)
    with _unpacking():
        content = packed(path, image, reference)
    meter = TransferMeter(size=content.size, exact=content.exact, now=arrival.tools.monotonic())
    event = ("archive_planned", {"total": content.size})
    arrival.reporter.start(meter, digest="", bytes_total=content.size, event=event)
    cargo = Cargo(content.chunks)
    try:
        names = load(arrival, cargo, meter)
    except EngineError as error:
        if cargo.unusable is None or error is not cargo.failure:
            raise
        raise PullFailed(cargo.unusable.failure) from error
    if image.paths is None and not image.is_named(reference):
        _name_it(arrival, image, names)
    return confirm(arrival, image.info)


def _name_it(arrival: Arrival, image: ArchivedImage, loaded: list[str]) -> None:
    """The archive calls it otherwise, or nothing at all: then engines tell its id, which some make of another part of
    it than its configuration."""
    known = [name for name in (*image.names, image.info.id) if arrival.engine.inspect_image(name)]
    reference = arrival.reference
    arrival.engine.tag((known or loaded)[0], reference.name, reference.tag or "latest")


def load(arrival: Arrival, cargo: Cargo, meter: TransferMeter) -> list[str]:
    """Let the engine take the archive in, to the end of its stream. Returns the names that it tells.

    Raises `cargo.failure` when that is set; else what fails is the engine's.
    """
    job, tools = arrival.job, arrival.tools
    names = []
    try:
        with arrival.engine.load_image(cargo) as loading:
            for event in loading:
                meter.feed(event, moved=cargo.moved, all_moved=cargo.ended, now=tools.monotonic())
                if event is not None and event.loaded:
                    names.append(event.loaded)
                arrival.reporter.tick()
                if tools.interrupted():
                    raise Stopped("interrupted")
                _demand_movement(job, meter, tools)
    except EngineRejected as error:
        if error is cargo.failure:
            raise
        raise PullFailed(loading_failure(error)) from error
    meter.feed(None, moved=cargo.moved, all_moved=True, now=tools.monotonic())
    return names


def _demand_movement(job: PullJob, meter: TransferMeter, tools: Tools) -> None:
    limit = job.stall_after or settings.STALL_AFTER
    now = tools.monotonic()
    idle = now - meter.moved_at
    if idle > limit and (meter.progress(now=now).phase == "downloading" or idle > limit * SILENT_PATIENCE):
        raise PullFailed(failure("stalled", params={"seconds": str(round(idle))}))


def is_same(image: ImageInfo | None, promised: ImageInfo) -> bool:
    """Whether an engine has just this image. Ids tell nothing between engines with different image stores, so what
    they stand for is compared."""
    return image is not None and _content(image) == _content(promised)


def _content(image: ImageInfo) -> tuple[object, ...]:
    runs = (dict(image.environment), image.command, image.entrypoint, image.user)
    return (image.diff_ids, image.os, image.architecture, runs)


def already_there(arrival: Arrival, image: ImageInfo) -> Arrived:
    """Nothing has to move."""
    meter = TransferMeter(size=0, exact=True, now=arrival.tools.monotonic())
    arrival.reporter.start(meter, digest="", bytes_total=0, event=("already_here", {}))
    arrival.reporter.verified()
    return _arrived(arrival, image, known_as=image.id)


def confirm(arrival: Arrival, promised: ImageInfo) -> Arrived:
    """The engine shows what was promised, under the name that was asked for; else `PullFailed`."""
    with heartbeat(arrival.job, every=SLOW_VERIFICATION, saying={"progress": arrival.reporter.verifying()}):
        image = arrival.engine.inspect_image(name_on_engine(arrival.reference))
    if image is None:
        raise PullFailed(failure("image_absent_after_pull"))
    if not is_same(image, promised):
        raise PullFailed(failure("transfer_mismatch", evidence=f"{image.id} != {promised.id}"))
    arrival.reporter.verified()
    return _arrived(arrival, promised, known_as=image.id)


def _arrived(arrival: Arrival, image: ImageInfo, *, known_as: str) -> Arrived:
    digest = min(digests(image, arrival.reference), default="")
    layers = Layers(arrival.node, arrival.engine.platform, arrival.tools.now(), image.diff_ids)
    return Arrived(digest, digest or known_as, layers)
