"""`/api/notices/` and `/api/webhook-targets/`: how people and other systems hear of decisions."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from builds.models import Notice, WebhookTarget
from builds.services import notices, webhooks
from builds.submission_filters import NoticeFilter
from builds.submission_serializers import NoticeSerializer, ReadShape, WebhookCallShape, WebhookTargetSerializer
from core.api import OperatorsOnly


@extend_schema(tags=["notices"])
class NoticeViewSet(mixins.ListModelMixin, viewsets.GenericViewSet):
    """What was decided about one's own submissions. Everybody sees the own notices only."""

    queryset = Notice.objects.all()
    serializer_class = NoticeSerializer
    filterset_class = NoticeFilter
    ordering_fields = ["id", "created_at"]
    ordering = ["-id"]

    def get_queryset(self) -> Any:
        return notices.visible_notices(self.request.user)

    @extend_schema(request=None, responses=NoticeSerializer)
    @action(detail=True, methods=["post"])
    def read(self, request: Request, pk: str) -> Response:
        """Mark it as read."""
        row = notices.read_notice(user=request.user, notice=self.get_object().pk)
        return Response(NoticeSerializer(row).data)

    @extend_schema(request=None, responses=ReadShape)
    @action(detail=False, methods=["post"], url_path="read-all")
    def read_all(self, request: Request) -> Response:
        """Mark all of them as read."""
        return Response({"read": notices.read_all_notices(user=request.user)})


@extend_schema(tags=["webhook targets"])
class WebhookTargetViewSet(viewsets.ModelViewSet):
    """Where other systems are told of submissions and decisions. For operators."""

    queryset = WebhookTarget.objects.all()
    serializer_class = WebhookTargetSerializer
    permission_classes = [OperatorsOnly]
    ordering_fields = ["id", "name", "created_at"]
    ordering = ["name", "id"]

    def perform_create(self, serializer: Any) -> None:
        serializer.instance = webhooks.save_target(user=self.request.user, values=serializer.validated_data)

    def perform_update(self, serializer: Any) -> None:
        webhooks.save_target(user=self.request.user, values=serializer.validated_data, target=serializer.instance)

    def perform_destroy(self, instance: WebhookTarget) -> None:
        webhooks.delete_targets(user=self.request.user, ids=[instance.pk])

    @extend_schema(responses=WebhookCallShape(many=True))
    @action(detail=True, methods=["get"], ordering_fields=["id"], ordering=["-id"])
    def calls(self, request: Request, pk: str) -> Response:
        """Its messages, newest first, and how each went."""
        page = self.paginate_queryset(self.filter_queryset(self.get_object().calls.all())) or []
        return self.get_paginated_response(WebhookCallShape(page, many=True).data)
