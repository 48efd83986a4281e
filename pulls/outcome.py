"""How an attempt can end other than well."""

from __future__ import annotations

from typing import Literal

from pulls.failures import Failure

StopReason = Literal["cancelled", "taken_over", "interrupted"]


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
