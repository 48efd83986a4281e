"""`/api/applications/`: thin views over the services."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.response import Response

from builds import previewing
from builds.application_filters import ApplicationFilter
from builds.application_serializers import (
    ApplicationDetailSerializer,
    ApplicationImportAnswer,
    ApplicationImportAsked,
    ApplicationImportForm,
    ApplicationSerializer,
    ApplicationVersionDetail,
    ApplicationVersionSerializer,
    CopyAsked,
    GitImportAsked,
    HintsAnswer,
    HintsAsked,
    PackagesAnswer,
    PackagesAsked,
    SecretsShape,
)
from builds.application_versions import compared_version, versions_of
from builds.dockerfiles import Ecosystem
from builds.hint_texts import NEED_FILES
from builds.models import Application, SourceKind
from builds.services import applications as services
from builds.services.application_exports import export_application, workflow_of
from builds.services.application_files import files_of, roll_back, save_packages
from builds.services.application_imports import import_archive
from builds.services.application_secrets import secret_names, set_secrets
from builds.services.git_imports import import_git
from core.api import JsonAlways
from core.fields import MASK
from core.parsers import FileBody, JSONBody, Upload, file_of
from core.throttling import PatientThrottle

_NUMBER = OpenApiParameter("number", int, OpenApiParameter.PATH, description="Of the version, from 1.")


class GitImports(PatientThrottle):
    """Each keeps a thread of the server waiting for a stranger's."""

    limits = "imports of git repositories"
    scope = "git_import"

    def get_cache_key(self, request: Request, view: Any) -> str:
        return str(self.cache_format % {"scope": self.scope, "ident": request.user.pk})


@extend_schema(tags=["applications"])
class ApplicationViewSet(viewsets.ModelViewSet):
    """What images are built from. Everybody has their own; operators see all."""

    queryset = Application.objects.all()
    serializer_class = ApplicationSerializer
    filterset_class = ApplicationFilter
    ordering_fields = ["id", "name", "base_image", "created_at", "updated_at"]
    ordering = ["name", "id"]

    def get_queryset(self) -> Any:
        return services.visible_applications(self.request.user)

    def get_serializer_class(self) -> Any:
        return ApplicationSerializer if self.action == "list" else ApplicationDetailSerializer

    def perform_create(self, serializer: Any) -> None:
        values, files, _version = _taken_apart(serializer.validated_data)
        serializer.instance = services.create_application(user=self.request.user, values=values, files=files)

    def perform_update(self, serializer: Any) -> None:
        values, files, version = _taken_apart(serializer.validated_data)
        serializer.instance = services.update_application(
            user=self.request.user, application=serializer.instance, values=values, files=files,
            expected_version=version,
        )  # fmt: skip

    def perform_destroy(self, instance: Application) -> None:
        services.delete_application(user=self.request.user, application=instance)

    @extend_schema(request=CopyAsked, responses={201: ApplicationDetailSerializer})
    @action(detail=True, methods=["post"])
    def copy(self, request: Request, pk: str) -> Response:
        """A new application with the same files, or the same repository. Secrets are not copied. It is yours: an
        operator who copies a user's lends it what operators' builds may do, so read its files first."""
        asked = CopyAsked(data=request.data)
        asked.is_valid(raise_exception=True)
        row = services.copy_application(user=request.user, application=self.get_object(), values=asked.validated_data)
        return Response(self.get_serializer(row).data, status=201)

    # --- files -------------------------------------------------------------------------------------------------------

    @extend_schema(responses=ApplicationVersionSerializer(many=True))
    @action(detail=True, methods=["get"], filter_backends=[])
    def versions(self, request: Request, pk: str) -> Response:
        """Newest first."""
        page = self.paginate_queryset(versions_of(self.get_object()))
        return self.get_paginated_response(ApplicationVersionSerializer(page, many=True).data)

    @extend_schema(
        operation_id="applications_versions_retrieve",
        parameters=[
            _NUMBER,
            OpenApiParameter("against", int, description="Compare with this version; the one before it unless given."),
        ],
        responses=ApplicationVersionDetail,
    )
    @action(detail=True, methods=["get"], url_path=r"versions/(?P<number>[0-9]{1,9})")
    def version(self, request: Request, pk: str, number: str) -> Response:
        """The files as they were, and what changed."""
        against = request.query_params.get("against", "")
        found = compared_version(self.get_object(), number=int(number), against=against)
        return Response(ApplicationVersionDetail(found).data)

    @extend_schema(
        operation_id="applications_rollback", parameters=[_NUMBER], request=None, responses=ApplicationDetailSerializer
    )
    @action(detail=True, methods=["post"], url_path=r"versions/(?P<number>[0-9]{1,9})/rollback")
    def rollback(self, request: Request, pk: str, number: str) -> Response:
        """Make the files of this version the present ones again, as a new version."""
        row = roll_back(user=request.user, application=self.get_object(), number=int(number))
        return Response(self.get_serializer(row).data)

    @extend_schema(request=PackagesAsked, responses=PackagesAnswer)
    @action(detail=True, methods=["post"], url_path="add-packages")
    def add_packages(self, request: Request, pk: str) -> Response:
        """Add packages of apt, conda or pip to the right lines of the files. Those that are there change nothing."""
        asked = PackagesAsked(data=request.data)
        asked.is_valid(raise_exception=True)
        row, added = save_packages(
            user=request.user,
            application=self.get_object(),
            ecosystem=Ecosystem(asked.validated_data["ecosystem"]),
            packages=asked.validated_data["packages"],
            expected_version=asked.validated_data.get("version"),
        )
        return Response({"version": row.version, "added": added.added, "present": added.present, "files": added.files})

    @extend_schema(responses=HintsAnswer)
    @action(detail=True, methods=["get"])
    def hints(self, request: Request, pk: str) -> Response:
        """What is wrong with the files that are kept here, or could be better."""
        row = self.get_object()
        hints = {"hints": previewing.hints_for(files_of(row), base=previewing.base_of(row))}
        return Response(hints | ({"note": str(NEED_FILES)} if row.source == SourceKind.GIT else {}))

    @extend_schema(operation_id="applications_hints_free", request=HintsAsked, responses=HintsAnswer)
    @action(detail=False, methods=["post"], url_path="hints")
    def hints_free(self, request: Request) -> Response:
        """The same for files that are not stored."""
        asked = HintsAsked(data=request.data)
        asked.is_valid(raise_exception=True)
        values = dict(asked.validated_data)
        return Response({"hints": previewing.hints_for(values.pop("files"), base=values)})

    # --- secrets -----------------------------------------------------------------------------------------------------

    @extend_schema(methods=["GET"], responses=SecretsShape)
    @extend_schema(methods=["POST"], request=SecretsShape, responses=SecretsShape)
    @action(detail=True, methods=["get", "post"])
    def secrets(self, request: Request, pk: str) -> Response:
        """Build secrets, for `RUN --mount=type=secret,id=NAME`. Nobody reads their values."""
        row = self.get_object()
        if request.method == "GET":
            names = secret_names(row)
        else:
            asked = SecretsShape(data=request.data)
            asked.is_valid(raise_exception=True)
            names = set_secrets(user=request.user, application=row, values=asked.validated_data["values"])
        return Response({"values": dict.fromkeys(names, MASK)})

    # --- repositories ------------------------------------------------------------------------------------------------

    @extend_schema(responses={(200, "application/yaml"): OpenApiResponse(OpenApiTypes.STR)})
    @action(detail=True, methods=["get"], content_negotiation_class=JsonAlways)
    def workflow(self, request: Request, pk: str) -> HttpResponse:
        """The GitHub workflow that builds it. Its secrets are names of the repository's own."""
        row = self.get_object()
        return _file(workflow_of(row).encode(), "application/yaml; charset=utf-8", f"build-push-{row.name}.yaml")

    @extend_schema(responses={(200, "application/zip"): OpenApiResponse(OpenApiTypes.BINARY)})
    @action(detail=True, methods=["get"], content_negotiation_class=JsonAlways)
    def export(self, request: Request, pk: str) -> HttpResponse:
        """A ZIP archive with `src/NAME/` and the workflow, which `import/` reads back as the same."""
        row = self.get_object()
        return _file(export_application(row), "application/zip", f"{row.name}.zip")

    @extend_schema(
        request={
            "application/json": GitImportAsked,
            "application/zip": bytes,
            "application/x-tar": bytes,
            "multipart/form-data": ApplicationImportForm,
        },
        parameters=[ApplicationImportAsked],
        responses=ApplicationImportAnswer,
    )
    @action(
        detail=False, methods=["post"], url_path="import", filter_backends=[], pagination_class=None,
        parser_classes=[JSONBody, Upload, FileBody],
    )  # fmt: skip
    def import_file(self, request: Request) -> Response:
        """Create or change the applications of a repository, all or none: each has a folder `src/NAME/` with a
        Dockerfile, and a workflow `.github/workflows/build-push-NAME.yaml` whose env says base and target.

        The archive (ZIP, TAR, TAR.GZ) is the body, or `file` in a form. With JSON it is a git repository, which has to
        answer within ten seconds; the files stay there.
        """
        if _is_json(request):
            wanted = GitImportAsked(data=request.data)
            wanted.is_valid(raise_exception=True)
            limit = GitImports()
            if not limit.allow_request(request, self):
                raise Throttled(wait=limit.wait())
            return Response({**asdict(import_git(user=request.user, **wanted.validated_data)), "errors": []})
        data, given = file_of(request)
        asked = ApplicationImportAsked(data=given)
        asked.is_valid(raise_exception=True)
        done = import_archive(user=request.user, data=data, **asked.validated_data)
        return Response({**asdict(done), "errors": []})


def _is_json(request: Request) -> bool:
    return (request.content_type or "").partition(";")[0].strip().lower() == JSONBody.media_type


def _taken_apart(values: Any) -> tuple[dict[str, Any], dict[str, str] | None, int | None]:
    """The application's own values, its files, and the version that the files follow."""
    own = dict(values)
    return own, own.pop("files", None), own.pop("version", None)


def _file(content: bytes, kind: str, name: str) -> HttpResponse:
    answer = HttpResponse(content, content_type=kind)
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
