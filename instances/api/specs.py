"""`/api/specs/`: thin views over `instances.services`."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import viewsets

from core.api import ListedRecords, OperatorsWrite
from instances import services
from instances.filters import SpecFilter
from instances.models import ProductSpec
from instances.serializers import SpecSerializer


@extend_schema(tags=["specs"])
class SpecViewSet(ListedRecords, viewsets.ModelViewSet):
    """What containers may get. Operators write; other users see the listed specs."""

    queryset = ProductSpec.objects.all()
    serializer_class = SpecSerializer
    permission_classes = [OperatorsWrite]
    filterset_class = SpecFilter
    ordering_fields = ["id", "name", "gpu_model", "gpu_count", "price_per_hour", "created_at", "updated_at"]
    ordering = ["-created_at", "-id"]

    def get_queryset(self) -> Any:
        return services.visible_specs(self.request.user)

    def save_record(self, values: Any, row: Any) -> Any:
        return services.save_spec(user=self.request.user, values=values, spec=row)

    def delete_records(self, ids: list[int]) -> None:
        services.delete_specs(user=self.request.user, ids=ids)

    def list_records(self, ids: list[int], listed: bool) -> None:
        services.set_listed(user=self.request.user, ids=ids, listed=listed)
