"""What a pull would move, asked before anybody decides: a few seconds at most, and honest when it is unknown."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from core.errors import SecretUnreadable
from imagelib.models import ImageRegistry
from imagelib.references import effective_or_invalid, open_registry
from imagelib.registry import RegistryError
from nodes.engine import EngineError, connect
from nodes.models import ComputeNode
from pulls.failure_texts import describe
from pulls.plan import plan_pull

NODE_TIMEOUT = 3.0  # seconds for each answer of a node; somebody waits for it


def estimate(*, image: ImageRegistry, node: ComputeNode) -> dict[str, Any]:
    """`{bytes_to_move, bytes_reused, runs_there, problem}`; sizes are None when unknown and `problem` says why.

    `problem` is `{title, cause, advice, decided}`; `decided` means that a pull would fail for it as things are now.
    To be called outside any transaction. Raises `InvalidInput` for an address that cannot be used.
    """
    effective = effective_or_invalid(image.address)
    reference = effective.reference
    try:
        with (
            connect(node.endpoint(), timeout=NODE_TIMEOUT, known_hosts=settings.SSH_KNOWN_HOSTS) as engine,
            open_registry(reference.host, effective.endpoint, somebody_waits=True) as registry,
        ):
            plan = plan_pull(reference=reference, registry=registry, engine=engine)
            runs_there = plan.offer.runs_on(engine.platform)
    except (EngineError, SecretUnreadable) as error:
        return _unknown(error.code, decided=False)
    except RegistryError as error:
        return _unknown(error.code, decided=True)
    if plan.layers is None:
        return _unknown(plan.offer.unreachable, decided=False)
    return {
        "bytes_to_move": plan.bytes_to_move,
        "bytes_reused": plan.bytes_reused,
        "runs_there": runs_there,
        "problem": None,
    }


def _unknown(code: str, *, decided: bool) -> dict[str, Any]:
    text = describe(code or "unknown", {})
    problem = {"title": str(text.title), "cause": str(text.cause), "advice": str(text.advice), "decided": decided}
    return {"bytes_to_move": None, "bytes_reused": None, "runs_there": True, "problem": problem}
