"""How a pull from a fake engine goes: a script of steps, written by the test or made from the image."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from nodes.engine import EngineError, EngineRejected, RegistryAuth
from tests.support.fake_registry import FakeImage, FakeLayer


@dataclass(frozen=True)
class Say:
    """One event, as the engine writes it: Say(status="Downloading", id="0123456789ab", progressDetail={…})."""

    message: dict[str, Any]

    def __init__(self, **message: Any) -> None:
        object.__setattr__(self, "message", message)


@dataclass(frozen=True)
class Wait:
    """Silence for some seconds."""

    seconds: float


@dataclass(frozen=True)
class Hold:
    """Silence until the test sets the event, or the pull is closed."""

    until: threading.Event


@dataclass(frozen=True)
class Refuse:
    """An HTTP error: only as the first step, or after silence."""

    status: int
    text: str


@dataclass(frozen=True)
class Fail:
    """An error event; the stream ends with it."""

    text: str


@dataclass(frozen=True)
class Break:
    """The connection breaks, or, as the first step, cannot be made."""

    error: EngineError = field(default_factory=lambda: EngineError("engine_gone", "Response ended prematurely"))


@dataclass(frozen=True)
class Arrive:
    """The image is on the engine from here on."""

    image: FakeImage


Step = Say | Wait | Hold | Refuse | Fail | Break | Arrive


@dataclass
class FakePull:
    """What a fake engine remembers of one pull."""

    repository: str
    tag_or_digest: str
    auth: RegistryAuth | None
    platform: str | None
    stopped: threading.Event = field(default_factory=threading.Event)  # closed by the consumer, or at its end
    said: int = 0  # events sent so far
    completed: bool = False  # the script came to its end


class ScriptedSource:
    """A `PullSource` that plays a script."""

    def __init__(self, pull: FakePull, steps: Sequence[Step], *, pace: float, engine: Any) -> None:
        self._pull = pull
        self._steps = steps
        self._pace = pace
        self._engine = engine

    def read(self) -> Iterator[bytes]:
        self._engine.pull_begins()
        try:
            for step in self._steps:
                if self._pace and isinstance(step, Say):
                    self._pull.stopped.wait(self._pace)
                if self._pull.stopped.is_set():
                    return
                yield from self._play(step)
            self._pull.completed = True
        finally:
            self._engine.pull_ends()

    def abort(self) -> None:
        self._pull.stopped.set()

    def _play(self, step: Step) -> Iterator[bytes]:
        match step:
            case Say():
                self._pull.said += 1
                yield _line(step.message)
            case Wait():
                self._pull.stopped.wait(step.seconds)
            case Hold():
                while not step.until.wait(0.01) and not self._pull.stopped.is_set():
                    pass
            case Refuse():
                raise EngineRejected(step.status, step.text)
            case Fail():
                yield _line({"errorDetail": {"message": step.text}, "error": step.text})
            case Break():
                raise step.error
            case Arrive():
                self._engine.add_image(step.image)


def _line(message: dict[str, Any]) -> bytes:
    return json.dumps(message).encode() + b"\r\n"


def usual_script(image: FakeImage, *, known: frozenset[str], steps_per_layer: int) -> list[Step]:
    """The events of a graph-driver engine (docker-engine.md §2.1) for an image of which it has the layers `known`."""
    fresh = [layer for layer in image.layers if layer.diff_id not in known]
    script: list[Step] = [Say(status=f"Pulling from {image.repository.partition('/')[2]}", id=image.tag)]
    script += [_of(layer, "Already exists") for layer in image.layers if layer.diff_id in known]
    script += [_of(layer, "Pulling fs layer") for layer in fresh]
    script += [_of(layer, "Waiting") for layer in fresh[3:]]
    for layer in fresh:
        if layer.missing:
            return [*script, Fail("unknown blob")]
        script += _progress(layer, "Downloading", steps_per_layer)
        script += [_of(layer, "Verifying Checksum"), _of(layer, "Download complete")]
    for layer in fresh:
        script += [*_progress(layer, "Extracting", steps_per_layer), _of(layer, "Pull complete")]
    return [*script, Arrive(image), *_ending(image, "Downloaded newer image")]


def up_to_date_script(image: FakeImage) -> list[Step]:
    pulling = Say(status=f"Pulling from {image.repository.partition('/')[2]}", id=image.tag)
    return [pulling, *_ending(image, "Image is up to date")]


def _ending(image: FakeImage, words: str) -> list[Step]:
    return [Say(status=f"Digest: {image.digest}"), Say(status=f"Status: {words} for {image.reference}")]


def _of(layer: FakeLayer, status: str, **detail: int) -> Say:
    return Say(status=status, progressDetail=detail, id=layer.short)


def _progress(layer: FakeLayer, status: str, steps: int) -> list[Step]:
    counts = sorted({layer.size * number // steps for number in range(1, steps + 1)})
    return [_of(layer, status, current=count, total=layer.size) for count in counts]
