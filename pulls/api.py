"""`/api/pulls/`: thin views over `pulls.services`."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from core.event_tickets import Ticket
from core.idempotency import run_once
from pulls import services, uploads
from pulls.events import sentence
from pulls.filters import PullFilter
from pulls.models import PullJob
from pulls.serializers import HistoryEntry, KeptArchive, PullAnswer, PullAsked, SnapshotShape
from pulls.snapshot import snapshot
from pulls.streams import ticket_for

_KEY = OpenApiParameter(
    "Idempotency-Key", str, OpenApiParameter.HEADER, description="The same key and body act once and answer the same."
)


class Unread(BaseParser):
    """Leaves the body to the view. Looking for a login's CSRF token in a form would read it."""

    media_type = "*/*"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> dict[str, Any]:
        return {}


@extend_schema(tags=["pulls"])
class PullViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """Pulls: images on their way to nodes. Operators see all, other users their own."""

    queryset = PullJob.objects.all()
    serializer_class = SnapshotShape
    filterset_class = PullFilter
    ordering_fields = ["id", "created_at", "finished_at", "state", "reference"]
    ordering = ["-id"]

    def get_queryset(self) -> Any:
        return services.visible_pulls(self.request.user)

    @extend_schema(request=PullAsked, responses={202: PullAnswer}, parameters=[_KEY])
    def create(self, request: Request) -> Response:
        """Pull an image onto nodes. Identical requests share one pull; the answer has one result per node."""
        asked = PullAsked(data=request.data)
        asked.is_valid(raise_exception=True)
        values = {**asked.validated_data, **asked.wanted_from()}

        def work() -> list[list[int]]:
            return [[node, job.pk] for node, job in services.request_pulls(user=request.user, **values)]

        pairs = run_once(
            user=request.user,
            key=request.headers.get("Idempotency-Key", ""),
            request={"pulls": dict(values)},
            work=work,
        )
        jobs = services.visible_pulls(request.user).in_bulk([pk for _node, pk in pairs])
        now = timezone.now()
        results = [{"node": node, "pull": snapshot(jobs[pk], now=now)} for node, pk in pairs if pk in jobs]
        return Response({"results": results}, status=202)

    @extend_schema(request={"application/x-tar": bytes}, responses={201: KeptArchive})
    @action(detail=False, methods=["post"], filterset_class=None, parser_classes=[Unread])
    def archives(self, request: Request) -> Response:
        """Upload an image archive (of `docker save`, or an OCI one) as the body of the request. For operators.

        The answer says what is in it; a pull with `"source": "archive"` and its `archive` loads it. It is removed
        after a day.
        """
        stream, length = request.stream, request.META.get("CONTENT_LENGTH") or ""
        found = uploads.keep_archive(
            user=request.user,
            read=stream.read if stream else lambda _size: b"",
            announced=int(length) if length.isdecimal() else None,
        )
        return Response(found, status=201)

    @extend_schema(request=None, responses=SnapshotShape)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Stop it: the engine stops downloading within a second. Shared pulls end when nobody wants them."""
        return self._one(services.cancel_pull(user=request.user, pull=self.get_object().pk))

    @extend_schema(request=None, responses={202: SnapshotShape})
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: str) -> Response:
        """Ask again for a pull that has ended; the answer is the new pull."""
        return self._one(services.retry_pull(user=request.user, pull=self.get_object().pk), status=202)

    @extend_schema(responses=HistoryEntry(many=True))
    @action(detail=True, methods=["get"], filterset_class=None, ordering_fields=["id"], ordering=["id"])
    def history(self, request: Request, pk: str) -> Response:
        """What happened, oldest first, in sentences."""
        page = self.paginate_queryset(self.filter_queryset(self.get_object().events.all())) or []
        return self.get_paginated_response(
            [{"at": event.at, "attempt": event.attempt, "code": event.code, "text": sentence(event)} for event in page]
        )

    @extend_schema(request=None, responses=Ticket)
    @action(detail=True, methods=["post"])
    def ticket(self, request: Request, pk: str) -> Response:
        """A signed URL of the event stream, for browsers that log in with a token."""
        job = self.get_object()
        return Response(ticket_for(request, job.pk, path=reverse("pull-events", args=[job.pk])))

    def _one(self, job: PullJob, status: int = 200) -> Response:
        return Response(snapshot(job, now=timezone.now()), status=status)
