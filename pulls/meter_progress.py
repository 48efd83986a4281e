"""What goes into a meter and what comes out of it: plain values. Sizes are compressed bytes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pulls.meter_layers import LayerState


class Phase(StrEnum):
    WAITING = "waiting"
    DOWNLOADING = "downloading"
    EXTRACTING = "extracting"
    VERIFYING = "verifying"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class LayerPlan:
    """One layer of the registry's manifest. `reused`: the node has it already."""

    digest: str  # "sha256:…"
    size: int
    reused: bool = False


@dataclass(frozen=True, slots=True)
class LayerProgress:
    id: str  # first 12 hex digits of the layer's digest
    size: int | None  # None: not known yet
    downloaded: int
    extracted: int
    state: LayerState

    def as_dict(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "size": self.size,
            "downloaded": self.downloaded,
            "extracted": self.extracted,
            "state": self.state.value,
        }


@dataclass(frozen=True, slots=True)
class Progress:
    """A snapshot. `bytes_total` counts what has to be downloaded: "at least" while not `bytes_total_exact`."""

    phase: Phase
    percent: float  # one decimal, at most 99.9 before the image is verified
    bytes_total: int
    bytes_total_exact: bool
    bytes_downloaded: int
    bytes_extracted: int
    bytes_reused: int  # sizes of the layers that need no download
    speed_bps: int | None  # bytes per second; None before anything was measured
    eta_seconds: tuple[int, int] | None  # (low, high); None when unknown
    layers: tuple[LayerProgress, ...]  # bottom first

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready: the fields by name, `layers` as `[{"id", "size", "downloaded", "extracted", "state"}]`."""
        return {
            "phase": self.phase.value,
            "percent": self.percent,
            "bytes_total": self.bytes_total,
            "bytes_total_exact": self.bytes_total_exact,
            "bytes_downloaded": self.bytes_downloaded,
            "bytes_extracted": self.bytes_extracted,
            "bytes_reused": self.bytes_reused,
            "speed_bps": self.speed_bps,
            "eta_seconds": None if self.eta_seconds is None else list(self.eta_seconds),
            "layers": [layer.as_dict() for layer in self.layers],
        }
