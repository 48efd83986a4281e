"""`/api/appimages/`: thin views over the services. What renders or runs one has views of its own."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from appimages import services
from appimages.exporting import export_json, export_yaml
from appimages.file_imports import import_app_images, install_values
from appimages.filters import AppImageFilter
from appimages.models import AppImage
from appimages.serializers import (
    AppImageDetailSerializer,
    AppImageSerializer,
    ImportAnswer,
    ImportForm,
    ImportValues,
    VersionDetailSerializer,
    VersionSerializer,
)
from appimages.versions import compared_version, versions_of
from core.api import JsonAlways, OperatorsOnly, OperatorsWrite
from core.errors import InvalidInput
from core.parsers import FileBody, Upload, file_of

_WRITERS = {"yaml": (export_yaml, "application/yaml"), "json": (export_json, "application/json")}
_FORMAT = _("Either yaml or json, for example ?format=yaml.")
_NUMBER = OpenApiParameter("number", int, OpenApiParameter.PATH, description="Of the version, from 1.")


@extend_schema(tags=["appimages"])
class AppImageViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.DestroyModelMixin, viewsets.GenericViewSet
):
    """Kuscia's templates of how application images are started. Operators write, everybody reads."""

    queryset = AppImage.objects.all()
    serializer_class = AppImageSerializer
    permission_classes = [OperatorsWrite]
    filterset_class = AppImageFilter
    ordering_fields = ["name", "image_name", "version", "created_at", "updated_at"]
    ordering = ["name"]
    lookup_field = "name"
    lookup_value_regex = "[^/]+"

    def get_object(self) -> AppImage:
        return services.get_app_image(name=self.kwargs["name"])

    def get_serializer_class(self) -> Any:
        return AppImageSerializer if self.action == "list" else AppImageDetailSerializer

    def perform_destroy(self, instance: AppImage) -> None:
        services.delete_app_image(name=instance.name, author=self.request.user)

    @extend_schema(
        request={
            "application/yaml": OpenApiTypes.STR,
            "application/json": OpenApiTypes.OBJECT,
            "multipart/form-data": ImportForm,
        },
        parameters=[ImportValues],
        responses=ImportAnswer,
    )
    @action(
        detail=False, methods=["post"], url_path="import", permission_classes=[OperatorsOnly], filter_backends=[],
        parser_classes=[Upload, FileBody], pagination_class=None,
    )  # fmt: skip
    def import_file(self, request: Request) -> Response:
        """Create or replace the AppImages of Kuscia's YAML or JSON, all or none.

        The file is the body, or `file` in a form. `name`, `image` and `id` fill the placeholders of a template, such as
        `{{.SF_IMAGE_NAME}}`; they stand in the query or in the form.
        """
        data, given = file_of(request)
        asked = ImportValues(data=given)
        asked.is_valid(raise_exception=True)
        chosen = asked.validated_data
        values = install_values(name=chosen.get("name"), image=chosen.get("image"), image_id=chosen.get("id"))
        done = import_app_images(data=data, values=values, author=request.user)
        return Response({"created": done.created, "updated": done.updated, "warnings": done.warnings, "errors": []})

    @extend_schema(
        parameters=[OpenApiParameter("format", str, enum=list(_WRITERS), description="`yaml` unless asked otherwise.")],
        responses={(200, kind): OpenApiResponse(OpenApiTypes.STR) for _write, kind in _WRITERS.values()},
    )
    @action(detail=True, methods=["get"], content_negotiation_class=JsonAlways)
    def export(self, request: Request, name: str) -> HttpResponse:
        """Kuscia's file of it, which `import/` reads back as the same."""
        suffix = request.query_params.get("format", "yaml")
        if suffix not in _WRITERS:
            raise InvalidInput({"format": _FORMAT})
        write, kind = _WRITERS[suffix]
        row = self.get_object()
        answer = HttpResponse(write([(row.name, row.document)]), content_type=f"{kind}; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="{row.name}.{suffix}"'
        return answer

    @extend_schema(responses=VersionSerializer(many=True))
    @action(detail=True, methods=["get"], filter_backends=[])
    def versions(self, request: Request, name: str) -> Response:
        """Newest first."""
        page = self.paginate_queryset(versions_of(self.get_object()))
        return self.get_paginated_response(VersionSerializer(page, many=True).data)

    @extend_schema(
        operation_id="appimages_versions_retrieve",
        parameters=[
            _NUMBER,
            OpenApiParameter("against", int, description="Compare with this version; the one before it unless given."),
        ],
        responses=VersionDetailSerializer,
    )
    @action(detail=True, methods=["get"], url_path=r"versions/(?P<number>[0-9]{1,9})")
    def version(self, request: Request, name: str, number: str) -> Response:
        """The document as it was, and what changed."""
        against = request.query_params.get("against", "")
        found = compared_version(self.get_object(), number=int(number), against=against)
        return Response(VersionDetailSerializer(found).data)

    @extend_schema(
        operation_id="appimages_rollback", parameters=[_NUMBER], request=None, responses=AppImageDetailSerializer
    )
    @action(
        detail=True, methods=["post"], url_path=r"versions/(?P<number>[0-9]{1,9})/rollback",
        permission_classes=[OperatorsOnly],
    )  # fmt: skip
    def rollback(self, request: Request, name: str, number: str) -> Response:
        """Make this version's document the present one again, as a new version."""
        row = services.roll_back(name=name, number=int(number), author=request.user)
        return Response(self.get_serializer(row).data)
