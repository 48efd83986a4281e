"""From what an engine says of a container to the instance's row."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from instances.models import Instance, Observed
from nodes.engine import ContainerInfo

_STATES = {state.value for state in (
    Observed.CREATED, Observed.RUNNING, Observed.PAUSED, Observed.RESTARTING, Observed.REMOVING, Observed.EXITED,
    Observed.DEAD,
)}  # fmt: skip


def columns_of(container: ContainerInfo, *, now: datetime) -> dict[str, Any]:
    """The row's columns as this container is."""
    return {
        "container_id": container.id,
        "container_name": container.name,
        "observed": container.state if container.state in _STATES else Observed.DEAD,
        "observed_at": now,
        "exit_code": container.exit_code if container.state in (Observed.EXITED, Observed.DEAD) else None,
        "oom_killed": container.oom_killed,
        "restarts": container.restart_count,
        "ports": [
            {"container_port": port.container_port, "protocol": port.protocol, "host_port": port.host_port}
            for port in container.ports
            if port.host_port
        ],
    }


def observe(instance: Instance, container: ContainerInfo | None, *, now: datetime) -> None:
    """Store what was seen, unless the row is newer. A container that is gone was removed behind our back."""
    values = (
        columns_of(container, now=now)
        if container is not None
        else {"observed": Observed.GONE, "observed_at": now, "problem_code": "container_gone", "problem": {}}
    )
    Instance.objects.filter(pk=instance.pk).exclude(observed_at__gt=now).update(**values)
