"""Progress of one attempt of a pull, from the registry's layer plan and the engine's events. Pure arithmetic.

Sizes are compressed bytes, times are seconds of a monotonic clock that the caller reads. What the numbers promise:

- `percent` never falls and is 100 only after `verified()`. A byte weighs the same in both phases: half of the bar is
  download, half extraction. Extraction counts as the engine reports it: by bytes (graph drivers), per layer when it
  is complete (containerd store, which counts seconds), or at the very end (26.1 containerd store, which is silent).
- `bytes_downloaded` and `bytes_extracted` never fall, also when the engine fetches a layer again, and never exceed
  `bytes_total`.
- `bytes_total` is exact from the start when the plan is there. It falls when a layer turns out to be on the node
  already, and grows when the engine fetches one that was thought to be.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nodes.engine.types import PullEvent
from pulls.meter_layers import Layer, LayerState
from pulls.meter_progress import LayerPlan, LayerProgress, Phase, Progress
from pulls.meter_rates import FIRST_AFTER, BusyClock, Speedometer, time_left
from pulls.meter_stack import LayerStack

__all__ = ["LayerPlan", "LayerProgress", "LayerState", "Meter", "Phase", "Progress"]

_STATES = {
    "Pulling fs layer": LayerState.WAITING,
    "Waiting": LayerState.WAITING,
    "Downloading": LayerState.DOWNLOADING,
    "Pulling layer fs": LayerState.DOWNLOADING,  # containerd's transfer service counts under this name
    "Verifying Checksum": LayerState.CHECKING,
    "Download complete": LayerState.DOWNLOADED,
    "Extracting": LayerState.EXTRACTING,
    "Pull complete": LayerState.DONE,
    "Already exists": LayerState.REUSED,
    "Exists": LayerState.REUSED,  # the containerd store before 24.0
}


class Meter:
    """Feed it every event of one attempt; ask it for snapshots at any pace. Another attempt needs another meter.

    `plan` None: the registry cannot be asked from here, so sizes come from the events and the total is "at least".
    """

    def __init__(self, *, plan: Sequence[LayerPlan] | None, now: float) -> None:
        self._stack = LayerStack(plan)
        self._moved_at = now
        self._last_byte_at: float | None = None
        self._permille = 0
        self._settled = self._confirmed = False
        self._speed = Speedometer()
        self._extraction = BusyClock()
        self._timed: list[Layer] = []  # layers whose extraction the clock has seen
        self._takers: dict[LayerState, Callable[[Layer, PullEvent, float], bool]] = {
            LayerState.WAITING: self._wait,
            LayerState.DOWNLOADING: self._download,
            LayerState.CHECKING: self._arrive,
            LayerState.DOWNLOADED: self._arrive,
            LayerState.EXTRACTING: self._extract,
            LayerState.DONE: self._finish,
            LayerState.REUSED: self._reuse,
        }

    @property
    def last_byte_at(self) -> float | None:
        """When bytes last came from the registry; None before the first."""
        return self._last_byte_at

    @property
    def moved_at(self) -> float:
        """When the pull last moved: bytes came, an extraction counted on, or a layer changed its state.

        A repeated count is no movement (the containerd store repeats them ten times a second while a registry
        stalls), nor is the announcement of a retry. An engine that extracts in silence does not move either: the
        phase is then `extracting`.
        """
        return self._moved_at

    def feed(self, event: PullEvent, *, now: float) -> bool:
        """Take one event. True when a layer or the phase changed its state, False for mere bytes and for noise."""
        if self._settled:
            return False
        state = _STATES.get(event.status)
        if state is None:
            return self._take_other(event, now)
        layer = self._layer(event.layer, now)
        if layer is None:
            return False
        layer.learn_size(event.total)
        return self._takers[state](layer, event, now)

    def verifying(self) -> None:
        """The stream has ended well; what remains is to see whether the image is there."""
        self._settled = True
        self._stack.settle()

    def verified(self) -> None:
        """The engine has confirmed the image."""
        self.verifying()
        self._confirmed = True

    def progress(self, *, now: float) -> Progress:
        self._stack.presume_present(now=now)
        self._permille = max(self._permille, self._permille_now())
        wanted = self._stack.wanted()
        total = sum(layer.size or 0 for layer in wanted)
        downloaded = sum(layer.downloaded for layer in wanted)
        extracted = sum(layer.extracted for layer in wanted)
        exact = self._stack.is_exact(settled=self._settled)
        phase = self._phase(wanted, now)
        speed = self._speed.recent(now=now) if phase in (Phase.WAITING, Phase.DOWNLOADING) else 0.0
        foreseeable = exact and phase in (Phase.DOWNLOADING, Phase.EXTRACTING)
        return Progress(
            phase=phase,
            percent=self._permille / 10,
            bytes_total=total,
            bytes_total_exact=exact,
            bytes_downloaded=downloaded,
            bytes_extracted=extracted,
            bytes_reused=sum(layer.size or 0 for layer in self._stack if layer.reused),
            speed_bps=None if speed is None else round(speed),
            eta_seconds=self._time_left(total - downloaded, total - extracted, now) if foreseeable else None,
            layers=tuple(
                LayerProgress(layer.id, layer.size, layer.downloaded, layer.extracted, layer.state)
                for layer in self._stack
            ),
        )

    def _layer(self, layer_id: str, now: float) -> Layer | None:
        if not layer_id:
            return None
        layer, first = self._stack.name(layer_id, now=now)
        if first:
            self._moved_at = now
        return layer

    def _take_other(self, event: PullEvent, now: float) -> bool:
        if event.status.startswith("Status: "):
            self._moved_at = now
            self.verifying()
            return True
        if event.status.startswith("Pulling from "):
            self._moved_at = now
            self._stack.begin(now=now)
        elif event.status.startswith("Retrying in "):
            layer = self._layer(event.layer, now)
            return layer is not None and layer.retry()
        return False

    def _wait(self, layer: Layer, _event: PullEvent, _now: float) -> bool:
        return layer.fetch()

    def _download(self, layer: Layer, event: PullEvent, now: float) -> bool:
        layer.fetch()
        changed = layer.advance(LayerState.DOWNLOADING)
        if layer.state is LayerState.DOWNLOADING:
            moved = layer.download(event)
            if moved is not None:
                self._move(moved, now)
                self._last_byte_at = now
        return changed

    def _arrive(self, layer: Layer, event: PullEvent, now: float) -> bool:
        layer.fetch()
        return self._complete_download(layer, _STATES[event.status], now)

    def _extract(self, layer: Layer, event: PullEvent, now: float) -> bool:
        changed = not layer.reused and self._complete_download(layer, LayerState.EXTRACTING, now)
        if changed:
            self._extraction.begin(now=now)
            self._timed.append(layer)
        if layer.state in (LayerState.EXTRACTING, LayerState.REUSED) and layer.extract(event):
            self._moved_at = now
        return changed

    def _finish(self, layer: Layer, _event: PullEvent, now: float) -> bool:
        if layer.state is LayerState.EXTRACTING:
            self._extraction.end(now=now)
        if layer.reused:
            self._moved_at = now
            return False
        changed = self._complete_download(layer, LayerState.DONE, now)
        layer.complete()
        return changed

    def _reuse(self, layer: Layer, _event: PullEvent, now: float) -> bool:
        if layer.reused:
            return False
        if layer.reuse():
            self._moved_at = now
            return True
        # Bytes of it have come before: so it was fetched, and that is over now.
        return self._complete_download(layer, LayerState.DOWNLOADED, now)

    def _complete_download(self, layer: Layer, state: LayerState, now: float) -> bool:
        """The layer reaches a state in which all its bytes are here; False when it was there or further before."""
        if not layer.advance(state):
            return False
        rest = layer.complete_download()
        self._move(rest, now)
        if rest:
            self._last_byte_at = now
        return True

    def _move(self, moved: int, now: float) -> None:
        self._speed.add(moved, now=now)
        self._moved_at = now

    def _permille_now(self) -> int:
        if self._confirmed:
            return 1000
        return 999 if self._settled else min(self._stack.permille(), 999)

    def _phase(self, wanted: Sequence[Layer], now: float) -> Phase:
        if self._confirmed:
            return Phase.DONE
        if self._settled:
            return Phase.VERIFYING
        if not wanted:
            # The engine may still unpack what it has; for a moment it may also still name more layers.
            return Phase.EXTRACTING if self._stack.is_announced(now=now) else Phase.WAITING
        if all(layer.arrived for layer in wanted):
            return Phase.EXTRACTING
        begun = any(layer.state is not LayerState.WAITING for layer in wanted)
        return Phase.DOWNLOADING if begun else Phase.WAITING

    def _time_left(self, download: int, extract: int, now: float) -> tuple[int, int] | None:
        speeds = self._speed.recent(now=now), self._speed.overall(now=now)
        seconds = self._extraction.seconds(now=now)
        extracted = sum(layer.extracted for layer in self._timed)
        speed = extracted / seconds if seconds >= FIRST_AFTER and extracted else None
        return time_left(download=download, extract=extract, speeds=speeds, extraction_speed=speed)
