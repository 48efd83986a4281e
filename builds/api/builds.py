"""`/api/builds/`: thin views over `builds.services.builds`."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponseBase, StreamingHttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from builds.build_filters import BuildFilter
from builds.build_serializers import BuildAsked, BuildShape, LogPage
from builds.models import Build
from builds.reading import log_page, log_text
from builds.services import builds as services
from builds.snapshot import snapshot
from builds.streams import ticket_for
from core.api import JsonAlways
from core.errors import InvalidInput
from core.event_tickets import Ticket

_MOST_LINES = 2**31 - 1
_FROM = OpenApiParameter("from", int, description="The number of the first line, from 0.")
_FORMAT = OpenApiParameter("format", str, enum=["json", "text"], description="text: the whole log as a file.")


@extend_schema(tags=["builds"])
class BuildViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """Builds of images. Operators see all, other users those of their applications and those that they asked for."""

    queryset = Build.objects.all()
    serializer_class = BuildShape
    filterset_class = BuildFilter
    ordering_fields = ["id", "created_at", "finished_at", "state"]
    ordering = ["-id"]

    def get_queryset(self) -> Any:
        return services.visible_builds(self.request.user)

    @extend_schema(request=BuildAsked, responses={202: BuildShape})
    def create(self, request: Request) -> Response:
        """Build an application. One build at a time: 409 names the one that is under way."""
        asked = BuildAsked(data=request.data)
        asked.is_valid(raise_exception=True)
        return self._one(services.request_build(user=request.user, **asked.validated_data), status=202)

    @extend_schema(
        parameters=[_FROM, _FORMAT],
        responses={(200, "application/json"): LogPage, (200, "text/plain"): OpenApiTypes.STR},
    )
    @action(
        detail=True, methods=["get"], filterset_class=None, pagination_class=None, content_negotiation_class=JsonAlways
    )
    def log(self, request: Request, pk: str) -> HttpResponseBase:
        """Lines of the log from a number on, as many as fit into one answer."""
        job = self.get_object()
        if _choice(request.query_params.get("format") or "json") == "text":
            answer = StreamingHttpResponse(log_text(job), content_type="text/plain; charset=utf-8")
            answer["Content-Disposition"] = f'attachment; filename="build-{job.pk}.log"'
            return answer
        return Response(log_page(job, start=_number(request.query_params.get("from") or "0")))

    @extend_schema(request=None, responses=BuildShape)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Stop it: the engine stops building or pushing within seconds. If the push was through already, the image
        stays in the registry, and `digest` says which it is."""
        return self._one(services.cancel_build(user=request.user, build=self.get_object().pk))

    @extend_schema(request=None, responses={202: BuildShape})
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: str) -> Response:
        """Build the same revision again after a build has ended; the answer is the new build."""
        return self._one(services.retry_build(user=request.user, build=self.get_object().pk), status=202)

    @extend_schema(request=None, responses=Ticket)
    @action(detail=True, methods=["post"])
    def ticket(self, request: Request, pk: str) -> Response:
        """A signed URL of the event stream, for browsers that log in with a token."""
        job = self.get_object()
        return Response(ticket_for(request, job.pk, path=reverse("build-events", args=[job.pk])))

    def _one(self, job: Build, status: int = 200) -> Response:
        picture = snapshot(job, now=timezone.now(), for_operator=self.request.user.is_staff)
        return Response(picture, status=status)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 11 and int(text) <= _MOST_LINES):
        raise InvalidInput({"from": _("The number of a line from 0 on, for example 120.")})
    return int(text)


def _choice(text: str) -> str:
    if text not in ("json", "text"):
        raise InvalidInput({"format": _("json or text, for example ?format=text.")})
    return text
