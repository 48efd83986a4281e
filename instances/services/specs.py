"""What people ask of product specs. Every write goes through here, from whatever surface."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from core.errors import InvalidInput
from core.operators import require_operator
from core.rows import delete_rows, save_row, set_listed_rows
from instances.models import MOST_SLICED_GPUS, ProductSpec


def visible_specs(user: Any, *, among: Any = None) -> models.QuerySet[ProductSpec]:
    """Operators see every spec, others the listed ones; of all, or `among` these rows."""
    rows = ProductSpec.objects.all() if among is None else among
    return rows if user.is_staff else rows.filter(is_listed=True)


def save_spec(*, user: Any, values: Mapping[str, Any], spec: ProductSpec | None = None) -> ProductSpec:
    """Create or change a spec. Raises `InvalidInput` with every fault at once."""
    require_operator(user)
    row = spec or ProductSpec()
    for name, value in values.items():
        setattr(row, name, value.strip() if isinstance(value, str) else value)
    check_spec(row)
    save_row(row, fields=values, duplicate=_("Another product spec has this name already."))
    return row


def check_spec(row: ProductSpec) -> None:
    """All rules of a spec's fields; the database holds the same ones. Raises `InvalidInput`."""
    problems: dict[str, Any] = {}
    try:
        row.clean_fields()
        row.validate_unique()
    except ValidationError as error:
        problems = dict(error.message_dict)
    problems = {**_gpu_faults(row), **problems}
    if problems:
        raise InvalidInput(problems)


def _gpu_faults(row: ProductSpec) -> dict[str, Any]:
    faults: dict[str, Any] = {}
    if row.gpu_count and not row.gpu_model:
        faults["gpu_model"] = _("Name the GPU model, for example A100, or give 0 as the GPU count.")
    if row.supports_memory_split:
        if not row.gpu_count:
            faults["gpu_count"] = _("GPU memory slices need at least one GPU.")
        elif row.gpu_count > MOST_SLICED_GPUS:
            faults["gpu_count"] = _("A container can have slices of at most %(most)s GPUs.") % {
                "most": MOST_SLICED_GPUS
            }
        if not row.gpu_memory_gb:
            faults["gpu_memory_gb"] = _("Say how many GB of each card a slice has, for example 8.")
    return faults


def delete_specs(*, user: Any, ids: Iterable[int]) -> int:
    """Delete specs, all or none. Raises `NotFound` for unknown ids, `InUse` naming what uses them."""
    require_operator(user)
    return delete_rows(ProductSpec, ids)


def set_listed(*, user: Any, ids: Iterable[int], listed: bool) -> int:
    """List or unlist specs. Returns how many changed."""
    require_operator(user)
    return set_listed_rows(ProductSpec.objects.filter(pk__in=list(ids)), listed=listed)
