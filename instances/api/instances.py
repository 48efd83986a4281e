"""`/api/instances/` and `/api/nodes/{id}/gpus/`: thin views over `instances.services`."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.api import OperatorsOnly
from core.errors import InvalidInput
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
from instances.models import Instance, OperationKind
from instances.reading import read_load, read_log
from instances.snapshot import with_operations
from instances.spec import Options

_OPTIONS = ("command", "environment", "ports", "restart_policy")
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

    @extend_schema(parameters=[_TAIL], responses=LogShape)
    @action(detail=True, methods=["get"])
    def logs(self, request: Request, pk: int) -> Response:
        """The last lines of the container's output, both streams in order."""
        text = request.query_params.get("tail") or "100"
        if not text.isdecimal() or len(text) > 6:
            raise InvalidInput({"tail": "100"})
        return Response({"log": read_log(self.get_object(), lines=int(text))})

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
