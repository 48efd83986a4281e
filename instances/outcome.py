"""How one attempt of an operation ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Waiting:
    """Not yet: the image is on its way. Look again after `seconds`."""

    progress: dict[str, Any]
    seconds: float = 1.0


class OperationFailed(Exception):
    """`code` is one of `instances.refusal_texts`. `transient`: worth another attempt. `undone`: a creation left nothing
    on the engine; until that is known, its reservation stays."""

    def __init__(self, code: str, *, transient: bool = False, evidence: str = "", **params: Any) -> None:
        super().__init__(code)
        self.code = code
        self.transient = transient
        self.undone = False
        self.evidence = evidence
        self.params = params


@dataclass(frozen=True, slots=True)
class Done:
    """It is as it was asked for. `columns` go to the instance's row; `gone`: the row goes."""

    columns: dict[str, Any] = field(default_factory=dict)
    gone: bool = False


def cause_of(kind: str, code: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A cause with texts of its own, to be stored as a parameter: its words are those of whoever reads them later.
    `kind`: "engine", "pull", "secret" or "template"."""
    return {"kind": kind, "code": code, "params": dict(params or {})}
