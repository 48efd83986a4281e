"""How an attempt can end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pulls.failures import Failure

StopReason = Literal["cancelled", "taken_over", "interrupted"]


@dataclass(frozen=True, slots=True)
class Arrived:
    """The image is there. `digest` is the one by which its registry knows it, empty if the engines that had to do with
    it never heard of that; `name` is what the history calls it: its digest, or else the engine's id."""

    digest: str
    name: str


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
