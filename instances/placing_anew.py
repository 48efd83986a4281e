"""A creation whose node turned out unable is placed anew, where nobody asked for that node in particular."""

from __future__ import annotations

from datetime import datetime

from instances.accelerator import Refused
from instances.capacity import demand_of, needs_of
from instances.failures import is_of_node
from instances.faults import note_fault
from instances.models import Instance, Operation, OperationKind
from instances.outcome import OperationFailed
from instances.services.asking import Ask, NoRoom, NotOffered, answer_to
from instances.services.reserving import move
from instances.spec import Options
from nodes.services import visible_nodes

MOST_REFUSALS = 3  # of nodes; a fleet in which each one is broken need not be tried out by everybody
_TRIED = 8  # places, when others take the room while we look


def place_anew(operation: Operation, instance: Instance, failed: OperationFailed, *, now: datetime) -> bool:
    """Remember what is wrong with the node, and take the creation to the next one. False: the failure stands. Raises
    `IllegalTransition` when somebody has taken over."""
    if not is_of_node(failed.code):
        return False
    note_fault(instance.node, failed.code, failed.params, now=now)
    if operation.kind != OperationKind.CREATE or not failed.undone or not instance.anywhere:
        return False
    refused_by = [*instance.refused_by, {"node": instance.node.name, "code": failed.code, "params": failed.params}]
    if len(refused_by) > MOST_REFUSALS or instance.spec.updated_at > instance.created_at:
        return False  # of a spec that was edited nobody knows any more what it was
    return _moved(operation, instance, refused_by, now=now)


def _moved(operation: Operation, instance: Instance, refused_by: list[dict[str, object]], *, now: datetime) -> bool:
    ask = _asked_again(instance)
    try:
        fits = answer_to(ask).fits
    except NoRoom:
        return False
    for found in fits[:_TRIED]:
        if found.fault:  # so have all that follow
            return False
        try:
            move(ask, instance, operation, found.node, refused_by=refused_by, now=now)
        except (Refused, NotOffered):
            continue  # somebody was faster there, or its settings do not do
        return True
    return False


def _asked_again(instance: Instance) -> Ask:
    nodes = visible_nodes(instance.user).filter(is_listed=True).exclude(docker_address="")
    return Ask(
        user=instance.user,
        image=instance.image,
        spec=instance.spec,
        nodes=nodes.exclude(pk=instance.node_id).exclude(name__in=[one["node"] for one in instance.refused_by]),
        name=instance.name,
        reference=instance.reference,
        demand=demand_of(instance.spec, sliced=instance.is_sliced),
        needs=needs_of(instance.spec),
        options=Options.of(instance.options),
        anywhere=True,
    )
