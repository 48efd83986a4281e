"""What one layer of a pull has done so far. Pure arithmetic on the engine's counts; sizes are compressed bytes."""

from __future__ import annotations

from enum import StrEnum

from nodes.engine.types import PullEvent

LARGEST_LAYER = 1 << 50  # bytes; a larger count is not believed


class LayerState(StrEnum):
    WAITING = "waiting"
    DOWNLOADING = "downloading"
    RETRYING = "retrying"
    CHECKING = "checking"
    DOWNLOADED = "downloaded"
    EXTRACTING = "extracting"
    DONE = "done"
    REUSED = "reused"


# A layer moves up, never down; only a retry takes it back to the start. Reused stands outside the order.
_RANK = {
    LayerState.WAITING: 0,
    LayerState.RETRYING: 0,
    LayerState.DOWNLOADING: 1,
    LayerState.CHECKING: 2,
    LayerState.DOWNLOADED: 3,
    LayerState.EXTRACTING: 4,
    LayerState.DONE: 5,
    LayerState.REUSED: -1,
}


class Layer:
    """Byte counts of one layer. `downloaded` and `extracted` are high-water marks: a retry that starts the layer
    again does not take them back, so within an attempt they never fall.

    `size` is None as long as nobody has said it (no plan, and the engine has not begun with the layer).
    """

    __slots__ = (
        "downloaded",
        "extracted",
        "extraction_mark",
        "id",
        "named",
        "planned",
        "position",
        "reused",
        "size",
        "state",
    )

    def __init__(self, layer_id: str, *, size: int | None, reused: bool = False) -> None:
        self.id = layer_id
        self.size = size
        self.planned = size is not None
        self.reused = reused
        self.state = LayerState.REUSED if reused else LayerState.WAITING
        self.named = False  # the engine has spoken of it
        self.downloaded = 0
        self.extracted = 0
        self.position: int | None = None  # where the download stands now, which after a restart is below `downloaded`
        self.extraction_mark = 0  # the engine's last count while extracting, bytes or seconds

    @property
    def arrived(self) -> bool:
        return self.reused or _RANK[self.state] >= _RANK[LayerState.DOWNLOADED]

    def advance(self, state: LayerState) -> bool:
        """Move up to `state`; False when the layer is there or further already."""
        if _RANK[state] <= _RANK[self.state]:
            return False
        self.state = state
        return True

    def retry(self) -> bool:
        """The engine will fetch the layer again; False when it says so repeatedly (it counts seconds down)."""
        self.fetch()
        if self.state is LayerState.RETRYING or _RANK[self.state] >= _RANK[LayerState.EXTRACTING]:
            return False
        self.state = LayerState.RETRYING
        return True

    def reuse(self) -> bool:
        """Nothing of it has to be downloaded; False when that is known, or untrue because bytes have come."""
        if self.reused or self.downloaded or _RANK[self.state] >= _RANK[LayerState.DOWNLOADED]:
            return False
        self.reused = True
        self.state = LayerState.REUSED
        return True

    def fetch(self) -> bool:
        """The engine downloads it; False when that is no news."""
        if not self.reused:
            return False
        self.reused = False
        self.state = LayerState.WAITING
        return True

    def learn_size(self, total: int | None) -> None:
        """Without a plan the largest total counts: after a retry an engine's total is only what is left."""
        if self.planned or total is None or not 0 < total <= LARGEST_LAYER:
            return
        self.size = max(self.size or 0, total)
        if self.state is LayerState.DONE:
            self.complete()
        elif self.arrived and not self.reused:
            self.complete_download()

    def download(self, event: PullEvent) -> int | None:
        """Take a download count; the bytes that came with it, or None when the event says nothing new.

        The first count of a layer gives 0: how long ago those bytes came is unknown (a resumed layer, a pull joined
        under way).
        """
        position = self._position(event)
        if position is None or position == self.position:
            return None
        moved = 0 if self.position is None else max(0, position - self.position)
        self.position = position
        if self.size is not None:
            self.downloaded = max(self.downloaded, position)
        return moved

    def complete_download(self) -> int:
        """All bytes are here; how many of them came since the last count (0 when there was none)."""
        if self.size is None:
            return 0
        moved = 0 if self.position is None else max(0, self.size - self.position)
        self.position = self.downloaded = self.size
        return moved

    def extract(self, event: PullEvent) -> bool:
        """Take an extraction count: compressed bytes on graph-driver engines, seconds on the containerd store.

        True when the count has moved on. Seconds say that work goes on, not how much of it is done.
        """
        current = event.current
        if current is None or current <= self.extraction_mark or current > LARGEST_LAYER:
            return False
        self.extraction_mark = current
        counts_bytes = not event.units and not self.reused and self.size is not None
        if counts_bytes and self._unfinished(current, event.total):
            self.extracted = max(self.extracted, current)
        return True

    def complete(self) -> None:
        """Downloaded and extracted."""
        self.complete_download()
        self.extracted = self.downloaded
        self.state = LayerState.DONE

    def _position(self, event: PullEvent) -> int | None:
        """Bytes of the layer that are here according to one event, None when it cannot be told.

        After a retry engines with graph drivers count from 0 to what was left, and `total` is what was left. A
        connection that breaks ends with one event whose `current` equals `total` although the bytes never came;
        so a full count is believed only when the engine says that the download is complete.
        """
        current, total = event.current, event.total
        if current is None or not 0 <= current <= LARGEST_LAYER or not self._unfinished(current, total):
            return None
        if self.size is not None and total is not None and 0 < total < self.size:
            return self.size - total + current
        return current

    def _unfinished(self, current: int, total: int | None) -> bool:
        return not (total and current >= total) and (self.size is None or current < self.size)
