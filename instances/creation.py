"""Making an instance's container: image, volume, container, start, and a look inside. Every step may be repeated."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

import structlog
from django.conf import settings
from django.db.models import Exists
from django.utils import timezone

from core.errors import DomainError
from core.jobs import ACTIVE_STATES, IllegalTransition, JobState
from instances.accelerator import Grant, Refused, Share
from instances.accelerators.registry import CARDS
from instances.failures import classify_refusal
from instances.furnishing import check_image, needs_pull, put_files
from instances.models import Instance, Observed, Operation, template_of
from instances.observing import columns_of, ended_at_once
from instances.outcome import Done, OperationFailed, Waiting, cause_of
from instances.preflight import preflight, refuse_by
from instances.recipes.template import Template
from instances.services.furnishing import filled, furnish_anew
from instances.spec import GIB, LABEL, UNLIMITED, Options, Wanted, as_json, container_spec, volume_name
from nodes.engine import ContainerInfo, ContainerSpec, Engine, EngineError, EngineRejected, ImageInfo
from nodes.paths import USUAL_LIBRARY_DIRECTORY
from pulls.services import Admitted, request_pulls
from pulls.tools import Tools

LOOK_WITHIN = 10.0  # seconds
GRACE = 10  # seconds that a program has to end by itself
INEFFECTIVE, STOPPED, UNVERIFIED = "slice_not_effective", "slice_stopped", "slice_not_verified"
logger = structlog.get_logger(__name__)


def create(operation: Operation, instance: Instance, engine: Engine, tools: Tools) -> Done | Waiting:
    """Raises `OperationFailed`; what was made by then is for `undo`."""
    container, template = find_container(engine, instance), template_of(instance)
    if container is None:
        image = engine.inspect_image(instance.reference)
        if needs_pull(operation, template, image):
            return _wait_for_image(operation, instance)
        assert image is not None
        check_image(template, image)
        if instance.is_sliced:
            _check_before(operation, engine, instance, image, tools)
        container = _make(operation, engine, instance, image, template)
    if container.state == Observed.CREATED:
        put_files(engine, container, template)
        _start(operation, engine, instance, container, template)
    seen = engine.inspect_container(container.id)
    if seen is None:
        raise OperationFailed("container_gone")
    return Done({**verified(engine, instance, seen, now=tools.now()), **ended_at_once(seen)})


def hold(operation: Operation) -> None:
    """Before what another worker's container would suffer from. Raises `IllegalTransition` when he has taken over."""
    token = operation.run_token
    Operation.advance(operation.pk, allowed=[JobState.RUNNING], token=token, heartbeat_at=timezone.now())


def _write(operation: Operation, **values: Any) -> None:
    """Into the instance's row, as long as this worker holds the operation. Raises as `hold` does."""
    held = {
        "operations": operation,
        "operations__state": JobState.RUNNING,
        "operations__run_token": operation.run_token,
    }
    if not Instance.objects.filter(**held).change(**values):
        raise IllegalTransition("another worker has taken over")


def undo(engine: Engine, instance: Instance) -> None:
    """Leave nothing on the engine. Raises `EngineError` when that cannot be known."""
    container = find_container(engine, instance)
    if container is not None:
        engine.remove_container(container.id, force=True, volumes=True)
    engine.remove_volume(volume_name(str(instance.uid)))


def find_container(engine: Engine, instance: Instance) -> ContainerInfo | None:
    """By its label: also when the worker that made it never came to write its id down."""
    found = engine.list_containers(labels={LABEL: str(instance.uid)})
    return found[0] if found else None


def _wait_for_image(operation: Operation, instance: Instance) -> Waiting:
    """The pull is a job of its own, shared with everybody who wants the same image there."""
    pull = operation.pull
    if pull is not None and pull.state in (JobState.FAILED, JobState.CANCELLED):
        cause = cause_of("pull", pull.error_code or "cancelled", pull.error.get("params"))
        raise OperationFailed("pull_failed", evidence=pull.error.get("evidence", ""), cause=cause)
    if pull is not None and pull.state == JobState.SUCCEEDED:
        raise OperationFailed("image_gone")  # already; pulling it again and again might never end
    if pull is None:
        asks = Admitted(instance.user)  # judged when its place was reserved; what is edited since does not touch it
        try:
            [(_node, pull)] = request_pulls(user=asks, nodes=[instance.node_id], reference=instance.reference)
        except DomainError as error:
            raise OperationFailed("pull_failed", cause=str(error)) from error
        Operation.advance(operation.pk, allowed=[JobState.RUNNING], token=operation.run_token, pull=pull)
    if instance.observed != Observed.PULLING:
        _write(operation, observed=Observed.PULLING)
    return Waiting({"phase": "pulling", "pull": pull.pk})


def _check_before(operation: Operation, engine: Engine, instance: Instance, image: ImageInfo, tools: Tools) -> None:
    """A slicing library that cannot work gives no limits, or no running program: better no container."""
    try:
        found = preflight(engine, instance.node, image, reference=instance.reference, now=tools.now())
        refuse_by(found)
    except EngineRejected as error:
        raise _refused(error, instance) from error
    except Refused as error:
        raise OperationFailed(error.code, **error.params) from error
    if found:
        _note(operation, (finding.code for finding in found))


def _make(
    operation: Operation, engine: Engine, instance: Instance, image: ImageInfo, template: Template
) -> ContainerInfo:
    hold(operation)
    wanted = replace(_wanted(instance, dict(image.environment)), template=template)
    try:
        spec, shown = (container_spec(replace(wanted, filled=one)) for one in filled(template))
        for volume in spec.volumes:
            engine.create_volume(volume.name, labels={LABEL: str(instance.uid)})
        container, spec = _create(operation, engine, spec)
    except EngineRejected as error:
        raise _refused(error, instance) from error
    except Refused as error:
        raise OperationFailed(error.code, **error.params) from error
    if container is None:
        raise OperationFailed("container_gone")
    plan = as_json(replace(shown, system_disk_bytes=spec.system_disk_bytes))
    _write(operation, plan=plan, digest=image.digest, container_id=container.id)
    return container


def _refused(error: EngineRejected, instance: Instance) -> OperationFailed:
    place: Any = {"node": instance.node.name, "path": instance.node.hami_core or USUAL_LIBRARY_DIRECTORY}
    return OperationFailed(classify_refusal(error.evidence), evidence=error.evidence, **place)


def _create(operation: Operation, engine: Engine, spec: ContainerSpec) -> tuple[ContainerInfo | None, ContainerSpec]:
    """What engines tell beforehand does not say whether their file system has quotas. Without them the container is
    made without a limit of its system disk, and the instance says so."""
    try:
        return engine.inspect_container(engine.create_container(spec)), spec
    except EngineRejected as error:
        if not spec.system_disk_bytes or classify_refusal(error.evidence) != "no_disk_quotas":
            raise
    _note(operation, [UNLIMITED])
    spec = replace(spec, system_disk_bytes=0)
    return engine.inspect_container(engine.create_container(spec)), spec


def _note(operation: Operation, codes: Iterable[str]) -> None:
    """Add to what could not be done as asked."""
    notes = Instance.objects.filter(operations=operation).values_list("notes", flat=True).first() or []
    _write(operation, notes=list(dict.fromkeys([*notes, *codes])))


def _start(
    operation: Operation, engine: Engine, instance: Instance, container: ContainerInfo, template: Template
) -> None:
    try:
        engine.start_container(container.id)
    except EngineRejected as error:
        code = classify_refusal(error.evidence)
        transient = code == "port_taken" and any(port.host_port for port in template.ports)
        if transient:  # by something that is not ours: another attempt, with other ports
            hold(operation)
            engine.remove_container(container.id, force=True, volumes=True)
            _furnish_anew(instance)
        raise OperationFailed(code, transient=transient, evidence=error.evidence) from error


def _furnish_anew(instance: Instance) -> None:
    try:
        furnish_anew(instance)
    except Refused as refused:  # no port is left, or a config set went since
        raise OperationFailed(refused.code, **refused.params) from refused


def _wanted(instance: Instance, image_environment: dict[str, str]) -> Wanted:
    held = list(instance.allocations.select_related("gpu").order_by("gpu__index", "gpu__pk"))
    share = Share(held[0].memory_mib, held[0].compute_percent, held[0].is_exclusive) if held else None
    grant = Grant(tuple(one.gpu.device_id for one in held), share, instance.is_sliced)
    return Wanted(
        uid=str(instance.uid),
        name=instance.name,
        owner=instance.user.get_username(),
        reference=instance.reference,
        grant=grant,
        cpu_cores=instance.cpu_cores,
        memory_gb=instance.memory_gb,
        data_disk_gb=instance.data_disk_gb,
        system_disk_gb=instance.plan.get("limits", {}).get("system_disk_bytes", 0) // GIB,
        limits_system_disk=True,  # as was decided when its place was reserved
        library_directory=instance.node.hami_core,
        options=Options.of(instance.options),
        image_environment=image_environment,
    )


def verified(engine: Engine, instance: Instance, container: ContainerInfo, *, now: datetime) -> dict[str, Any]:
    """Columns of a container that was just started, with what is seen in it. One whose slice is none is stopped where
    the installation wants that (`IMAGELIB_STOP_INEFFECTIVE_SLICES`)."""
    return {**columns_of(container, now=now), **_verified(engine, instance, container, now=now)}


def verify_again(engine: Engine, instance: Instance, container: ContainerInfo, *, now: datetime) -> None:
    """A slice that somebody else started, or that its engine started again. `container`: as it was inspected."""
    if not container.started_at or container.started_at == instance.looked_into:
        return
    busy = Operation.objects.filter(instance=instance, state__in=ACTIVE_STATES)  # that looks itself
    found = _verified(engine, instance, container, now=now)
    if found.get("problem_code") == "" and instance.problem_code not in (INEFFECTIVE, STOPPED):
        del found["problem_code"], found["problem"]  # another one, which is none of ours
    if found:
        Instance.objects.filter(~Exists(busy), pk=instance.pk, container_id=container.id).change(**found)


def _verified(engine: Engine, instance: Instance, container: ContainerInfo, *, now: datetime) -> dict[str, Any]:
    problem = look_inside(engine, instance, container)
    if problem.get("problem_code") == INEFFECTIVE and settings.STOP_INEFFECTIVE_SLICES:
        engine.stop_container(container.id, grace=GRACE)
        container = engine.inspect_container(container.id) or container
        problem |= {"problem_code": STOPPED, **columns_of(container, now=now)}
    return problem


def look_inside(engine: Engine, instance: Instance, container: ContainerInfo) -> dict[str, Any]:
    """For slices: whether each card looks as large inside as was planned. The limits are cooperative, so nothing else
    would show that they do not take effect; where this cannot be seen either, a note says so."""
    if not instance.is_sliced or container.state != Observed.RUNNING:
        return {}
    planned = list(instance.allocations.values_list("memory_mib", flat=True))
    seen = _cards_inside(engine, container)
    other = next((one for one in seen if one not in planned), None)
    notes = [note for note in Instance.objects.get(pk=instance.pk).notes if note != UNVERIFIED]
    if other is None and len(seen) != len(planned):
        notes.append(UNVERIFIED)
    looked = {"notes": notes, "looked_into": container.started_at}
    if other is None:
        return {"problem_code": "", "problem": {}, **looked}
    return {"problem_code": INEFFECTIVE, "problem": {"params": {"seen": other, "planned": planned[0]}}, **looked}


def _cards_inside(engine: Engine, container: ContainerInfo) -> list[int]:
    """MiB of each card as programs in the container see them; nothing when it does not tell."""
    try:
        return CARDS.seen_inside(engine.exec_run(container.id, CARDS.LOOK_INSIDE, within=LOOK_WITHIN).stdout)
    except EngineError as error:
        logger.info("not looked into", container=container.id, reason=str(error))
        return []
