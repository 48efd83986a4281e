"""What is read from an engine while somebody waits: the log of a container, its load. At most ten seconds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from core.errors import Conflict, DomainError
from core.shared_calls import SharedCalls
from instances.engine_slots import reads
from instances.failures import classify_refusal
from instances.load import Load, measure
from instances.models import Instance
from nodes.engine import Engine, EngineError, EngineRejected, connect
from nodes.failure_texts import engine_failure_text

WITHIN = 8.0  # seconds
MOST_LINES = 10_000
_loads: SharedCalls[Load | None] = SharedCalls(fresh_for=2.0)  # a look at one takes one to two seconds


class NodeAway(DomainError):
    """The node does not answer. Words of connections name addresses and paths of the fleet: they are for operators."""

    code = "node_away"
    http_status = 503
    title = _("The compute node does not answer")
    for_operators = frozenset({"evidence"})


def read_log(instance: Instance, *, lines: int) -> str:
    """The last lines of the container's log. Raises `Conflict` when there is no container (any more), `NodeAway`, and
    `Busy` when too much is asked at the same time."""
    tail = min(max(lines, 1), MOST_LINES)
    with reads.held(instance.node_id):
        return str(_read(instance, lambda engine: engine.container_logs(instance.container_id, tail=tail)))


def read_load(instance: Instance) -> Load | None:
    """The container's load now, or two seconds ago; None when it does not run. Raises as `read_log` does."""
    key = (instance.uid, instance.container_id)
    if known := _loads.known(key):
        return known.result()
    with reads.held(instance.node_id):  # also who only waits for somebody else's answer
        return _loads.get(key, lambda: _read(instance, lambda engine: measure(instance, engine)))


def _read(instance: Instance, question: Callable[[Engine], Any]) -> Any:
    if not instance.container_id:
        raise Conflict(_("There is no container yet."), code="no_container")
    hosts = settings.SSH_KNOWN_HOSTS
    try:
        with connect(instance.node.endpoint(), timeout=WITHIN, within=WITHIN, known_hosts=hosts) as engine:
            return question(engine)
    except EngineError as error:
        raise not_read(error) from error


def not_read(error: EngineError) -> DomainError:
    """Why a container could not be asked: an engine that refuses is not away, and trying again is of no use."""
    if not isinstance(error, EngineRejected):
        return node_away(error)
    if classify_refusal(error.evidence) == "container_gone":
        return Conflict(_("The container is not there any more."), code="container_gone")
    return Conflict(_("The engine refused: %(words)s") % {"words": error.evidence}, code="refused")


def node_away(error: EngineError) -> NodeAway:
    """What went wrong with an engine, for whoever waits."""
    return NodeAway(engine_failure_text(error.code).cause, extra={"evidence": error.evidence})
