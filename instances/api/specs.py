"""`/api/specs/`: thin views over `instances.services`."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from core.api import OperatorsOnly, OperatorsWrite
from instances import services
from instances.filters import SpecFilter
from instances.models import ProductSpec
from instances.serializers import SpecSerializer


@extend_schema(tags=["specs"])
class SpecViewSet(viewsets.ModelViewSet):
    """What containers may get. Operators write; other users see the listed specs."""

    queryset = ProductSpec.objects.all()
    serializer_class = SpecSerializer
    permission_classes = [OperatorsWrite]
    filterset_class = SpecFilter
    ordering_fields = ["id", "name", "gpu_model", "gpu_count", "price_per_hour", "created_at", "updated_at"]
    ordering = ["-created_at", "-id"]

    def get_queryset(self) -> Any:
        return services.visible_specs(self.request.user)

    def perform_create(self, serializer: Any) -> None:
        serializer.instance = services.save_spec(user=self.request.user, values=serializer.validated_data)

    def perform_update(self, serializer: Any) -> None:
        services.save_spec(user=self.request.user, values=serializer.validated_data, spec=serializer.instance)

    def perform_destroy(self, instance: ProductSpec) -> None:
        services.delete_specs(user=self.request.user, ids=[instance.pk])

    @extend_schema(request=None, responses=SpecSerializer)
    @action(detail=True, methods=["post"], url_path="list", permission_classes=[OperatorsOnly])
    def list_entry(self, request: Request, pk: int) -> Response:
        """Make the spec visible and usable."""
        return self._set_listed(True)

    @extend_schema(request=None, responses=SpecSerializer)
    @action(detail=True, methods=["post"], permission_classes=[OperatorsOnly])
    def unlist(self, request: Request, pk: int) -> Response:
        """Hide the spec from ordinary users. What was made with it stays."""
        return self._set_listed(False)

    def _set_listed(self, listed: bool) -> Response:
        services.set_listed(user=self.request.user, ids=[self.get_object().pk], listed=listed)
        return Response(self.get_serializer(self.get_object()).data)
