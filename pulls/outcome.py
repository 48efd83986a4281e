"""How an attempt can end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from nodes.models import ComputeNode
from pulls.failures import Failure

StopReason = Literal["cancelled", "taken_over", "interrupted"]


@dataclass(frozen=True, slots=True)
class Layers:
    """What an attempt learned of layers, which go by the digests of their content. `node`: as it was when asked."""

    node: ComputeNode
    platform: str  # of the engine
    asked_at: datetime  # before it was
    image: Sequence[str]  # of the image that arrived
    others: frozenset[str] | None = None  # of all images that were there before; None: nobody asked
    sizes: Mapping[str, int] = field(default_factory=dict)  # bytes that travel for each of the image's; empty: unknown


@dataclass(frozen=True, slots=True)
class Arrived:
    """The image is there. `digest` is the one by which its registry knows it, empty if the engines that had to do with
    it never heard of that; `name` is what the history calls it: its digest, or else the engine's id."""

    digest: str
    name: str
    layers: Layers


class Stopped(Exception):
    """The attempt ends without a result of its own."""

    def __init__(self, reason: StopReason) -> None:
        super().__init__(reason)
        self.reason: StopReason = reason


class Rerouted(Exception):
    """The image comes from another node: the job waits for a place there."""

    def __init__(self, *, node: int, name: str, reason: str) -> None:
        super().__init__(name)
        self.node, self.name, self.reason = node, name, reason


class PullFailed(Exception):
    """The attempt failed for a reason that we found out ourselves."""

    def __init__(self, found: Failure) -> None:
        super().__init__(found.code)
        self.failure = found
