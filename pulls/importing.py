"""One attempt to have an image on a node, from wherever it can come: the registry, another node, an archive."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from django.conf import settings
from django.db.models import Count, F, OuterRef, Subquery
from django.db.models.functions import Coalesce

from core.errors import SecretUnreadable
from core.heartbeat import heartbeat
from core.jobs import HELD_STATES, JobState
from imagelib.addresses import ImageReference, parse
from imagelib.references import Endpoints
from nodes.engine import Engine, EngineError
from nodes.models import ComputeNode, NodeStatus
from nodes.services import usable_nodes
from pulls.attempt import pull_once
from pulls.events import record
from pulls.failures import failure
from pulls.models import PullJob, Source
from pulls.outcome import Arrived, PullFailed, Rerouted
from pulls.plan import runs_on
from pulls.reporting import Reporter
from pulls.subject import credentials, name_on_engine, node_or_fail
from pulls.tools import Tools
from pulls.transfer import Arrival, already_there, transfer, unpack

ASKED_AT_ONCE = 16  # nodes
MOST_ASKED = 64


def bring_once(job: PullJob, tools: Tools) -> Arrived:
    """Have the image on the node. Raises `Rerouted`, and what `pull_once` raises."""
    if job.source != Source.REGISTRY:
        arrived = _import(job, tools)
        if arrived is not None:
            return arrived
    return pull_once(job, tools)


def _import(job: PullJob, tools: Tools) -> Arrived | None:
    """None: the registry is the way."""
    node = node_or_fail(job)
    reference = parse(job.reference)
    reporter = Reporter(job, tools, every=settings.PROGRESS_EVERY)
    with heartbeat(job), tools.connect(node.endpoint()) as engine:
        arrival = Arrival(job, node, engine, reference, reporter, tools)
        if job.source == Source.AUTO and (present := engine.inspect_image(name_on_engine(reference))):
            return already_there(arrival, present)
        if job.source == Source.ARCHIVE:
            return unpack(arrival)
        if job.source_node is not None:
            return transfer(arrival, job.source_node)
        if job.source == Source.NODE:
            raise PullFailed(failure("source_gone", params={"source": job.source_name}))
        # What comes from another node gets no digest for its name: such a name is only to be had from the registry.
        reason = "" if reference.digest else _refusal(engine, reference)
        if reason:
            _look_elsewhere(arrival, node, reason)
    return None


def _refusal(engine: Engine, reference: ImageReference) -> str:
    """Why the registry does not give the image to this node; empty when it does."""
    auth = credentials(reference, Endpoints().for_reference(reference))
    try:
        engine.distribution(name_on_engine(reference), auth=auth)
    except EngineError as error:
        return error.evidence or error.code
    return ""


def _look_elsewhere(arrival: Arrival, node: ComputeNode, reason: str) -> None:
    """Raises `Rerouted` to a node that has the image. When there is none, the pull will tell what is wrong."""
    holder = _holder(arrival, node)
    if holder is not None:
        raise Rerouted(node=holder.pk, name=holder.name, reason=reason)
    record(arrival.job, "no_holder", at=arrival.tools.now(), reason=reason)


def _holder(arrival: Arrival, node: ComputeNode) -> ComputeNode | None:
    """A connected node that has the image: of those who are asked together the one that gives least to others now."""
    name, platform = name_on_engine(arrival.reference), arrival.engine.platform

    def has_it(other: ComputeNode) -> bool:
        image = None
        with suppress(EngineError, SecretUnreadable), arrival.tools.connect(other.endpoint()) as engine:
            image = engine.inspect_image(name)
        return image is not None and runs_on(image.platform or platform, platform)

    candidates = nodes_to_ask(arrival.job, node)
    with ThreadPoolExecutor(ASKED_AT_ONCE, thread_name_prefix="holders") as pool:
        for start in range(0, len(candidates), ASKED_AT_ONCE):
            batch = candidates[start : start + ASKED_AT_ONCE]
            holders = [other for other, found in zip(batch, pool.map(has_it, batch), strict=True) if found]
            if holders:
                return min(holders, key=lambda other: other.gives)  # type: ignore[attr-defined]
            arrival.reporter.glance()
    return None


def nodes_to_ask(job: PullJob, node: ComputeNode) -> list[ComputeNode]:
    """Those first onto which the image was brought last; a few of the others, for it may have come without us."""
    rows = usable_nodes().filter(status=NodeStatus.CONNECTED).exclude(pk=node.pk)
    if not job.as_operator:
        rows = rows.filter(is_listed=True)
    succeeded = PullJob.objects.filter(reference=job.reference, state=JobState.SUCCEEDED, elsewhere=False)
    brought = succeeded.filter(node=OuterRef("pk"))
    giving = PullJob.objects.filter(source_node=OuterRef("pk"), state__in=HELD_STATES).order_by()
    rows = rows.annotate(
        brought=Subquery(brought.order_by("-pk").values("pk")[:1]),
        gives=Coalesce(Subquery(giving.values("source_node").annotate(gives=Count("pk")).values("gives")), 0),
    )
    return list(rows.order_by(F("brought").desc(nulls_last=True), "pk")[:MOST_ASKED])
