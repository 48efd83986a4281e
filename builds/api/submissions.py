"""`/api/submissions/`: thin views over `builds.services.submissions`."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from builds.models import Submission
from builds.services import submissions as services
from builds.submission_events import sentence
from builds.submission_filters import SubmissionFilter
from builds.submission_serializers import (
    ApprovalAsked,
    ApprovalShape,
    RejectionAsked,
    SubmissionAsked,
    SubmissionEventShape,
    SubmissionShape,
)
from builds.submission_snapshot import history_of
from core.api import OperatorsOnly
from core.throttling import PatientThrottle


class ChecksAgain(PatientThrottle):
    """Each may fetch a gigabyte from a stranger's server."""

    limits = "repeated checks of submissions"
    scope = "check_again"
    rate = "12/min"

    def get_cache_key(self, request: Request, view: Any) -> str:
        return str(self.cache_format % {"scope": self.scope, "ident": request.user.pk})


@extend_schema(tags=["submissions"])
class SubmissionViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """Images offered for the library. Operators see all and decide, other users see their own."""

    queryset = Submission.objects.all()
    serializer_class = SubmissionShape
    filterset_class = SubmissionFilter
    ordering_fields = ["id", "created_at", "decided_at", "decision", "state", "reference"]
    ordering = ["-id"]

    def get_queryset(self) -> Any:
        return services.visible_submissions(self.request.user)

    @extend_schema(request=SubmissionAsked, responses={202: SubmissionShape})
    def create(self, request: Request) -> Response:
        """Offer the image of a build, or any other. Its checks begin; an operator decides afterwards."""
        return self._one(services.submit(user=request.user, **_asked(SubmissionAsked, request)), status=202)

    @extend_schema(request=ApprovalAsked, responses=ApprovalShape)
    @action(detail=True, methods=["post"], permission_classes=[OperatorsOnly])
    def approve(self, request: Request, pk: str) -> Response:
        """List the digest that was checked, and pull it onto `nodes`. 409 while the checks run or when they failed."""
        asked = _asked(ApprovalAsked, request)
        done = services.approve(user=request.user, submission=self.get_object().pk, **asked)
        shown = SubmissionShape(done.submission, context=self.get_serializer_context()).data
        return Response({"submission": shown, "pulls": [job.pk for job in done.pulls], "moved_to": done.moved_to})

    @extend_schema(request=RejectionAsked, responses=SubmissionShape)
    @action(detail=True, methods=["post"], permission_classes=[OperatorsOnly])
    def reject(self, request: Request, pk: str) -> Response:
        """Decide against it; the submitter gets the reason."""
        asked = _asked(RejectionAsked, request)
        return self._one(services.reject(user=request.user, submission=self.get_object().pk, **asked))

    @extend_schema(request=None, responses=SubmissionShape)
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, pk: str) -> Response:
        """Take it back while it is undecided."""
        return self._one(services.withdraw(user=request.user, submission=self.get_object().pk))

    @extend_schema(request=None, responses={202: SubmissionShape})
    @action(detail=True, methods=["post"], throttle_classes=[ChecksAgain])
    def check(self, request: Request, pk: str) -> Response:
        """Make the checks again, for example after the tag has moved."""
        return self._one(services.check_again(user=request.user, submission=self.get_object().pk), status=202)

    @extend_schema(responses=SubmissionEventShape(many=True))
    @action(detail=True, methods=["get"], filterset_class=None, ordering_fields=["id"], ordering=["id"])
    def history(self, request: Request, pk: str) -> Response:
        """What happened, oldest first, in sentences."""
        events = history_of(self.get_object(), for_operator=request.user.is_staff)
        page = self.paginate_queryset(self.filter_queryset(events)) or []
        return self.get_paginated_response(
            [{"at": event.at, "code": event.code, "text": sentence(event)} for event in page]
        )

    def _one(self, row: Submission, status: int = 200) -> Response:
        return Response(SubmissionShape(row, context=self.get_serializer_context()).data, status=status)


def _asked(form: Any, request: Request) -> dict[str, Any]:
    asked = form(data=request.data)
    asked.is_valid(raise_exception=True)
    values: dict[str, Any] = asked.validated_data
    return values
