"""`/api/config-sets/` and `/api/secret-sets/`: thin views over `instances.services`. Operators only."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import viewsets

from core.api import OperatorsOnly
from instances import services
from instances.config_set_serializers import ConfigSetSerializer, SecretSetSerializer
from instances.filters import ConfigSetFilter, SecretSetFilter
from instances.models import ConfigSet, SecretSet


class _Sets(viewsets.ModelViewSet):
    permission_classes = [OperatorsOnly]
    ordering_fields = ["id", "name", "created_at", "updated_at"]
    ordering = ["name", "id"]


@extend_schema(tags=["config-sets"])
class ConfigSetViewSet(_Sets):
    """Variables that AppImages ask for by the name of a set."""

    queryset = ConfigSet.objects.all()
    serializer_class = ConfigSetSerializer
    filterset_class = ConfigSetFilter

    def perform_create(self, serializer: Any) -> None:
        serializer.instance = services.save_config_set(user=self.request.user, values=serializer.validated_data)

    def perform_update(self, serializer: Any) -> None:
        values = serializer.validated_data
        row = serializer.instance
        serializer.instance = services.save_config_set(user=self.request.user, values=values, row=row)

    def perform_destroy(self, instance: ConfigSet) -> None:
        services.delete_config_sets(user=self.request.user, ids=[instance.pk])


@extend_schema(tags=["config-sets"])
class SecretSetViewSet(_Sets):
    """Secret variables: nobody reads their values but the containers that get them."""

    queryset = SecretSet.objects.defer("sealed")
    serializer_class = SecretSetSerializer
    filterset_class = SecretSetFilter

    def perform_create(self, serializer: Any) -> None:
        serializer.instance = services.save_secret_set(user=self.request.user, values=serializer.validated_data)

    def perform_update(self, serializer: Any) -> None:
        values = serializer.validated_data
        row = serializer.instance
        serializer.instance = services.save_secret_set(user=self.request.user, values=values, row=row)

    def perform_destroy(self, instance: SecretSet) -> None:
        services.delete_secret_sets(user=self.request.user, ids=[instance.pk])
