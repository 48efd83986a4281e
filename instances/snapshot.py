"""The one picture of an instance that every surface shows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import FilteredRelation, Q, QuerySet

from core.ages import age_seconds
from core.jobs import ACTIVE_STATES
from instances.models import Instance, Observed, Operation
from instances.refusal_texts import sentence
from instances.values import plan_for

_SHORT = 80  # characters


def with_operations(instances: QuerySet[Any]) -> QuerySet[Any]:
    """Each with the operation that works on it as `operation`, or None. Of one statement: read one after the other, an
    operation that ends between the two leaves a row that looks finished and says what was true before."""
    active = FilteredRelation("operations", condition=Q(operations__state__in=ACTIVE_STATES))
    return instances.annotate(operation=active).select_related("operation__pull")


def snapshot(instance: Instance, *, now: datetime, viewer: Any = None) -> dict[str, Any]:
    """JSON-ready; of an instance that was read `with_operations`. Sizes in GB are GiB. For `viewer` see `plan_for`."""
    devices = instance.plan.get("device_requests") or []
    return {
        "id": instance.pk,
        "name": instance.name,
        "image": {"id": instance.image_id, "name": instance.image.name},
        "spec": {"id": instance.spec_id, "name": instance.spec.name},
        "node": {"id": instance.node_id, "name": instance.node.name},
        "user": instance.user.get_username(),
        "state": instance.observed,
        "state_age_seconds": age_seconds(instance.observed_at, now),
        "image_reference": instance.reference,
        "digest": instance.digest,
        "container_id": instance.container_id,
        "container_name": instance.container_name,
        "gpus": [device for asked in devices for device in asked["device_ids"]],
        "is_sliced": instance.is_sliced,
        "limits": instance.plan.get("limits", {}),
        "plan": plan_for(instance, viewer),
        "ports": instance.ports,
        "exit_code": instance.exit_code,
        "oom_killed": instance.oom_killed,
        "restarts": instance.restarts,
        "notes": [{"code": code, "text": sentence(code, {})} for code in instance.notes],
        "problem": problem_of(instance),
        "operation": _operation(instance.operation),
        "remark": instance.remark,
        "created_at": instance.created_at,
        "updated_at": instance.updated_at,
    }


def problem_of(instance: Instance) -> dict[str, Any] | None:
    """`{code, text, evidence}` in the active language, or None."""
    if not instance.problem_code:
        return None
    params = instance.problem.get("params", {})
    text = sentence(instance.problem_code, params)
    return {"code": instance.problem_code, "text": text, "evidence": params.get("evidence", "")}


def status_text(instance: Instance) -> str:
    """As the front end's table shows it, which knows no progress bar: `pulling 43%`, `failed: <cause>`. Of an instance
    that was read `with_operations`."""
    operation = instance.operation
    if instance.observed == Observed.PULLING and operation and operation.pull:
        return f"pulling {int(operation.pull.progress.get('percent', 0))}%"
    if instance.observed == Observed.FAILED and (problem := problem_of(instance)):
        return f"failed: {shorten(problem['text'])}"
    return str(instance.observed)


def shorten(text: str) -> str:
    """What has room in a label; the native API has the whole."""
    line = " ".join(text.split())
    return line if len(line) <= _SHORT else line[: _SHORT - 1].rstrip() + "…"


def _operation(operation: Operation | None) -> dict[str, Any] | None:
    if operation is None:
        return None
    pull = operation.pull
    return {
        "id": operation.pk,
        "kind": operation.kind,
        "state": operation.state,
        "attempt": operation.attempt,
        "pull": None if pull is None else {"id": pull.pk, "percent": float(pull.progress.get("percent", 0.0))},
    }
