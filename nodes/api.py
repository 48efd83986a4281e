"""`/api/nodes/`: thin views over `nodes.services`."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from core.api import OperatorsOnly, OperatorsWrite
from nodes import services
from nodes.filters import IMAGE_ORDERINGS, NodeFilter, image_ordering
from nodes.models import ComputeNode
from nodes.serializers import NodeImageSerializer, NodeSerializer, PublicNodeSerializer


@extend_schema(tags=["nodes"])
class NodeViewSet(viewsets.ModelViewSet):
    """Compute nodes. Operators write; other users see the listed ones without connection data."""

    queryset = ComputeNode.objects.all()
    serializer_class = NodeSerializer
    permission_classes = [OperatorsWrite]
    filterset_class = NodeFilter
    ordering_fields = ["id", "name", "region", "status", "created_at", "last_seen_at"]
    ordering = ["name", "id"]

    def get_queryset(self) -> Any:
        return services.visible_nodes(self.request.user)

    def get_serializer_class(self) -> Any:
        return NodeSerializer if self.request.user.is_staff else PublicNodeSerializer

    def perform_create(self, serializer: Any) -> None:
        serializer.instance = services.save_node(user=self.request.user, values=serializer.validated_data)

    def perform_update(self, serializer: Any) -> None:
        services.save_node(user=self.request.user, values=serializer.validated_data, node=serializer.instance)

    def perform_destroy(self, instance: ComputeNode) -> None:
        services.delete_nodes(user=self.request.user, ids=[instance.pk])

    @extend_schema(request=None, responses=NodeSerializer)
    @action(detail=True, methods=["post"], permission_classes=[OperatorsOnly])
    def test(self, request: Request, pk: int) -> Response:
        """Connect to the engine now; the answer comes within 10 s, a failure with its cause in words."""
        node = services.test_node(user=request.user, node=self.get_object())
        return Response(self.get_serializer(node).data)

    @extend_schema(request=None, responses=NodeSerializer)
    @action(detail=True, methods=["post"], permission_classes=[OperatorsOnly])
    def discover(self, request: Request, pk: int) -> Response:
        """Fill CPU, memory, disk and platform from what the engine says."""
        node = services.discover_node(user=request.user, node=self.get_object())
        return Response(self.get_serializer(node).data)

    @extend_schema(
        responses=NodeImageSerializer(many=True),
        parameters=[
            OpenApiParameter("name", str, description="Part of a name, such as team/app."),
            OpenApiParameter("ordering", str, enum=IMAGE_ORDERINGS, description="`-created` unless asked otherwise."),
        ],
    )
    @action(detail=True, methods=["get"], permission_classes=[OperatorsOnly], filter_backends=[])
    def images(self, request: Request, pk: int) -> Response:
        """Images on the node, asked from its engine now."""
        asked = request.query_params
        ordering = image_ordering(asked.get("ordering", ""))
        found = services.node_images(node=self.get_object(), name=asked.get("name", ""))
        page = self.paginate_queryset(ordering(found))
        return self.get_paginated_response(NodeImageSerializer(page, many=True).data)
