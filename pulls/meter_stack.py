"""All layers of one pull and what they add up to. Pure; sizes are compressed bytes, times monotonic seconds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pulls.meter_layers import Layer
from pulls.meter_progress import LayerPlan

ID_LENGTH = 12  # hex digits of a layer's digest by which engines name it
MOST_LAYERS = 1024  # engines stop at 127; more ids than this are noise and must not fill the memory
ANNOUNCED_AFTER = 5.0  # seconds; engines name all layers of an image in one go, within a fraction of this


class LayerStack:
    """Bottom first; layers that the plan does not know come last, in the order in which they were named."""

    def __init__(self, plan: Sequence[LayerPlan] | None) -> None:
        self._layers = _planned_layers(plan or ())
        self._planned = plan is not None
        self._surprised = False  # the engine named a layer that is not in the plan
        self._named_at: float | None = None  # when the engine last named something new

    def __iter__(self) -> Iterator[Layer]:
        return iter(self._layers.values())

    def begin(self, *, now: float) -> None:
        """The engine knows the image; the layers come next."""
        self._named_at = now

    def name(self, layer_id: str, *, now: float) -> tuple[Layer | None, bool]:
        """The layer of an event, and whether this is the first event about it; None when there are too many."""
        layer = self._layers.get(layer_id)
        if layer is None:
            if len(self._layers) >= MOST_LAYERS:
                return None, False
            # With a plan this is a surprise: the tag has moved since, or a mirror serves another image.
            self._surprised = True
            layer = self._layers[layer_id] = Layer(layer_id, size=None)
        if layer.named:
            return layer, False
        layer.named = True
        self._named_at = now
        return layer, True

    def wanted(self) -> list[Layer]:
        """The layers that have to be downloaded."""
        return [layer for layer in self if not layer.reused]

    def is_announced(self, *, now: float) -> bool:
        """No layer was named for so long that none will be any more."""
        return bool(self._layers) and self._named_at is not None and now - self._named_at >= ANNOUNCED_AFTER

    def presume_present(self, *, now: float) -> None:
        """Some engines never mention layers that they have: when all that were named have arrived and no other was
        named for a while, the others need no download."""
        named = [layer for layer in self if layer.named]
        if named and self.is_announced(now=now) and all(layer.arrived for layer in named):
            for layer in self:
                if not layer.named:
                    layer.reuse()

    def settle(self) -> None:
        """The engine says that the image is complete: what it named is there, the rest was there before."""
        for layer in self:
            if layer.named and not layer.reused:
                layer.complete()
            else:
                layer.reuse()

    def is_exact(self, *, settled: bool) -> bool:
        """Whether the sizes of the wanted layers are the whole of what has to be downloaded."""
        if self._planned and not self._surprised:
            return True
        announced = settled or (bool(self._layers) and not self._planned)
        return announced and all(layer.size is not None for layer in self.wanted())

    def permille(self) -> int:
        """Share of the work that is done, 0 to 1000. Every byte counts twice: when downloaded, when extracted.

        A layer of unknown size that has not come yet is taken to be as large as the largest known one: a bar that
        lags behind is better than one that has to stand still because it ran ahead.
        """
        wanted = self.wanted()
        largest = max((layer.size or 0 for layer in wanted), default=0)
        total = sum(_weight(layer, largest) for layer in wanted)
        done = sum(layer.downloaded + layer.extracted for layer in wanted)
        return done * 1000 // (2 * total) if total else 0


def _weight(layer: Layer, largest: int) -> int:
    if layer.size is not None:
        return layer.size
    return 0 if layer.arrived else largest


def _planned_layers(plan: Sequence[LayerPlan]) -> dict[str, Layer]:
    """Each digest once. Two digests that begin alike cannot be told apart in the events: the second keeps its whole
    digest as its name, and its bytes count."""
    layers: dict[str, Layer] = {}
    seen: set[str] = set()
    for item in plan:
        if item.digest in seen:
            continue
        seen.add(item.digest)
        short = item.digest.rpartition(":")[2][:ID_LENGTH]
        name = item.digest if short in layers else short
        layers[name] = Layer(name, size=max(item.size, 0), reused=item.reused)
    return layers
