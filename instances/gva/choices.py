"""What the selections of the instances' page hold: only what the user may see, and nobody else's name."""

from __future__ import annotations

from typing import Any

from core.dialects.gva_schema import FLAG, NUMBER, TEXT, json_list, json_object
from imagelib.services import visible_images
from instances.models import ProductSpec
from instances.services import visible_instances, visible_specs
from nodes.services import visible_nodes

_SPEC_NUMBERS = {
    "gpu_count": "gpu_count",
    "memory_capacity": "gpu_memory_gb",
    "cpu_cores": "cpu_cores",
    "memory_gb": "memory_gb",
    "system_disk_gb": "system_disk_gb",
    "data_disk_gb": "data_disk_gb",
}
_OPTIONS = json_list(json_object(label=TEXT, value=NUMBER))
_SPEC = json_object(
    value=NUMBER, name=TEXT, label=TEXT, gpu_model=TEXT, **dict.fromkeys(_SPEC_NUMBERS, NUMBER),
    price_per_hour={"type": "number"}, supportMemorySplit=FLAG,
)  # fmt: skip
DATA_SOURCE = json_object(
    imageId=json_list(json_object(label=TEXT, value=NUMBER, supportMemorySplit=FLAG)),
    specId=json_list(_SPEC), nodeId=_OPTIONS, allNodes=_OPTIONS, userId=_OPTIONS,
)  # fmt: skip


def data_source(user: Any) -> dict[str, Any]:
    """Listed images and specs, as they feed the dialog too; nodes and people also to name what the list shows."""
    images = visible_images(user).filter(is_listed=True).order_by("name", "pk")
    specs = visible_specs(user).filter(is_listed=True).order_by("name", "pk")
    used = visible_instances(user).select_related(None).order_by()
    nodes = dict(visible_nodes(user).values_list("pk", "name"))
    nodes |= dict(used.values_list("node", "node__name").distinct())
    people = dict(used.values_list("user", "user__username").distinct()) | {user.pk: user.get_username()}
    return {
        "imageId": [{"label": row.name, "value": row.pk, "supportMemorySplit": row.supports_vgpu} for row in images],
        "specId": [_spec(row) for row in specs],
        "nodeId": [],
        "allNodes": _options(nodes),
        "userId": _options(people),
    }


def _options(names: dict[int, str]) -> list[dict[str, Any]]:
    return [{"label": name, "value": pk} for pk, name in sorted(names.items(), key=lambda pair: (pair[1], pair[0]))]


def _spec(row: ProductSpec) -> dict[str, Any]:
    return {
        "value": row.pk,
        "name": row.name,
        "label": row.name,
        "gpu_model": row.gpu_model,
        **{key: getattr(row, column) for key, column in _SPEC_NUMBERS.items()},
        "price_per_hour": float(row.price_per_hour),
        "supportMemorySplit": row.supports_memory_split,
    }
