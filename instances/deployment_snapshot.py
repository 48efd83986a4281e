"""The one picture of a deployment that every surface shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import OuterRef, Prefetch, QuerySet, Subquery
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.jobs import ACTIVE_STATES
from instances.models import DeployedContainer, Desired, Observed, Operation
from instances.probe_texts import probe_text
from instances.snapshot import problem_of

STATES = {  # a deployment's, made of those of its instances
    "starting": _("starting"),
    "running": pgettext_lazy("container", "running"),
    "degraded": _("degraded"),
    "failed": _("failed"),
    "stopped": _("stopped"),
    "ended": pgettext_lazy("deployment", "ended"),
    "empty": _("without containers"),
    "removing": _("removing"),
}
STATE_CHOICES = list(STATES.items())
STATE_COLOURS = {"running": "success", "starting": "info", "degraded": "warning", "removing": "warning"}
STATE_COLOURS |= {"failed": "danger", "empty": "warning"}
_BAD = (Observed.FAILED, Observed.GONE, Observed.DEAD)


def with_containers(deployments: QuerySet[Any], *, files: bool = False) -> QuerySet[Any]:
    """Each with its containers and their instances, in one more query; `files`: with their templates."""
    active = Operation.objects.filter(instance=OuterRef("pk"), state__in=ACTIVE_STATES).values("kind")[:1]
    # Of one statement: an instance that goes between two would leave a container without one.
    containers = DeployedContainer.objects.annotate(operation=Subquery(active)).select_related("instance__node")
    rows = containers.order_by("replica", "pk") if files else containers.order_by("replica", "pk").defer("template")
    return deployments.defer("document").prefetch_related(Prefetch("containers", queryset=rows, to_attr="parts"))


def deployment_snapshot(row: Any, *, files: bool = False) -> dict[str, Any]:
    """JSON-ready; of a deployment that was read `with_containers`. `files`: with the containers' rendered files."""
    parts: list[DeployedContainer] = row.parts
    return {
        "id": row.pk,
        "name": row.name,
        "app_image": row.app_image.name,
        "version": row.version,
        "role": row.role,
        "deploy_template": row.deploy_template,
        "variables": row.variables,
        "spec": {"id": row.spec_id, "name": row.spec.name},
        "user": row.user.get_username(),
        "desired": row.desired,
        "state": state_of(row),
        "ready": sum(is_ready(part) for part in parts),
        "total": len(parts),
        "created_at": row.created_at,
        "containers": [_container(part, files=files) for part in parts],
    }


def state_of(row: Any) -> str:
    """One of `STATES`."""
    parts: list[DeployedContainer] = row.parts
    seen = [part.instance.observed for part in parts]
    if row.desired == Desired.REMOVED:
        return "removing"
    if not seen:
        return "empty"
    if any(one in _BAD for one in seen):
        return "failed" if all(one in _BAD for one in seen) else "degraded"
    if all(one == Observed.EXITED for one in seen):
        return "stopped" if row.desired == Desired.STOPPED else "ended"
    if all(is_ready(part) for part in parts):
        return "running"
    return "starting" if _is_new(seen) else "degraded"


def _is_new(seen: Iterable[str]) -> bool:
    """Whether nothing has ended or hangs: what is not ready may become so."""
    return not any(one in (Observed.EXITED, Observed.PAUSED, Observed.RESTARTING) for one in seen)


def is_ready(part: DeployedContainer) -> bool:
    """A container without a readiness probe is ready while it runs."""
    return part.instance.observed == Observed.RUNNING and part.is_ready is not False


def _told(result: Mapping[str, Any]) -> dict[str, Any]:
    code = result["code"]
    return {"ok": result["ok"], "at": result["at"], "code": code, "text": probe_text(code, result["params"])}


def _container(part: Any, *, files: bool) -> dict[str, Any]:
    instance = part.instance
    shown = {
        "instance": instance.pk,
        "name": instance.name,
        "container": part.container,
        "replica": part.replica,
        "node": {"id": instance.node_id, "name": instance.node.name},
        "state": instance.observed,
        "problem": problem_of(instance),
        "operation": part.operation,
        "ports": instance.ports,
        "started": part.has_started,
        "ready": part.is_ready,
        "alive": part.is_alive,
        "probe_restarts": part.probe_restarts,
        "probes": {kind: _told(result) for kind, result in part.probe_results.items()},
    }
    if files:
        shown |= {name: part.template.get(name, {}) for name in ("files", "unresolved")}
    return shown
