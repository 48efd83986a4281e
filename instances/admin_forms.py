"""The form of a product spec; the service judges what is typed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.admin_forms import ServiceForm
from core.system import SYSTEM
from instances.models import ProductSpec
from instances.services import save_spec


class SpecForm(ServiceForm):
    class Meta:
        model = ProductSpec
        fields = (
            "name", "is_listed", "remark", "gpu_model", "gpu_count", "gpu_memory_gb", "supports_memory_split",
            "sm_limit_percent", "cpu_cores", "memory_gb", "system_disk_gb", "data_disk_gb", "price_per_hour",
        )  # fmt: skip

    def judge(self, values: Mapping[str, Any], row: Any) -> None:
        save_spec(user=SYSTEM, values=values, spec=row)
