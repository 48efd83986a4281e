"""`/productSpec/…`: product specs for the front end of docker-gpu-manage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rest_framework import serializers

from core.dialects.gva_fields import Flag, Number, Text, WholeNumber, optional_text
from core.dialects.gva_query import as_flag, as_text
from core.dialects.gva_records import RecordViews, routes
from instances import services
from instances.models import ProductSpec


class ProductSpecForm(serializers.Serializer):
    """What may be written. Sizes are GB, `memoryCapacity` those of each card; the price is per hour."""

    name = Text(max_length=255)
    gpuModel = optional_text(255, source="gpu_model")
    gpuCount = WholeNumber(source="gpu_count")
    memoryCapacity = WholeNumber(source="gpu_memory_gb")
    cpuCores = WholeNumber(source="cpu_cores")
    memoryGb = WholeNumber(source="memory_gb")
    systemDiskGb = WholeNumber(source="system_disk_gb")
    dataDiskGb = WholeNumber(source="data_disk_gb")
    pricePerHour = Number(source="price_per_hour", max_digits=10, decimal_places=4)
    isOnShelf = Flag(source="is_listed", required=False)
    supportMemorySplit = Flag(source="supports_memory_split", required=False)
    remark = optional_text(1000)


class ProductSpecViews(RecordViews):
    model = ProductSpec
    form = ProductSpecForm
    columns = {
        "ID": "id",
        "CreatedAt": "created_at",
        "UpdatedAt": "updated_at",
        "name": "name",
        "gpuModel": "gpu_model",
        "gpuCount": "gpu_count",
        "memoryCapacity": "gpu_memory_gb",
        "cpuCores": "cpu_cores",
        "memoryGb": "memory_gb",
        "systemDiskGb": "system_disk_gb",
        "dataDiskGb": "data_disk_gb",
        "pricePerHour": "price_per_hour",
        "isOnShelf": "is_listed",
        "supportMemorySplit": "supports_memory_split",
        "remark": "remark",
    }
    filters = {
        "name": ("name__icontains", as_text),
        "gpuModel": ("gpu_model__icontains", as_text),
        "isOnShelf": ("is_listed", as_flag),
    }

    def visible(self, among: Any = None) -> Any:
        return services.visible_specs(self.request.user, among=among)

    def save(self, values: Mapping[str, Any], record: ProductSpec | None = None) -> ProductSpec:
        return services.save_spec(user=self.request.user, values=values, spec=record)

    def remove(self, ids: Iterable[int]) -> int:
        return services.delete_specs(user=self.request.user, ids=ids)


urlpatterns = routes("ProductSpec", ProductSpecViews)
