"""One attempt to build on a real engine: files, context, build, push, verify."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from django.conf import settings

from builds.contexts import Context, ContextUnusable, context_of
from builds.dockerfiles import Dockerfile, DockerfileError, read
from builds.failures import build_failure, failure, push_failure
from builds.furnishing import Logins, logins_for, secrets_of, spec_for
from builds.hiding import login_secrets
from builds.labelling import labelled
from builds.models import Build
from builds.naming import image_reference
from builds.outcome import BuildFailed, Published
from builds.pushing import NOT_ALLOWED, objection_to
from builds.reporting import Reporter
from builds.sources import Source, opened
from builds.target import Target
from builds.trees import DOCKERFILE
from core.heartbeat import heartbeat
from imagelib.addresses import parse
from imagelib.references import Endpoints
from nodes.engine import BUILDKIT, CLASSIC, BuildEvent, BuildSpec, Engine, EngineError, EngineRejected, PushEvent
from nodes.models import ComputeNode
from pulls.failures import Failure
from pulls.outcome import Stopped
from pulls.sizes import human_bytes
from pulls.subject import credentials
from pulls.tools import Tools

Event = TypeVar("Event", BuildEvent, PushEvent)


def build_once(job: Build, reporter: Reporter, tools: Tools) -> Published:
    """Build the image, push it, see it in the registry.

    Raises `Stopped`, `BuildFailed`, and the errors of the gateway and of the registry client.
    """
    endpoints = Endpoints()
    node = _node_or_fail(job)
    owner = job.application.owner if job.application else None
    if objection_to(job.repository, owner, endpoints) is not None:
        raise BuildFailed(failure(NOT_ALLOWED, params={"reference": job.repository}))
    if job.attempt > 1:
        reporter.note("again", attempt=job.attempt, node=node.name)
    else:
        reporter.note("claimed", node=node.name)
    with heartbeat(job), opened(job, reporter, tools) as source:
        reference = parse(image_reference(job.repository, base_tag=job.arguments["BASE_TAG"], revision=source.revision))
        reporter.note("revision", revision=source.revision)
        reporter.store(revision=source.revision, reference=reference.canonical)
        endpoint = endpoints.for_reference(reference)
        auth = credentials(reference, endpoint)
        reporter.hide(login_secrets(auth.username, auth.password) if auth else ())
        with tools.connect(node.endpoint()) as engine:
            target = Target(job, reference, endpoint, auth, engine, tools)
            return _Attempt(job, reporter, tools, source, engine, target).run(endpoints)


def _node_or_fail(job: Build) -> ComputeNode:
    """What was true when the build was asked for must be true when it starts."""
    if job.node is None:
        raise BuildFailed(failure("node_gone" if job.node_asked else "no_builder"))
    if not job.as_operator and not job.node.is_listed:
        raise BuildFailed(failure("node_not_listed"))
    return job.node


def _dockerfile(context: Context) -> Dockerfile:
    """What an engine may see: there are engines that do not survive a Dockerfile without a `FROM`."""
    entry = next(entry for entry in context.entries if entry.path == DOCKERFILE)
    try:
        dockerfile = read(entry.read().decode("utf-8", "replace"))
    except DockerfileError as error:
        params = {"line": str(error.line)} if error.line else {}
        evidence = f"{error.code}: {error.value}"
        raise BuildFailed(failure("dockerfile_invalid", evidence=evidence, params=params)) from None
    if not dockerfile.has_base:
        raise BuildFailed(failure("dockerfile_invalid", evidence="FROM: -"))
    return dockerfile


@dataclass(frozen=True, slots=True)
class _Attempt:
    """What the steps of one attempt share."""

    job: Build
    reporter: Reporter
    tools: Tools
    source: Source
    engine: Engine
    target: Target

    def run(self, endpoints: Endpoints) -> Published:
        if there := self._already_there():
            return there
        context = self._context()
        dockerfile = _dockerfile(context)
        logins = logins_for(self.job, dockerfile, endpoints)
        spec = spec_for(self.job, self.source, dockerfile, logins=logins, preferred=self.engine.preferred_builder)
        self.reporter.hide(secrets_of(spec))
        self.reporter.expect_labels(spec.labels)
        self._tell(spec, context, logins)
        built = self._build_with_either(spec, context, dockerfile)
        # Somebody may have pushed meanwhile; between this look and the push only the registry itself could tell.
        if there := self._already_there():
            return there
        self._check_name(spec.tag, built)
        digest = self._push()
        self.reporter.meter.begin("verifying", now=self.tools.monotonic())
        self.reporter.store()
        published = self.target.confirm(digest)
        self.reporter.note("pushed", digest=digest)
        return published

    def _already_there(self) -> Published | None:
        there = self.target.standing()
        if there is not None:
            self.reporter.note("already_there", digest=there.digest)
        self.reporter.glance()
        return there

    def _context(self) -> Context:
        try:
            return context_of(self.source.entries, limit=settings.BUILD_CONTEXT_MAX_BYTES, glance=self.reporter.glance)
        except ContextUnusable as error:
            raise BuildFailed(failure(error.code, evidence=error.evidence, params=error.params)) from error

    def _tell(self, spec: BuildSpec, context: Context, logins: Logins) -> None:
        for host in logins.withheld:
            self.reporter.note("login_in_doubt" if logins.in_doubt else "without_login", host=host)
        self.reporter.note("context", count=len(context.entries), size=human_bytes(context.size))
        self._begin(spec)

    def _begin(self, spec: BuildSpec) -> None:
        self.reporter.note("builder", image=spec.tag, builder=spec.builder)
        self.reporter.meter.begin("building", now=self.tools.monotonic())
        self.reporter.remember(builder=spec.builder)

    def _build_with_either(self, spec: BuildSpec, context: Context, dockerfile: Dockerfile) -> str:
        """A base image may have in store for its builds what only BuildKit can do."""
        try:
            return self._build(*labelled(spec, context), dockerfile)
        except BuildFailed as error:
            if error.failure.code != "buildkit_needed" or spec.builder != CLASSIC or settings.BUILD_CLASSIC_ONLY:
                raise
        spec = replace(spec, builder=BUILDKIT)
        self._begin(spec)
        return self._build(spec, context, dockerfile)

    def _build(self, spec: BuildSpec, context: Context, dockerfile: Dockerfile) -> str:
        """The image's id on the engine."""
        begun = False

        def chunks() -> Iterator[bytes]:
            nonlocal begun
            begun = True
            for chunk in context.chunks():
                self.reporter.meter.move(now=self.tools.monotonic())
                yield chunk

        try:
            with self.engine.build_image(spec, chunks()) as stream:
                self.reporter.store()  # while the engine takes the files
                self._follow(stream, self.reporter.take)
                built = stream.image_id
        except EngineRejected as error:
            judge = partial(build_failure, dockerfile=dockerfile, logins=spec.auths.keys())
            raise self._failed(error, judge) from error
        except EngineError as error:
            if begun and not self._answers():
                evidence = self.reporter.hidden(error.evidence)
                raise BuildFailed(failure("engine_ended", evidence=evidence)) from error
            raise
        if not built or self.engine.inspect_image(spec.tag) is None:
            raise BuildFailed(failure("image_absent_after_build", evidence=built))
        self.reporter.note("built", image=built)
        self.reporter.remember(image_id=built)
        return built

    def _answers(self) -> bool:
        """Whether the engine is there: its end may be the build's own doing, a broken connection is not."""
        try:
            self.engine.ping()
        except EngineError:
            return False
        return True

    def _check_name(self, name: str, built: str) -> None:
        """Engines push by name, and every build on a node may give the same one: two folders of a repository do."""
        named, ours = self.engine.inspect_image(name), self.engine.inspect_image(built)
        if named is None or ours is None or named.id != ours.id:
            raise BuildFailed(failure("image_name_moved", evidence=f"{built} != {named.id if named else '-'}"))

    def _push(self) -> str:
        name, tag = self.target.reference.name, self.target.reference.tag or "latest"
        self.reporter.note("pushing", image=f"{name}:{tag}")
        self.reporter.meter.begin("pushing", now=self.tools.monotonic())
        self.reporter.store()

        def take(event: PushEvent) -> None:
            self.reporter.meter.feed_push(event, now=self.tools.monotonic())

        try:
            with self.engine.push(name, tag=tag, auth=self.target.auth) as stream:
                try:
                    self._follow(stream, take)
                finally:
                    if stream.digest:  # it is in the registry, whatever becomes of this attempt
                        self.reporter.remember(pushed_digest=stream.digest)
                return stream.digest
        except EngineRejected as error:
            raise self._failed(error, push_failure) from error

    def _follow(self, stream: Iterable[Event | None], take: Callable[[Event], None]) -> None:
        """Read the stream to its end. A tick without an event is the time to judge silence."""
        for event in stream:
            if event is not None:
                take(event)
            self.reporter.tick()
            if self.tools.interrupted():
                raise Stopped("interrupted")
            idle = self.tools.monotonic() - self.reporter.meter.moved_at
            if idle > settings.BUILD_STALL_AFTER:
                raise BuildFailed(failure("build_stalled", params={"seconds": str(round(idle))}))

    def _failed(self, error: EngineRejected, judge: Callable[..., Failure]) -> BuildFailed:
        return BuildFailed(judge(self.reporter.hidden(error.evidence), status=error.status))
