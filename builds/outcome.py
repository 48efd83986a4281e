"""How an attempt to build can end."""

from __future__ import annotations

from dataclasses import dataclass

from pulls.failures import Failure


@dataclass(frozen=True, slots=True)
class Published:
    """The registry shows it. `size`: bytes there, None where only the node's engine can ask the registry."""

    digest: str
    size: int | None


class BuildFailed(Exception):
    """The attempt failed for a reason that we found out ourselves."""

    def __init__(self, found: Failure) -> None:
        super().__init__(found.code)
        self.failure = found
