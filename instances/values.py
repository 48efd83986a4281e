"""Values of the variables that users set may be secrets, such as tokens: who sees them, and where they are left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.fields import MASK
from instances.hiding import without
from instances.models import Instance


def plan_for(instance: Instance, viewer: Any) -> dict[str, Any]:
    """What went to the engine. The values of the variables that its owner set may be secrets: nobody else sees them,
    and without a viewer (lists, streams) nobody does."""
    own = instance.options.get("environment") or {}
    if not own or (viewer is not None and viewer.pk == instance.user_id):
        return instance.plan
    environment = instance.plan.get("environment", {})
    return {**instance.plan, "environment": {name: MASK if name in own else environment[name] for name in environment}}


def without_values(text: str, options: Mapping[str, Any]) -> str:
    """An engine's words without the values that an instance's `options` set: operators read them too."""
    return without(text, (options.get("environment") or {}).values())
