"""`/api/appimages/{name}/run/` and `/api/deployments/`: thin views over `instances.services`."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from instances import services
from instances.deployment_serializers import DeploymentShape, RunAsked
from instances.deployment_snapshot import with_containers
from instances.filters import DeploymentFilter
from instances.models import Deployment, OperationKind


@extend_schema(tags=["appimages"])
class RunAppImageView(APIView):
    """Run an AppImage."""

    permission_classes = [IsAuthenticated]

    @extend_schema(request=RunAsked, responses={202: DeploymentShape})
    def post(self, request: Request, name: str) -> Response:
        """Make the containers of the deploy template for `role`, all or none. The answer comes at once; `state` and the
        containers show how it goes. Values of `variables` are never secrets: secrets come from secret sets."""
        asked = RunAsked(data=request.data)
        asked.is_valid(raise_exception=True)
        made = services.run_app_image(user=request.user, app_image=name, **asked.validated_data)
        return _answer(request, made.pk)


@extend_schema(tags=["deployments"])
class DeploymentViewSet(mixins.RetrieveModelMixin, mixins.ListModelMixin, viewsets.GenericViewSet):
    """AppImages that run. Users see and operate their own, operators all."""

    queryset = Deployment.objects.all()
    serializer_class = DeploymentShape
    permission_classes = [IsAuthenticated]
    filterset_class = DeploymentFilter
    ordering_fields = ["id", "name", "created_at"]
    ordering = ["-created_at", "-id"]

    def get_queryset(self) -> Any:
        return with_containers(services.visible_deployments(self.request.user), files=self.action == "retrieve")

    @extend_schema(responses={202: None})
    def destroy(self, request: Request, pk: int) -> Response:
        """Remove all its containers with their data, then the deployment."""
        services.remove_deployment(user=request.user, deployment=self.get_object().pk)
        return Response(status=202)

    @extend_schema(request=None, responses={202: DeploymentShape})
    @action(detail=True, methods=["post"])
    def start(self, request: Request, pk: int) -> Response:
        return self._operate(OperationKind.START)

    @extend_schema(request=None, responses={202: DeploymentShape})
    @action(detail=True, methods=["post"])
    def stop(self, request: Request, pk: int) -> Response:
        return self._operate(OperationKind.STOP)

    @extend_schema(request=None, responses={202: DeploymentShape})
    @action(detail=True, methods=["post"])
    def restart(self, request: Request, pk: int) -> Response:
        return self._operate(OperationKind.RESTART)

    def _operate(self, kind: str) -> Response:
        row = self.get_object()
        services.operate_deployment(user=self.request.user, deployment=row.pk, kind=kind)
        return _answer(self.request, row.pk)


def _answer(request: Request, pk: int) -> Response:
    row = with_containers(services.visible_deployments(request.user), files=True).get(pk=pk)
    return Response(DeploymentShape(row).data, status=202)
