"""`/imageRegistry/…`: the image library for the front end of docker-gpu-manage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rest_framework import serializers

from core.dialects.gva_fields import Flag, Text, optional_text
from core.dialects.gva_query import as_flag, as_text
from core.dialects.gva_records import RecordViews, routes
from imagelib import services
from imagelib.models import ImageRegistry


class ImageRegistryForm(serializers.Serializer):
    """What may be written. An address may begin with `user:password@`, which is split off and never stored in it."""

    name = Text(max_length=255)
    address = Text(max_length=3000)
    description = optional_text(1000)
    source = optional_text(255)  # type: ignore[assignment]  # the metaclass takes it off the class
    isOnShelf = Flag(source="is_listed", required=False)
    supportMemorySplit = Flag(source="supports_vgpu", required=False)
    remark = optional_text(1000)


class ImageRegistryViews(RecordViews):
    model = ImageRegistry
    form = ImageRegistryForm
    columns = {
        "ID": "id",
        "CreatedAt": "created_at",
        "UpdatedAt": "updated_at",
        "name": "name",
        "address": "address",
        "description": "description",
        "source": "source",
        "isOnShelf": "is_listed",
        "supportMemorySplit": "supports_vgpu",
        "remark": "remark",
    }
    filters = {
        "name": ("name__icontains", as_text),
        "address": ("address__icontains", as_text),
        "source": ("source__icontains", as_text),
        "isOnShelf": ("is_listed", as_flag),
    }

    def visible(self, among: Any = None) -> Any:
        return services.visible_images(self.request.user, among=among)

    def save(self, values: Mapping[str, Any], record: ImageRegistry | None = None) -> ImageRegistry:
        return services.save_image(user=self.request.user, values=values, image=record)

    def remove(self, ids: Iterable[int]) -> int:
        return services.delete_images(user=self.request.user, ids=ids)


urlpatterns = routes("ImageRegistry", ImageRegistryViews)
