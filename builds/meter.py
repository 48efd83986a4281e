"""Progress of one attempt to build and push. Pure arithmetic.

`percent` never falls and stays below 100: the row alone says that a build has succeeded. Building counts by steps, up
to 80; a push by bytes as the engine counts them (not compressed, known layer by layer), up to 98. A layer that the
registry has already counts as done and moves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from nodes.engine import BuildEvent, BuildEventKind, PushEvent

_BUILT: Final = 80.0
_PUSHED: Final = 98.0
_MOST_STEPS: Final = 200  # that a picture holds
_LONGEST: Final = 160  # characters of an instruction
_ENDED: Final = {"Pushed": "done", "Layer already exists": "reused"}
_MOUNTED: Final = "Mounted from "


@dataclass
class _Step:
    text: str = ""
    state: str = "running"  # then done, cached, failed
    seconds: float | None = None
    added: bool = False  # not of the Dockerfile


@dataclass
class _Layer:
    total: int = 0
    moved: int = 0
    state: str = "waiting"  # then pushing, done, reused


@dataclass
class BuildMeter:
    """Feed it every event; `now` is of a monotonic clock. `moved_at`: when something was last heard."""

    moved_at: float
    phase: str = "preparing"  # then building, pushing, verifying
    _percent: float = 0.0
    _steps: dict[int, _Step] = field(default_factory=dict)
    _expected: int | None = None
    _step: int = 0
    _layers: dict[str, _Layer] = field(default_factory=dict)

    def begin(self, phase: str, *, now: float) -> None:
        self.phase, self.moved_at = phase, now
        if phase == "building":  # it may begin anew, with the other builder
            self._steps.clear()

    def move(self, *, now: float) -> None:
        self.moved_at = now

    def feed_build(self, event: BuildEvent, *, text: str, now: float, added: bool = False) -> None:
        """`text`: that of the event without secrets; `added`: the Dockerfile has no such step."""
        self.moved_at = now
        if event.steps is not None:
            self._expected = event.steps
        if not event.step:
            return
        step = self._steps.setdefault(event.step, _Step())
        if event.kind is BuildEventKind.STEP:
            step.text, step.added, self._step = text[:_LONGEST], added, event.step
        elif event.kind is BuildEventKind.CACHED:
            step.state = "cached"
        elif event.kind is BuildEventKind.DONE and step.state == "running":
            step.state, step.seconds = "done", event.seconds
        elif event.kind is BuildEventKind.FAILED:
            step.state, step.seconds = "failed", event.seconds

    def feed_push(self, event: PushEvent, *, now: float) -> None:
        self.moved_at = now
        if not event.layer:
            return
        ended = "reused" if event.status.startswith(_MOUNTED) else _ENDED.get(event.status, "")
        if not ended and event.layer not in self._layers and event.status not in ("Preparing", "Waiting", "Pushing"):
            return  # the tag itself, in the last line
        layer = self._layers.setdefault(event.layer, _Layer())
        if layer.state in ("done", "reused"):
            return
        layer.total = max(layer.total, event.total or 0)
        layer.moved = max(layer.moved, min(event.current or 0, layer.total))
        if ended:
            layer.state, layer.moved = ended, layer.total
        elif event.status == "Pushing":
            layer.state = "pushing"

    def picture(self) -> dict[str, Any]:
        """JSON-ready; sizes in bytes, `timings` of the steps in seconds."""
        self._percent = max(self._percent, self._now())
        layers = self._layers.values()
        return {
            "phase": self.phase,
            "percent": round(self._percent, 1),
            "step": self._step,
            "steps": self._expected,
            "timings": [
                {"step": number, "text": step.text, "state": step.state, "seconds": step.seconds, "added": step.added}
                for number, step in sorted(self._steps.items())[-_MOST_STEPS:]
            ],
            "bytes_total": sum(layer.total for layer in layers) if self._layers else None,
            "bytes_total_exact": self.phase == "verifying",
            "bytes_pushed": sum(layer.moved for layer in layers),
            "layers": len(self._layers),
            "layers_done": sum(layer.state in ("done", "reused") for layer in layers),
            "layers_reused": sum(layer.state == "reused" for layer in layers),
        }

    def _now(self) -> float:
        if self.phase == "verifying":
            return 99.0
        if self.phase == "pushing":
            return _BUILT + (_PUSHED - _BUILT) * _share(self._layers)
        if self.phase == "building":
            ended = sum(step.state != "running" for step in self._steps.values())
            return 1.0 + (_BUILT - 1.0) * min(ended / self._expected, 1.0) if self._expected else 1.0
        return 0.0


def _share(layers: Mapping[str, _Layer]) -> float:
    """How much of the push is through. A layer whose size is not known yet weighs as much as the usual one."""
    known = [layer.total for layer in layers.values() if layer.total]
    usual = sum(known) / len(known) if known else 1.0
    weights = moved = 0.0
    for layer in layers.values():
        weight = layer.total or usual
        weights += weight
        part = 1.0 if layer.state in ("done", "reused") else layer.moved / weight
        moved += weight * part
    return moved / weights if weights else 0.0
