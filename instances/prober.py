"""Who asks the probes: one process of the deployment of this product, for all containers of AppImages that run.

As with `instances.watching`, the process that holds the lease does it, and another begins when it dies: each container
is judged anew then. The delay before its first probe counts from its start, whoever asks.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

import structlog
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import DatabaseError, InterfaceError, connection, reset_queries, transaction
from django.db.models import Exists, F, OuterRef, Subquery

from core.errors import Conflict, NotFound, SecretUnreadable
from core.jobs import ACTIVE_STATES
from core.leases import Holding
from core.shutdown import stopping
from instances.models import DeployedContainer, Instance, Observed, Operation, OperationKind
from instances.outcome import cause_of
from instances.probe_calls import Result, ask
from instances.probing import Restarts, Rule, Watched
from instances.services.furnishing import secrets_inside
from instances.services.reserving import queue
from nodes.models import ComputeNode
from pulls.tools import Tools, production_tools

EVERY, LOOK_EVERY, LEASE = 0.25, 2.0, 8.0  # seconds
THREADS = 32
PER_NODE = 4  # probes of one node at a time; of a node that did not answer last, one
TO_CONNECT = 3.0  # seconds, at least, even when a probe has less: ssh takes its time
logger = structlog.get_logger(__name__)
# One run of a container: its id, how often its engine restarted it, our last operation on it, and its start.
Run = tuple[str, int, int | None, datetime | None]


@dataclass(slots=True)
class _Watch:
    """A container that runs, and the probes of it that are being asked."""

    run: Run
    probes: dict[str, Any]
    node: ComputeNode
    watched: Watched
    secrets: list[str] | None = field(repr=False)  # see `secrets_inside`
    asked: dict[str, Future[Result]] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)  # kind → what the row is to say of its last result
    unwritten: bool = True  # the row does not say yet what is known here


class Prober:
    """Runs in a thread of a worker until `stopping`."""

    def __init__(
        self,
        tools: Tools,
        *,
        stopping: threading.Event,
        every: float = EVERY,
        look_every: float = LOOK_EVERY,
        per_node: int = PER_NODE,
    ) -> None:
        self._tools, self._stopping, self._every, self._look_every = tools, stopping, every, look_every
        self._per_node = per_node
        self._holding = Holding("probes", seconds=LEASE)
        self._watches: dict[int, _Watch] = {}
        self._restarts: dict[int, Restarts] = {}
        self._asking: dict[int, list[Future[Result]]] = {}  # by node, also what answers to nobody any more
        self._silent: set[int] = set()  # nodes that did not answer last
        self._look_at = 0.0  # monotonic: when the rows are read again

    @property
    def watching(self) -> set[int]:
        """The containers whose probes this process asks; from any thread."""
        return set(self._watches)

    def run(self) -> None:
        with ThreadPoolExecutor(THREADS, thread_name_prefix="probes") as threads:
            try:
                while not self._stopping.is_set():
                    self._round(threads)
                    self._stopping.wait(self._every)
            finally:
                self._holding.let_go()

    def _round(self, threads: ThreadPoolExecutor) -> None:
        try:
            reset_queries()
            if self._tools.monotonic() >= self._look_at:
                self._look()
                self._look_at = self._tools.monotonic() + self._look_every
            for pk, watch in list(self._watches.items()):
                self._keep_up(pk, watch)
            self._ask(threads)
        except (DatabaseError, InterfaceError) as error:
            logger.warning("probes cannot be written down", reason=type(error).__name__)
            connection.close()

    def _look(self) -> None:
        """Which containers run now; those of which a new run began are watched from its beginning."""
        runs = _runs() if self._holding.hold() else {}
        for pk in [pk for pk, watch in self._watches.items() if pk not in runs or runs[pk][0] != watch.run]:
            del self._watches[pk]  # what is being asked answers to nobody
        new = DeployedContainer.objects.select_related("instance__node").filter(
            pk__in=runs.keys() - self._watches.keys()
        )
        for row in new:
            probes: dict[str, Any] = row.template["probes"]
            rules = {kind: Rule.of(probe) for kind, probe in probes.items()}
            run, begun = runs[row.pk]
            watched = Watched.begin(rules, since=self._tools.monotonic() - _age(begun, self._tools.now()))
            watch = _Watch(run, probes, row.instance.node, watched, secrets_inside(row))
            watch.told = row.probe_results  # what was found last stays to be seen: why it was restarted
            self._watches[row.pk] = watch
        self._reload_nodes()

    def _reload_nodes(self) -> None:
        """Another address or certificate is used at once, and is no new run."""
        nodes = ComputeNode.objects.in_bulk({watch.node.pk for watch in self._watches.values()})
        for watch in self._watches.values():
            watch.node = nodes.get(watch.node.pk, watch.node)

    def _ask(self, threads: ThreadPoolExecutor) -> None:
        """What waits longest first. Nodes that take long, or do not answer, leave threads to the others."""
        now = self._tools.monotonic()
        due = [
            (watch.watched.due[kind], pk, kind)
            for pk, watch in self._watches.items()
            for kind in watch.watched.asks(now=now)
            if kind not in watch.asked
        ]
        for _, pk, kind in sorted(due):
            watch = self._watches[pk]
            asking = [one for one in self._asking.get(watch.node.pk, ()) if not one.done()]
            if len(asking) < (1 if watch.node.pk in self._silent else self._per_node):
                watch.asked[kind] = threads.submit(_answer, watch, watch.probes[kind], self._tools)
                asking.append(watch.asked[kind])
            self._asking[watch.node.pk] = asking

    def _keep_up(self, pk: int, watch: _Watch) -> None:
        """The row with what was answered. What it does not take now is written in a later round, and the others' rows
        all the same, unless the database is away."""
        self._take(watch)
        try:
            if watch.unwritten:
                _write(pk, watch.watched, watch.told)
                watch.unwritten = False
            if watch.watched.verdict.must_restart:
                self._restart(pk, watch)
        except (DatabaseError, InterfaceError) as error:
            logger.warning("a probe's word cannot be written down", instance=pk, reason=type(error).__name__)
            connection.close()
            connection.ensure_connection()

    def _take(self, watch: _Watch) -> None:
        """What was answered meanwhile."""
        for kind in [kind for kind, asked in watch.asked.items() if asked.done()]:
            result, before = _result(watch.asked.pop(kind)), watch.watched
            (self._silent.add if result.ok is None else self._silent.discard)(watch.node.pk)
            watch.watched = before.after(kind, result.ok, now=self._tools.monotonic())
            seen = {"ok": result.ok, "code": result.code, "params": dict(result.params)}
            if seen != {name: watch.told.get(kind, {}).get(name) for name in seen} or (
                watch.watched.verdict != before.verdict
            ):
                watch.told[kind] = {**seen, "at": self._tools.now().isoformat()}
                watch.unwritten = True

    def _restart(self, pk: int, watch: _Watch) -> None:
        """At once the first time, later after a pause that grows."""
        now, before = self._tools.monotonic(), self._restarts.get(pk, Restarts())
        failed = watch.watched.verdict.failed
        if before.allows(now=now) and _restart(pk, watch.told, watch.probes[failed].get("grace")):
            self._restarts[pk] = before.one_more(now=now)
            del self._watches[pk]


def start_probing() -> threading.Thread:
    """Begin, in this process; ends with `core.shutdown.stopping`."""
    thread = threading.Thread(target=Prober(production_tools(), stopping=stopping).run, name="probes", daemon=True)
    thread.start()
    return thread


def _runs() -> dict[int, tuple[Run, list[datetime]]]:
    """Of the containers that run, have probes, and that no operation works on; and of each two moments from which it
    has run: its start, by its engine's clock, and the end of our last operation on it, by ours."""
    done = Operation.objects.filter(instance=OuterRef("pk")).order_by("-pk")
    busy = Operation.objects.filter(instance=OuterRef("pk"), state__in=ACTIVE_STATES)
    rows = DeployedContainer.objects.filter(~Exists(busy), has_probes=True, instance__observed=Observed.RUNNING)
    rows = rows.annotate(last=Subquery(done.values("pk")[:1]), ended=Subquery(done.values("finished_at")[:1]))
    wanted = ("pk", "ended", "instance__container_id", "instance__restarts", "last", "instance__started_at")
    return {
        pk: ((container, restarts, last, started), _moments(started, ended))
        for pk, ended, container, restarts, last, started in rows.values_list(*wanted)
    }


def _moments(started: datetime | None, ended: datetime | None) -> list[datetime]:
    return [started, ended or started] if started else []


def _age(begun: list[datetime], now: datetime) -> float:
    """Seconds that a container has run for at least, as clocks may differ; none when its start is not known."""
    return max(0.0, (now - max(begun)).total_seconds()) if begun else 0.0


def _answer(watch: _Watch, probe: dict[str, Any], tools: Tools) -> Result:
    node = watch.node
    try:
        endpoint = node.endpoint()
    except SecretUnreadable:
        return Result(None, "node_lost", {"cause": cause_of("secret", "")})
    patience = min(max(TO_CONNECT, float(probe["timeout"])), settings.ENGINE_TIMEOUT)
    return ask(
        probe,
        engine=lambda: tools.connect(endpoint, timeout=patience),
        container=watch.run[0],
        host=node.published_at,
        secrets=watch.secrets,
    )


def _result(asked: Future[Result]) -> Result:
    """A bug ends one probe, not all."""
    error = asked.exception()
    if error is None:
        return asked.result()
    number = uuid4().hex[:12]
    logger.error("a probe crashed", reason=repr(error), number=number)
    return Result(None, "internal_error", {"evidence": number})


def _write(pk: int, watched: Watched, told: dict[str, Any]) -> None:
    verdict = watched.verdict
    with transaction.atomic():
        DeployedContainer.objects.filter(pk=pk).update(
            has_started=verdict.started, is_ready=verdict.ready, is_alive=verdict.alive, probe_results=told
        )
        Instance.objects.filter(pk=pk).change()


def _restart(pk: int, told: dict[str, Any], grace: int | None) -> bool:
    """By the ordinary operation, in nobody's name. False: it is busy, later then."""
    row = Instance.objects.filter(pk=pk, observed=Observed.RUNNING).first()
    if row is None:
        return True
    try:
        with transaction.atomic():
            queue(row, OperationKind.RESTART, AnonymousUser(), grace=grace)
            DeployedContainer.objects.filter(pk=pk).update(probe_restarts=F("probe_restarts") + 1, is_ready=False)
    except Conflict:
        return False
    except NotFound:
        return True
    logger.info("restarted by its probes", instance=pk, results={kind: one["code"] for kind, one in told.items()})
    return True
