"""`/api/images/` and `/api/registries/`: thin views over `imagelib.services`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import viewsets
from rest_framework.decorators import action
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.api import ListedRecords, OperatorsOnly, OperatorsWrite
from core.parsers import FileBody, Upload, file_of
from imagelib import services
from imagelib.filters import ImageFilter, RegistryFilter
from imagelib.inspection import check_address, check_endpoint
from imagelib.models import ImageRegistry, RegistryEndpoint
from imagelib.references import effective_image
from imagelib.registry_imports import import_registries
from imagelib.schema import AddressCheck, ConfigurationForm, EndpointCheck, ImportedRegistriesShape, ResolvedImage
from imagelib.serializers import AddressSerializer, ImageSerializer, NameAndTagSerializer, RegistrySerializer


@extend_schema(tags=["images"])
class ImageViewSet(ListedRecords, viewsets.ModelViewSet):
    """Usable images. Operators write; other users see the listed entries."""

    queryset = ImageRegistry.objects.all()
    serializer_class = ImageSerializer
    permission_classes = [OperatorsWrite]
    filterset_class = ImageFilter
    ordering_fields = ["id", "name", "address", "created_at", "updated_at"]
    ordering = ["-created_at", "-id"]

    def get_queryset(self) -> Any:
        return services.visible_images(self.request.user)

    def save_record(self, values: Any, row: Any) -> Any:
        return services.save_image(user=self.request.user, values=values, image=row)

    def delete_records(self, ids: list[int]) -> None:
        services.delete_images(user=self.request.user, ids=ids)

    def list_records(self, ids: list[int], listed: bool) -> None:
        services.set_listed(user=self.request.user, ids=ids, listed=listed)

    @extend_schema(request=None, responses=AddressCheck)
    @action(detail=True, methods=["post"], permission_classes=[OperatorsOnly])
    def check(self, request: Request, pk: int) -> Response:
        """Ask the registry: exists, digest, platforms and sizes, whose credentials. Nothing is pulled."""
        return Response(check_address(self.get_object().address))

    @extend_schema(operation_id="images_check_address", request=AddressSerializer, responses=AddressCheck)
    @action(detail=False, methods=["post"], url_path="check", permission_classes=[OperatorsOnly])
    def check_free(self, request: Request) -> Response:
        """The same for an address that is not stored."""
        asked = AddressSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        return Response(check_address(services.clean_address(asked.validated_data["address"]).address))


@extend_schema(tags=["registries"])
class RegistryViewSet(viewsets.ModelViewSet):
    """Where images come from, with credentials. Operators only."""

    queryset = RegistryEndpoint.objects.all()
    serializer_class = RegistrySerializer
    permission_classes = [OperatorsOnly]
    filterset_class = RegistryFilter
    ordering_fields = ["id", "name", "endpoint", "created_at"]
    ordering = ["name", "id"]

    def perform_create(self, serializer: Any) -> None:
        serializer.instance = services.save_endpoint(user=self.request.user, values=serializer.validated_data)

    def perform_update(self, serializer: Any) -> None:
        services.save_endpoint(user=self.request.user, values=serializer.validated_data, endpoint=serializer.instance)

    def perform_destroy(self, instance: RegistryEndpoint) -> None:
        services.delete_endpoints(user=self.request.user, ids=[instance.pk])

    @extend_schema(
        request={
            "application/yaml": OpenApiTypes.STR,
            "application/json": OpenApiTypes.OBJECT,
            "multipart/form-data": ConfigurationForm,
        },
        responses=ImportedRegistriesShape,
    )
    @action(
        detail=False, methods=["post"], url_path="import", parser_classes=[Upload, FileBody], filter_backends=[],
        pagination_class=None,
    )  # fmt: skip
    def import_file(self, request: Request) -> Response:
        """Take over the registries of a Kuscia configuration, all or none: the file as the body, or `file` in a form.

        An endpoint of the same host and namespace is changed. The file's default registry becomes the default.
        """
        data, _values = file_of(request)
        done = import_registries(data=data, user=request.user)
        return Response({**asdict(done), "errors": []})

    @extend_schema(request=None, responses=EndpointCheck)
    @action(detail=True, methods=["post"])
    def check(self, request: Request, pk: int) -> Response:
        """Does the registry answer from this server, and does it take the stored credentials?"""
        return Response(check_endpoint(self.get_object()))


@extend_schema(tags=["images"])
class ResolveView(APIView):
    """What an image of an AppImage means under the registry endpoints of now."""

    permission_classes = [IsAuthenticated]

    @extend_schema(request=NameAndTagSerializer, responses=ResolvedImage)
    def post(self, request: Request) -> Response:
        """Asks no registry. Says whether credentials would be sent, never which."""
        asked = NameAndTagSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        found = effective_image(**asked.validated_data).as_dict()
        return Response(
            {
                "reference": found["effective_reference"],
                "registry": found["registry"],
                "sends_credentials": found["credentials"],
                "warnings": found["warnings"],
            }
        )
