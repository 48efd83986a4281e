"""The load of all running containers, every half minute: for lists, which cannot ask an engine for each row."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import structlog
from django.db import connection
from django.db.models import F

from core.errors import SecretUnreadable
from instances.load import COLUMNS, measure
from instances.models import Instance, Observed
from nodes.engine import EngineError, EngineRejected
from nodes.models import NodeStatus
from pulls.tools import Tools

THREADS = 16  # containers at the same time, each for one to two seconds
WITHIN = 20.0  # seconds; who has no turn by then is the first next time
logger = structlog.get_logger(__name__)


def measure_instances(*, tools: Tools) -> int:
    """One round over connected nodes; those measured longest ago come first. Returns how many were measured."""
    rows = Instance.objects.select_related("node").filter(observed=Observed.RUNNING, node__status=NodeStatus.CONNECTED)
    rows = rows.exclude(node__docker_address="").exclude(container_id="")
    waiting = list(rows.order_by(F("load_at").asc(nulls_first=True), "pk"))
    turn = _Round(tools)
    with ThreadPoolExecutor(THREADS, thread_name_prefix="load") as threads:
        return sum(threads.map(turn.measure, waiting))


class _Round:
    """What one round knows: when it ends, and which nodes did not answer."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._until = tools.monotonic() + WITHIN
        self._away: set[int] = set()

    def measure(self, instance: Instance) -> bool:
        if instance.node_id in self._away or self._tools.monotonic() > self._until or self._tools.interrupted():
            return False
        try:
            now = self._tools.now()
            with self._tools.connect(instance.node.endpoint()) as engine:
                load = measure(instance, engine)
            found = load.columns() if load is not None else dict.fromkeys(COLUMNS)
            Instance.objects.filter(pk=instance.pk).update(load_at=now, **found)  # no change that anybody watches
        except EngineRejected as error:  # its own trouble
            logger.info("load not measured", instance=instance.pk, reason=str(error))
            return False
        except (EngineError, SecretUnreadable) as error:
            self._away.add(instance.node_id)
            logger.info("load not measured", node=instance.node_id, reason=str(error))
            return False
        finally:
            connection.close()  # a thread's own
        return True
