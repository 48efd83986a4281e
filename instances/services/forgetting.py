"""Giving up an instance whose node never returns."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from core.changes import announce
from core.errors import Conflict, NotFound
from core.jobs import ACTIVE_STATES
from core.operators import require_operator
from instances.models import Instance, delete_instance_row
from nodes.models import ComputeNode, NodeStatus


def forget_instance(*, user: Any, instance: int) -> None:
    """Delete the row and free what it held, without asking the node: the container and its data may be left there.

    Raises `PermissionRefused`, `NotFound`, and `Conflict` while the node answers or an operation runs.
    """
    require_operator(user)
    with transaction.atomic():
        row = Instance.objects.select_for_update().filter(pk=instance).first()
        if row is None:
            raise NotFound(_("There is no instance with id %(id)s, or it is not yours.") % {"id": instance})
        if row.operations.filter(state__in=ACTIVE_STATES).exists():
            text = _("“%(name)s” is busy with another operation. Try again when it has ended.")
            raise Conflict(text % {"name": row.name}, code="operation_active")
        if ComputeNode.objects.filter(pk=row.node_id, status=NodeStatus.CONNECTED).exists():
            text = _("The node of “%(name)s” answers: remove the instance, and nothing is left there.")
            raise Conflict(text % {"name": row.name}, code="node_connected")
        delete_instance_row(row)
        announce()
