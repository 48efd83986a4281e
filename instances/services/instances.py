"""What people ask of instances: try out, create, operate, change the remark, delete."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.db import IntegrityError, models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.errors import Conflict, NotFound
from instances.accelerator import Finding, Refused
from instances.arriving import Arrival, look_ahead
from instances.models import Gpu, Instance, NodeFault, Operation, OperationKind
from instances.placement import Fit
from instances.preflight import known_environment, known_findings, refuse_by
from instances.refusal_texts import sentence
from instances.services.asking import NoRoom, answer_to, judge, or_refuse, refuse_taken_name, wanted_by
from instances.services.reserving import queue, reserve
from instances.spec import Options, Wanted, as_json, container_spec, notes_of
from nodes.models import ComputeNode

_TRIED, _ROUNDS = 8, 3  # nodes and times, when others take the room while we look
_NOBODY = "00000000-0000-0000-0000-000000000000"  # stands for the instance in a preview


def visible_instances(user: Any, *, among: Any = None) -> models.QuerySet[Instance]:
    """Operators see every instance, others their own; of all, or `among` these rows."""
    rows = Instance.objects.select_related("image", "spec", "node", "user") if among is None else among
    return rows if user.is_staff else rows.filter(user=user)


def preview(
    *, user: Any, image: int, spec: int, name: str, node: int | None = None, options: Options | None = None
) -> dict[str, Any]:
    """What creation would use now; nothing is stored. Asks the node, and the registry if the image is not there.

    Raises as `create_instance` does, and `NotOffered` for what is known to stand against the slice.
    """
    ask = judge(user, image, spec, name, node, options or Options())
    best = answer_to(ask).fits[0]
    place = ComputeNode.objects.get(pk=best.node)
    findings = known_findings(place, ask.reference) if best.grant.sliced else []
    or_refuse(lambda: refuse_by(findings))
    arrival = look_ahead(image=ask.image, reference=ask.reference, node=place)
    own = known_environment(ask.reference) if arrival.environment is None else arrival.environment
    wanted = wanted_by(ask, best, uid=_NOBODY, image_environment=own)
    made = as_json(or_refuse(lambda: container_spec(wanted)))
    return {
        "node": best.node,
        "gpus": list(best.grant.device_ids),
        **made,
        "bytes_to_pull": arrival.size,
        "warnings": [
            {"code": code, "text": sentence(code, params)}
            for code, params in [*_warnings(wanted, place, findings, arrival), *_doubts(best, findings, own)]
        ],
    }


def _doubts(
    best: Fit, findings: Iterable[Finding], image_environment: Mapping[str, str] | None
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Why creation may do otherwise, or not succeed there."""
    if best.fault and best.fault not in [finding.code for finding in findings]:
        fault = NodeFault.objects.filter(node=best.node, code=best.fault).first()
        yield "node_failed_lately", {"cause": sentence(best.fault, fault.params if fault else {})}
    if best.grant.sliced and image_environment is None:
        yield "image_environment_unknown", {}


def _warnings(
    wanted: Wanted, node: ComputeNode, findings: Iterable[Finding], arrival: Arrival
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What cannot be done as the spec asks, what was found the last time somebody looked, and what is not known."""
    yield from ((code, {}) for code in notes_of(wanted))
    for gpu in Gpu.objects.filter(node=node, device_id__in=wanted.grant.device_ids, outside_mib__gt=0):
        seen = f"{gpu.seen_at:%Y-%m-%d %H:%M} UTC"
        told = {"index": gpu.index, "outside": gpu.outside_mib, "card": gpu.memory_mib, "seen": seen}
        yield "card_used_outside", told
    yield from ((finding.code, finding.params) for finding in findings)
    if arrival.size is None:
        yield "size_unknown", {"cause": arrival.cause}


def create_instance(
    *,
    user: Any,
    image: int,
    spec: int,
    name: str,
    node: int | None = None,
    remark: str = "",
    options: Options | None = None,
) -> Instance:
    """Reserve the place and queue the work. The answer comes at once; the rest shows on the row.

    Raises `NotFound` for what does not exist or may not be used, `InvalidInput`, `NotOffered`, `NoRoom`, `Conflict`.
    """
    ask = judge(user, image, spec, name, node, options or Options())
    for _round in range(_ROUNDS):
        for candidate in answer_to(ask).fits[:_TRIED]:
            try:
                return reserve(ask, candidate.node, remark)
            except Refused:
                continue  # somebody was faster there
            except IntegrityError as error:
                refuse_taken_name(ask.user, ask.name)  # since we looked
                raise Conflict(_("Something of this was deleted in this moment."), code="deleted") from error
    raise NoRoom(_("Others were faster wherever there was room. Try again."), extra={"nodes": []})


def operate(*, user: Any, instance: int, kind: str) -> Operation:
    """Queue start, stop, restart or remove. Raises `NotFound`, and `Conflict` while something else is being done."""
    row = own_instance(user=user, pk=instance)
    if kind != OperationKind.REMOVE and not row.container_id:
        raise Conflict(_("There is no container yet."), code="no_container")
    return queue(row, kind, user)


def delete_instances(*, user: Any, ids: Iterable[int]) -> int:
    """Queue the removal of all of them, or of none. Returns how many."""
    wanted = sorted(set(ids))
    with transaction.atomic():
        for pk in wanted:
            queue(own_instance(user=user, pk=pk), OperationKind.REMOVE, user)
    return len(wanted)


def update_instance(*, user: Any, instance: int, remark: str) -> Instance:
    """Change the remark; everything else is as it was asked for."""
    row = own_instance(user=user, pk=instance)
    Instance.objects.filter(pk=row.pk).change(remark=remark, updated_at=timezone.now())
    return own_instance(user=user, pk=instance)


def may_see(user: Any, pk: int) -> bool:
    return visible_instances(user).filter(pk=pk).exists()


def own_instance(*, user: Any, pk: int) -> Instance:
    """Raises `NotFound` for an instance that is not there, or that the user may not see."""
    row = visible_instances(user).filter(pk=pk).first()
    if row is None:
        raise NotFound(_("There is no instance with id %(id)s, or it is not yours.") % {"id": pk})
    return row
