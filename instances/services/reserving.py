"""Taking places, and queueing what is to be done: everything that must not happen twice."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.doorbell import ring_on_commit
from core.errors import Conflict, NotFound
from core.jobs import IllegalTransition, JobState
from instances.accelerator import Refused
from instances.capacity import candidates
from instances.models import Gpu, GpuAllocation, Instance, Observed, Operation, OperationKind
from instances.placement import Fit, fit
from instances.services.asking import Ask, or_refuse, wanted_by
from instances.services.furnishing import furnish
from instances.spec import as_json, container_spec, notes_of
from nodes.models import ComputeNode

ATTEMPTS = 5  # of one operation, for failures that pass


def reserve(ask: Ask, node: int, remark: str) -> Instance:
    """Take the place, under a lock on the node: nobody else reserves there meanwhile. Raises `Refused`."""
    with transaction.atomic():
        taken = _take(ask, node)
        instance = Instance.objects.create(
            name=ask.name, image=ask.image, spec=ask.spec, node_id=node, user=ask.user, remark=remark,
            reference=ask.reference, options=ask.options.as_json(), anywhere=ask.may_move, is_sliced=taken.grant.sliced,
            cpu_cores=ask.spec.cpu_cores, memory_gb=ask.spec.memory_gb, data_disk_gb=ask.spec.data_disk_gb,
        )  # fmt: skip
        _hold(ask, instance, taken)
        queue(instance, OperationKind.CREATE, ask.user)
    instance.refresh_from_db()
    return instance


def move(
    ask: Ask,
    instance: Instance,
    operation: Operation,
    node: int,
    *,
    refused_by: list[dict[str, Any]],
    now: datetime,
) -> None:
    """Take a place elsewhere and give up the one that the creation has, both or neither; `operation` begins anew.

    Raises as `reserve` does, and `IllegalTransition` when another worker has taken over.
    """
    with transaction.atomic():
        lock_instance(instance.pk)
        taken = _take(ask, node)
        GpuAllocation.objects.filter(instance=instance).delete()
        _hold(ask, instance, taken)
        Instance.objects.filter(pk=instance.pk).change(
            node=node, refused_by=refused_by, observed=Observed.CREATING, digest="", container_id=""
        )
        operation.requeue(due_at=now, attempt=0, pull=None)
        ring_on_commit(Operation, operation.pk)


def _take(ask: Ask, node: int) -> Fit:
    """Of a node that is locked from here on, before anything is read."""
    alone = ComputeNode.objects.filter(pk=node)
    if not list(alone.select_for_update().values_list("pk")):
        raise Refused("node_not_connected")  # deleted just now
    [found] = candidates(alone, reference=ask.reference, now=timezone.now())
    return fit(ask.demand, ask.needs, found)


def _hold(ask: Ask, instance: Instance, taken: Fit) -> None:
    _allocate(instance, taken)
    wanted = wanted_by(ask, taken, uid=str(instance.uid))
    if ask.part:
        template = furnish(instance, ask.part)
        wanted = replace(wanted, template=template, filled=ask.part.recipe.as_shown(template))
    plan = as_json(or_refuse(lambda: container_spec(wanted)))
    Instance.objects.filter(pk=instance.pk).update(plan=plan, notes=notes_of(wanted))


def _allocate(instance: Instance, taken: Fit) -> None:
    share = taken.grant.share
    if share is None:
        return
    gpus = Gpu.objects.filter(node_id=taken.node, device_id__in=taken.grant.device_ids)
    GpuAllocation.objects.bulk_create(
        GpuAllocation(
            instance=instance,
            gpu=gpu,
            memory_mib=share.memory_mib,
            compute_percent=share.compute_percent,
            is_exclusive=share.exclusive,
        )
        for gpu in gpus
    )


def queue(instance: Instance, kind: str, user: Any, *, grace: int | None = None) -> Operation:
    """One active operation for each instance: the constraint decides. A removal ends a creation that still waits.

    Raises `NotFound` when the instance went in this moment, and `Conflict` while something else is being done.
    """
    try:
        with transaction.atomic():
            if not lock_instance(instance.pk):
                raise NotFound(_("Somebody deleted “%(name)s” in this moment.") % {"name": instance.name})
            if kind == OperationKind.REMOVE:
                _give_up_creation(instance)
                Instance.objects.filter(pk=instance.pk).change(observed=Observed.REMOVING)
            operation = Operation.objects.create(
                instance=instance, instance_name=instance.name, kind=kind, requested_by=user if user.pk else None,
                rung_at=timezone.now(), max_attempts=ATTEMPTS, grace=grace,
            )  # fmt: skip
            ring_on_commit(Operation, operation.pk)
            return operation
    except IntegrityError as error:
        text = _("“%(name)s” is busy with another operation. Try again when it has ended.") % {"name": instance.name}
        raise Conflict(text, code="operation_active") from error


def lock_instance(pk: int) -> bool:
    """Until the transaction ends; who changes an operation too takes this lock first. False when it is not there."""
    return bool(list(Instance.objects.select_for_update().filter(pk=pk).values_list("pk")))


def _give_up_creation(instance: Instance) -> None:
    """Most of a creation's time it waits for its image; nobody needs to wait for that to change one's mind."""
    waiting = instance.operations.filter(kind=OperationKind.CREATE, state=JobState.QUEUED).values_list("pk", flat=True)
    for pk in waiting:
        with suppress(IllegalTransition):  # it has just begun: the constraint says that it is busy
            Operation.advance(pk, allowed=[JobState.QUEUED], state=JobState.CANCELLED, finished_at=timezone.now())
