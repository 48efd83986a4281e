"""`/api/instances/`, `/api/nodes/{id}/gpus/` and `/api/nodes/{id}/doctor/`: thin views over `instances.services`."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponseBase
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.api import JsonAlways, OperatorsOnly, UpgradeNeeded
from core.errors import InvalidInput
from core.event_tickets import Ticket
from core.server_sent import answer_with
from core.threads import close_connections
from core.visitors import visitor_of
from instances import services
from instances.doctor import examine_node
from instances.filters import InstanceFilter
from instances.instance_serializers import (
    DoctorShape,
    InstanceAsked,
    InstanceChanged,
    InstanceCreated,
    InstanceShape,
    LogShape,
    NodeGpusShape,
    PreviewShape,
    StatsShape,
    stats_json,
)
from instances.inventory import discover_gpus, gpus_of
from instances.live import ticket_for
from instances.log_streams import follow
from instances.models import Instance, OperationKind
from instances.reading import MOST_LINES, read_load, read_log
from instances.snapshot import with_operations
from instances.spec import Options

_OPTIONS = ("command", "environment", "ports", "restart_policy")
_LIVE_LOG = {
    (200, "text/event-stream"): OpenApiResponse(
        str,
        description="With `follow=1`: `event: begin`, then `event: output` with `data: {stream, text}` (stdout or "
        "stderr, whole characters, not whole lines), at last `event: end` with `data: {code, message}`. A comment "
        "every 15 s keeps the stream open.",
    )
}
_TERMINAL = {
    101: OpenApiResponse(description="The WebSocket is open."),
    426: OpenApiResponse(description="Not asked for a WebSocket."),
}
_FOLLOW = OpenApiParameter("follow", int, enum=[0, 1], description="1: go on as server-sent events.")
_SHELL = OpenApiParameter("shell", str, enum=["bash", "sh"], description="bash unless given; sh if it has no bash.")
_TAIL = OpenApiParameter("tail", int, description="Lines from the end, 100 unless given.")


@extend_schema(tags=["instances"])
class InstanceViewSet(mixins.RetrieveModelMixin, mixins.ListModelMixin, viewsets.GenericViewSet):
    """Containers. Users see and operate their own, operators all."""

    queryset = Instance.objects.all()
    serializer_class = InstanceShape
    permission_classes = [IsAuthenticated]
    filterset_class = InstanceFilter
    ordering_fields = ["id", "name", "observed", "created_at"]
    ordering = ["-created_at", "-id"]

    def get_queryset(self) -> Any:
        return with_operations(services.visible_instances(self.request.user))

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "now": timezone.now()}

    @extend_schema(request=InstanceCreated, responses={202: InstanceShape})
    def create(self, request: Request) -> Response:
        """Reserve a place and begin. The answer comes at once; `state` and `operation` show how it goes."""
        asked = _checked(InstanceCreated, request)
        made = services.create_instance(user=request.user, **_arguments(asked))
        return self._answer(made.pk, status=202)

    @extend_schema(request=InstanceAsked, responses=PreviewShape)
    @action(detail=False, methods=["post"])
    def preview(self, request: Request) -> Response:
        """Exactly what creation would use now; nothing is stored."""
        asked = _checked(InstanceAsked, request)
        return Response(services.preview(user=request.user, **_arguments(asked)))

    @extend_schema(request=InstanceChanged, responses=InstanceShape)
    def partial_update(self, request: Request, pk: int) -> Response:
        """Change the remark."""
        asked = _checked(InstanceChanged, request)
        services.update_instance(user=request.user, instance=self.get_object().pk, remark=asked["remark"])
        return self._answer(int(pk))

    @extend_schema(responses={202: InstanceShape})
    def destroy(self, request: Request, pk: int) -> Response:
        """Remove the container and its data disk, then the instance."""
        return self._operate(OperationKind.REMOVE)

    @extend_schema(request=None, responses={202: InstanceShape})
    @action(detail=True, methods=["post"])
    def start(self, request: Request, pk: int) -> Response:
        return self._operate(OperationKind.START)

    @extend_schema(request=None, responses={202: InstanceShape})
    @action(detail=True, methods=["post"])
    def stop(self, request: Request, pk: int) -> Response:
        return self._operate(OperationKind.STOP)

    @extend_schema(request=None, responses={202: InstanceShape})
    @action(detail=True, methods=["post"])
    def restart(self, request: Request, pk: int) -> Response:
        return self._operate(OperationKind.RESTART)

    @extend_schema(request=None, responses={204: None})
    @action(detail=True, methods=["post"], permission_classes=[OperatorsOnly])
    def forget(self, request: Request, pk: int) -> Response:
        """Delete an instance whose node never returns. Its container and data may be left there. Operators only."""
        services.forget_instance(user=request.user, instance=self.get_object().pk)
        return Response(status=204)

    @extend_schema(parameters=[_TAIL, _FOLLOW], responses={(200, "application/json"): LogShape, **_LIVE_LOG})
    @action(detail=True, methods=["get"], content_negotiation_class=JsonAlways)
    def logs(self, request: Request, pk: int) -> HttpResponseBase:
        """The last lines of the container's output, both streams in order; with `follow=1` also what comes after."""
        text = request.query_params.get("tail") or "100"
        if not text.isdecimal() or len(text) > 6:
            raise InvalidInput({"tail": _("Give a number of lines, for example 100.")})
        live = request.query_params.get("follow") or "0"
        if live not in ("0", "1"):
            raise InvalidInput({"follow": _("Give 0 or 1.")})
        instance = self.get_object()
        return (
            _followed(request, instance, int(text))
            if live == "1"
            else Response({"log": read_log(instance, lines=int(text))})
        )

    @extend_schema(parameters=[_SHELL], responses=_TERMINAL)
    @action(detail=True, methods=["get"])
    def terminal(self, request: Request, pk: int) -> Response:
        """A shell in the container, over a WebSocket at this address.

        Opened by a login session from a page of this site, or with `Authorization: Bearer`. Send the texts
        `{"type": "input", "data": "ls\\r"}` and `{"type": "resize", "cols": 80, "rows": 24}`. Binary frames are what
        the terminal shows, each in whole UTF-8 characters; the text `{"type": "error", "message": "…"}` says what is
        wrong. Closed with 1000 when the shell ends, else with 4000 and the HTTP status that says as much. It
        ends with the login that opened it, an access token's included.
        """
        self.get_object()
        raise UpgradeNeeded

    @extend_schema(request=None, responses=Ticket)
    @action(detail=True, methods=["post"])
    def ticket(self, request: Request, pk: int) -> Response:
        """A signed URL of the event stream, for browsers that log in with a token."""
        instance = self.get_object()
        return Response(ticket_for(request, instance.pk, path=reverse("instance-events", args=[instance.pk])))

    @extend_schema(responses={200: StatsShape, 204: None})
    @action(detail=True, methods=["get"])
    def stats(self, request: Request, pk: int) -> Response:
        """The container's load now; 204 when it does not run."""
        instance = self.get_object()
        found = read_load(instance)
        return Response(status=204) if found is None else Response(stats_json(found))

    def _operate(self, kind: str) -> Response:
        instance = self.get_object()
        services.operate(user=self.request.user, instance=instance.pk, kind=kind)
        return self._answer(instance.pk, status=202)

    def _answer(self, pk: int, *, status: int = 200) -> Response:
        return Response(self.get_serializer(self.get_queryset().get(pk=pk)).data, status=status)


@extend_schema(tags=["nodes"])
class NodeGpusView(APIView):
    """The cards of a node, and who holds what of them."""

    permission_classes = [IsAuthenticated]

    @extend_schema(responses=NodeGpusShape)
    def get(self, request: Request, pk: int) -> Response:
        return Response(gpus_of(user=request.user, node=pk))

    @extend_schema(request=None, responses=NodeGpusShape)
    def post(self, request: Request, pk: int) -> Response:
        """Ask the node for its cards now. Operators only."""
        discover_gpus(user=request.user, node=pk)
        return Response(gpus_of(user=request.user, node=pk))


@extend_schema(tags=["nodes"])
class NodeDoctorView(APIView):
    """Whether a node can run slices. Operators only."""

    permission_classes = [OperatorsOnly]

    @extend_schema(request=None, responses=DoctorShape)
    def post(self, request: Request, pk: int) -> Response:
        """Examine the node's GPUs, its slicing library and the images on it, now; it takes up to a minute."""
        found = examine_node(user=request.user, node=pk)
        return Response(DoctorShape({"findings": found}).data)


def _checked(serializer: Any, request: Request) -> dict[str, Any]:
    asked = serializer(data=request.data)
    asked.is_valid(raise_exception=True)
    values: dict[str, Any] = asked.validated_data
    return values


def _arguments(asked: dict[str, Any]) -> dict[str, Any]:
    own = {name: asked.pop(name) for name in _OPTIONS if name in asked}
    return {**asked, "options": Options.of(own)}


def _followed(request: Request, instance: Instance, lines: int) -> HttpResponseBase:
    """`imagelib.asgi` sends this to Django's ASGI side. The stream asks again who it is for."""
    django_request, user = request._request, int(request.user.pk or 0)

    def allowed() -> bool:
        visitor = visitor_of(django_request, front_end=False)
        return visitor is not None and visitor.user.pk == user and services.may_see(visitor.user, instance.pk)

    stream = follow(
        instance=instance,
        user=user,
        lines=min(max(lines, 1), MOST_LINES),
        language=translation.get_language() or "en",
        allowed=allowed,
    )
    close_connections()
    return answer_with(stream)
