"""What it means when an image cannot be taken out of one engine, or into another. Pure."""

from __future__ import annotations

from nodes.engine import EngineError, EngineRejected
from pulls.engine_words import node_trouble, recognise_loading
from pulls.failures import Failure, failure

# After these an automatic pull looks for another source.
OF_SOURCE = frozenset({"source_lost", "source_refused", "source_image_gone", "source_disk_full", "source_gone"})


def source_failure(error: EngineError, *, source: str) -> Failure:
    """The engine that has the image does not give it."""
    code = "source_lost"
    if isinstance(error, EngineRejected):
        full = node_trouble(error.evidence) == "no_space_left"
        code = "source_disk_full" if full else "source_image_gone" if error.status == 404 else "source_refused"
    return failure(code, evidence=str(error.evidence), params={"source": source})


def loading_failure(error: EngineRejected) -> Failure:
    """The engine that is to have the image does not take it."""
    code, params = recognise_loading(error.evidence, status=error.status)
    return failure(code, evidence=error.evidence, params=params)
