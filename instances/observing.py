"""From what an engine says of a container to the instance's row."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.db.models import Exists, F, OuterRef

from core.jobs import ACTIVE_STATES
from instances.models import Instance, Observed, Operation
from nodes.engine import ContainerInfo

_STATES = {state.value for state in (
    Observed.CREATED, Observed.RUNNING, Observed.PAUSED, Observed.RESTARTING, Observed.REMOVING, Observed.EXITED,
    Observed.DEAD,
)}  # fmt: skip


LONGEST_NAME = 80  # of the column; engines have no limit, and who may use one may rename what is ours


def columns_of(container: ContainerInfo, *, now: datetime) -> dict[str, Any]:
    """The row's columns as this container is."""
    return {
        "container_id": container.id,
        "container_name": container.name[:LONGEST_NAME],
        "observed": container.state if container.state in _STATES else Observed.DEAD,
        "observed_at": now,
        "started_at": _moment(container.started_at),
        "exit_code": container.exit_code if container.state in (Observed.EXITED, Observed.DEAD) else None,
        "oom_killed": container.oom_killed,
        "restarts": container.restart_count,
        "ports": [
            {"container_port": port.container_port, "protocol": port.protocol, "host_port": port.host_port}
            for port in container.ports
            if port.host_port
        ],
    }


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):  # never, or nothing that could be one
        return None


def _problem(instance: Instance, *, lost: bool) -> dict[str, Any]:
    """To see the container disproves that it is gone, or that its node cannot be reached."""
    known = instance.problem_code
    still = "" if known in ("container_gone", "node_lost") else known
    code = "operation_lost" if lost and not still else still
    return {} if code == known else {"problem_code": code, "problem": {}}


def ended_at_once(container: ContainerInfo) -> dict[str, Any]:
    """Columns that say so of a container that was started a moment ago and has failed already. To have succeeded by
    then is no problem."""
    if container.state != Observed.EXITED or container.exit_code == 0:
        return {}
    return {"problem_code": "ended_at_once", "problem": {"params": {"exit_code": container.exit_code}}}


def observe(instance: Instance, container: ContainerInfo | None, *, now: datetime, lost: bool = False) -> None:
    """Store what was seen, unless the row is newer or an operation works on it, which has the last word. A container
    that is gone was removed behind our back. `lost`: the last operation ended without a worker who could say so."""
    values: dict[str, Any] = (
        {**columns_of(container, now=now), **_problem(instance, lost=lost)}
        if container is not None
        else {"observed": Observed.GONE, "observed_at": now, "problem_code": "container_gone", "problem": {}}
    )
    busy = Operation.objects.filter(instance=OuterRef("pk"), state__in=ACTIVE_STATES)
    rows = Instance.objects.filter(~Exists(busy), pk=instance.pk).exclude(observed_at__gt=now)
    if all(getattr(instance, name) == value for name, value in values.items() if name != "observed_at"):
        rows.update(version=F("version") + 1, **values)  # only its age is new: nobody need look at once
    else:
        rows.change(**values)
