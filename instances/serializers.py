"""JSON of product specs in the native API."""

from __future__ import annotations

from typing import Any

from core.api import StrictModelSerializer
from instances.models import ProductSpec


class SpecSerializer(StrictModelSerializer):
    """What one container gets. Sizes are GB, GPU memory that of each card; the price is a decimal text."""

    class Meta:
        model = ProductSpec
        fields = (
            "id", "name", "gpu_model", "gpu_count", "gpu_memory_gb", "supports_memory_split", "sm_limit_percent",
            "cpu_cores", "memory_gb", "system_disk_gb", "data_disk_gb", "price_per_hour", "is_listed", "remark",
            "created_at", "updated_at",
        )  # fmt: skip
        read_only_fields = ("id", "created_at", "updated_at")
        extra_kwargs: dict[str, dict[str, Any]] = {"name": {"validators": []}}
