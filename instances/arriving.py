"""What would have to come to a node for an instance: asked there and at the registry, while somebody waits for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.utils.translation import get_language

from core.errors import SecretUnreadable
from core.shared_calls import SharedCalls
from core.slots import Busy
from imagelib.models import ImageRegistry
from instances.engine_slots import reads
from nodes.engine import EngineError, connect
from nodes.models import ComputeNode
from pulls.estimate import NODE_TIMEOUT, estimate
from pulls.failure_texts import describe

WITHIN = 4.0  # seconds for the node; the registry gets nine
_estimates: SharedCalls[dict[str, Any]] = SharedCalls(fresh_for=10.0)  # somebody changes his mind and asks again


@dataclass(frozen=True, slots=True)
class Arrival:
    """`size` None: it is not known, and `cause` says why. `environment`: the image's own, None unless it is there."""

    size: int | None
    environment: Mapping[str, str] | None = field(default=None, hash=False)
    cause: str = ""


def look_ahead(*, image: ImageRegistry, reference: str, node: ComputeNode) -> Arrival:
    """Nothing moves for what the node has now, whatever was pulled there once; else the layers that it lacks. A few
    seconds at most; to be called outside any transaction."""
    try:
        with reads.held(node.pk):
            hosts = settings.SSH_KNOWN_HOSTS
            with connect(node.endpoint(), timeout=NODE_TIMEOUT, within=WITHIN, known_hosts=hosts) as engine:
                found = engine.inspect_image(reference)
            if found is not None:
                return Arrival(0, dict(found.environment))
            key = (reference, node.pk, node.connection_version, get_language())
            weighed = _estimates.known(key)
            told = weighed.result() if weighed else _estimates.get(key, lambda: estimate(image=image, node=node))
    except (EngineError, SecretUnreadable) as error:
        return Arrival(None, cause=str(describe(error.code, {}).cause))
    except Busy as busy:
        return Arrival(None, cause=str(busy))
    problem = told["problem"]
    return Arrival(told["bytes_to_move"], cause=problem["cause"] if problem else "")
