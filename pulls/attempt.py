"""One attempt of a pull against a real engine: plan, stream with progress, watch for stalls, verify."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

from core.heartbeat import heartbeat
from core.jobs import HELD_STATES
from imagelib.addresses import ImageReference, parse
from imagelib.references import Endpoints
from imagelib.registry import Platform, RegistryClient, RegistryError
from nodes.engine import Engine, EngineRejected, ImageInfo, PullStream, RegistryAuth
from nodes.models import ComputeNode
from pulls.events import record
from pulls.failures import classify_engine_text, failure
from pulls.meter import Meter
from pulls.models import PullJob
from pulls.outcome import Arrived, Layers, PullFailed, Stopped
from pulls.plan import Offer, PullPlan, look_up, weigh
from pulls.reporting import Reporter
from pulls.subject import credentials, demand_platform, digests, name_on_engine, node_or_fail
from pulls.tools import Tools

# Some engines unpack without saying so (docker-engine.md §2.1): silence after the last byte is judged more patiently.
UNPACKING_PATIENCE = 10.0
USUAL_PLATFORM = "linux/amd64"  # of a node that was never probed; the engine's own word corrects it
LISTEN_EVERY = 0.5  # seconds
SLOW_VERIFICATION = 1.0  # seconds after which watchers see that the image is being looked for


def pull_once(job: PullJob, tools: Tools) -> Arrived:
    """Bring the image onto the node. Returns it with the digest that the engine confirms.

    Raises `Stopped`, `PullFailed`, and the errors of the gateway and of the registry client.
    """
    node = node_or_fail(job)
    reference = parse(job.reference)
    endpoint = Endpoints().for_reference(reference)
    reporter = Reporter(job, tools, every=settings.PROGRESS_EVERY)
    with heartbeat(job), tools.registry(reference.host, endpoint) as registry, ThreadPoolExecutor(1) as aside:
        # Engine and registry are asked at the same time. The node's platform is known from its last probe.
        assumed = _last_known_platform(node)
        asked = aside.submit(look_up, reference, registry, platform=assumed)
        with tools.connect(node.endpoint()) as engine:
            asked_at, chains = tools.now(), engine.image_layers()  # before the pull adds any
            if engine.platform != assumed:
                wait([asked])  # the client is not to be used by two
                asked = aside.submit(look_up, reference, registry, platform=engine.platform)
            offer = _answer(asked, reporter)
            demand_platform(offer.platform, engine.platform)
            reporter.glance()
            pull = _Pull(job, engine, registry, reference, credentials(reference, endpoint), offer, reporter, tools)
            told = _stream(pull, chains)
            if reference.digest and reference.tag:
                engine.tag(f"{reference.name}@{reference.digest}", reference.name, reference.tag)
            with heartbeat(job, every=SLOW_VERIFICATION, saying={"progress": reporter.verifying()}):
                digest, image = _verify(pull, told)
            reporter.verified()
            sizes = offer.sizes if digest == offer.digest else {}
            others = frozenset(chain.from_iterable(chains))
            layers = Layers(node, engine.platform, asked_at, image.diff_ids, others, sizes)
            return Arrived(digest, digest, layers)


@dataclass(frozen=True, slots=True)
class _Pull:
    """What the steps of one attempt share."""

    job: PullJob
    engine: Engine
    registry: RegistryClient
    reference: ImageReference
    auth: RegistryAuth | None
    offer: Offer
    reporter: Reporter
    tools: Tools


def _last_known_platform(node: ComputeNode) -> str:
    try:
        return str(Platform.parse(node.platform))
    except ValueError:
        return USUAL_PLATFORM


def _answer(asked: Future[Offer], reporter: Reporter) -> Offer:
    """The registry's answer, which may take long; a cancellation is heard meanwhile."""
    while True:
        try:
            return asked.result(timeout=LISTEN_EVERY)
        except TimeoutError:
            reporter.glance()


def _as_event(plan: PullPlan) -> tuple[str, dict[str, Any]]:
    """How the history tells what is going to move."""
    if plan.layers is None:
        return "total_unknown", {"reason": plan.offer.unreachable}
    if plan.bytes_to_move == 0:
        return "already_present", {}
    return "planned", {"total": plan.bytes_to_move, "reused": plan.bytes_reused}


def _stream(pull: _Pull, chains: Iterable[Sequence[str]]) -> str:
    """Let the engine pull, to the end of its stream. Returns the digest that it told."""
    reference = pull.reference
    try:
        with pull.engine.pull(reference.name, tag_or_digest=reference.remote, auth=pull.auth) as stream:
            # The engine is at work already while its store is asked about and the database learns of the plan.
            plan = weigh(pull.offer, chains=chains, any_order=pull.engine.info().containerd_store)
            meter = Meter(plan=plan.layers, now=pull.tools.monotonic())
            pull.reporter.start(meter, digest=pull.offer.digest, bytes_total=plan.bytes_to_move, event=_as_event(plan))
            _follow(pull.job, stream, meter, pull.reporter, pull.tools)
            return stream.digest
    except EngineRejected as error:
        # Engines mix wrong and missing credentials up; we know whether any were sent.
        sent = pull.auth is not None
        found = classify_engine_text(error.evidence, status=error.status, credentials_sent=sent)
        raise PullFailed(found) from error


def _follow(job: PullJob, stream: PullStream, meter: Meter, reporter: Reporter, tools: Tools) -> None:
    """Read the stream to its end. A tick without an event is the time to judge silence."""
    limit = job.stall_after or settings.STALL_AFTER
    for event in stream:
        now = tools.monotonic()
        if event is not None:
            meter.feed(event, now=now)
            if event.status.startswith("Retrying in"):
                reporter.engine_retries(event.layer)
        reporter.tick()
        if tools.interrupted():
            raise Stopped("interrupted")
        idle = now - meter.moved_at
        if idle > limit and _is_stalled(job, meter, idle, limit, tools):
            raise PullFailed(failure("stalled", params={"seconds": str(round(idle))}))


def _is_stalled(job: PullJob, meter: Meter, idle: float, limit: float, tools: Tools) -> bool:
    """Silence is no stall while the engine unpacks, or while it works on other pulls of the same node first."""
    progress = meter.progress(now=tools.monotonic())
    if progress.phase in ("extracting", "verifying"):
        return idle > limit * UNPACKING_PATIENCE
    if progress.phase != "waiting":
        return True
    moving = PullJob.objects.filter(
        node_id=job.node_id, state__in=HELD_STATES, moved_at__gt=tools.now() - timedelta(seconds=limit)
    )
    try:
        return not moving.exclude(pk=job.pk).exists()
    except (OperationalError, InterfaceError):
        connection.close()
        return False  # nobody can tell now; the next tick asks again


def _verify(pull: _Pull, told: str) -> tuple[str, ImageInfo]:
    """The image is there, with the digest that was expected and for this node's platform; else `PullFailed`."""
    reference, offer = pull.reference, pull.offer
    image = pull.engine.inspect_image(name_on_engine(reference))
    if image is None:
        raise PullFailed(failure("image_absent_after_pull"))
    present = digests(image, reference)
    if offer.digest and offer.digest in present:
        digest = offer.digest
    elif not offer.digest and told in present:
        digest = told
    else:
        digest = _moved_digest(reference, present, pull.registry)
        record(pull.job, "tag_moved", at=pull.tools.now(), digest=digest)
    demand_platform(image.platform, pull.engine.platform)
    return digest, image


def _moved_digest(reference: ImageReference, present: set[str], registry: RegistryClient) -> str:
    """A tag may move between our look and the engine's: then the registry now says what the node has."""
    mismatch = PullFailed(failure("digest_mismatch", evidence=", ".join(sorted(present)) or "-"))
    if reference.digest:
        raise mismatch
    try:
        digest = registry.describe(reference.repository, reference.remote, sizes_for=()).digest
    except RegistryError:
        raise mismatch from None
    if digest not in present:
        raise mismatch
    return digest
