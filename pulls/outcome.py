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


class PullFailed(Exception):
    """The attempt failed for a reason that we found out ourselves."""

    def __init__(self, found: Failure) -> None:
        super().__init__(found.code)
        self.failure = found
