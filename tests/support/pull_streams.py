"""The pull streams of `tests/fixtures/pull_streams`: real engines' events with their times, as the meter gets them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from nodes.engine import EngineRejected
from nodes.engine.pull_events import EventDecoder
from nodes.engine.types import PullEvent
from pulls.meter import LayerPlan, Meter, Progress

STREAMS = Path(__file__).parent.parent / "fixtures" / "pull_streams"
TimedEvent = tuple[float, PullEvent]


@dataclass(frozen=True)
class Recording:
    name: str
    ended: str  # "success", "error", "cancelled", "broken"
    plan: tuple[LayerPlan, ...]
    events: tuple[TimedEvent, ...]

    @property
    def succeeded(self) -> bool:
        return self.ended == "success"

    @property
    def unknowing_plan(self) -> tuple[LayerPlan, ...]:
        """The same plan made without knowing what the node has."""
        return tuple(replace(layer, reused=False) for layer in self.plan)

    @property
    def size(self) -> int:
        """Bytes of all layers, each once."""
        return sum({layer.digest: layer.size for layer in self.plan}.values())


@cache
def recording(name: str) -> Recording:
    about = json.loads((STREAMS / f"{name}.json").read_text())
    plan = tuple(
        LayerPlan(layer["digest"], layer["size"], layer["digest"] in about["reused"]) for layer in about["layers"]
    )
    return Recording(name, about["ended"], plan, tuple(_events((STREAMS / f"{name}.jsonl").read_text())))


def names() -> list[str]:
    return sorted(path.stem for path in STREAMS.glob("*.jsonl"))


def replay(
    stream: Recording, *, plan: Sequence[LayerPlan] | None, until: float = float("inf")
) -> tuple[Meter, list[tuple[float, Progress]]]:
    """Feed everything up to a moment; the meter, and a snapshot before the first and after every event."""
    meter = Meter(plan=plan, now=0.0)
    pictures = [(0.0, meter.progress(now=0.0))]
    for at, event in stream.events:
        if at > until:
            break
        meter.feed(event, now=at)
        pictures.append((at, meter.progress(now=at)))
    return meter, pictures


def _events(text: str) -> Iterator[TimedEvent]:
    """Through the gateway's own decoder; an error event ends a stream, as it does for the worker."""
    decoder = EventDecoder()
    for line in text.splitlines():
        at, raw = json.loads(line)
        try:
            for event in decoder.feed(json.dumps(raw).encode() + b"\r\n"):
                yield at, event
        except EngineRejected:
            return
