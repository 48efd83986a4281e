"""The one picture of an instance that every surface shows."""

from __future__ import annotations

from collections.abc import Iterator
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
        "notes": list(_notes(instance)),
        "problem": problem_of(instance, operator=viewer is not None and viewer.is_staff),
        "operation": _operation(instance.operation),
        "remark": instance.remark,
        "created_at": instance.created_at,
        "updated_at": instance.updated_at,
    }


def _notes(instance: Instance) -> Iterator[dict[str, str]]:
    for refusal in instance.refused_by:
        told = {"node": refusal["node"], "cause": sentence(refusal["code"], refusal["params"])}
        yield {"code": "placed_anew", "text": sentence("placed_anew", told)}
    for code in instance.notes:
        yield {"code": code, "text": sentence(code, {})}


def problem_of(instance: Instance, *, operator: bool = False) -> dict[str, Any] | None:
    """`{code, text, evidence}` in the active language, or None. Words of connections are for operators."""
    if not instance.problem_code:
        return None
    params = instance.problem.get("params", {})
    text = sentence(instance.problem_code, params)
    evidence = params.get("evidence", "") if operator or not _is_of_connection(instance.problem_code, params) else ""
    return {"code": instance.problem_code, "text": text, "evidence": evidence}


def _is_of_connection(code: str, params: dict[str, Any]) -> bool:
    """Whether its evidence is what was met on the way to an engine: addresses and paths that users do not see."""
    cause = params.get("cause")
    return code == "node_lost" or (isinstance(cause, dict) and cause["code"].startswith("engine_"))


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
