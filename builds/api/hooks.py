"""`POST /api/hooks/git/`: where git servers tell of pushes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import ScopedRateThrottle
from rest_framework.views import APIView

from builds.hook_texts import FAULTS
from builds.hooks import LARGEST, MessageError, read_message, signatures_in
from builds.services.hooks import take_message
from core.errors import DomainError, InvalidInput
from core.throttling import PatientThrottle
from pulls.api import Unread

_CLOCKS = timedelta(minutes=5)  # how far a git server's clock may be ahead of ours
_EVENTS = ("X-GitHub-Event", "X-Gitea-Event")
_NUMBERS = ("X-GitHub-Delivery", "X-Gitea-Delivery")


class HookThrottle(ScopedRateThrottle, PatientThrottle):
    limits = "messages of git servers"


class Unsigned(DomainError):
    code = "hook_unsigned"
    http_status = 401
    title = _("Not signed")


class TooLong(DomainError):
    code = "too_large"
    http_status = 413
    title = _("Too long")


class TakenShape(serializers.Serializer):
    application = serializers.CharField()
    outcome = serializers.CharField(help_text="built, built_unlisted, waiting, other_branch, other_paths, pong, …")
    build = serializers.IntegerField(allow_null=True)


class HookAnswer(serializers.Serializer):
    results = TakenShape(many=True)


@extend_schema(tags=["builds"])
class GitHookView(APIView):
    """No login: the signature is one."""

    authentication_classes = []
    permission_classes = []
    parser_classes = [Unread]
    throttle_classes = [HookThrottle]
    throttle_scope = "git_hook"

    @extend_schema(
        operation_id="hooks_git",
        request={"application/json": OpenApiTypes.OBJECT, "application/x-www-form-urlencoded": OpenApiTypes.OBJECT},
        responses=HookAnswer,
        parameters=[
            OpenApiParameter("X-Hub-Signature-256", str, OpenApiParameter.HEADER, description="sha256=HEX, or …"),
            OpenApiParameter("X-Gitea-Signature", str, OpenApiParameter.HEADER, description="… this one."),
            OpenApiParameter("X-GitHub-Event", str, OpenApiParameter.HEADER, description="push, ping (or X-Gitea-…)"),
        ],
    )
    def post(self, request: Request) -> Response:
        """A push of GitHub, Gitea or Forgejo, signed with the webhook secret of an application (HMAC-SHA256).

        Each application of the repository with that secret is built if its branch and its folder are among what was
        pushed. The same message again is refused (409), as is one that is not signed (401) or wrongly signed (403).
        """
        body = _body(request)
        signatures = signatures_in(request.headers)
        if not signatures:
            raise Unsigned(
                _("The message is not signed. Enter the application's webhook secret where the git server asks for it.")
            )
        now = timezone.now()
        try:
            message = read_message(
                body, content_type=request.content_type or "", event=_first(request, _EVENTS), now=now + _CLOCKS
            )
        except MessageError as error:
            raise InvalidInput({"": FAULTS[error.code]}) from None
        taken = take_message(
            body=body, signatures=signatures, message=message, delivery=_first(request, _NUMBERS), now=now
        )
        results: Any = [{"application": one.application, "outcome": one.outcome, "build": one.build} for one in taken]
        return Response({"results": results})


def _body(request: Request) -> bytes:
    """As it was sent: that is what is signed. No more of it is read than was announced."""
    length = request.META.get("CONTENT_LENGTH") or ""
    if length.isdecimal() and int(length) > LARGEST:
        raise TooLong(_("A message may have %(limit)s bytes at most.") % {"limit": LARGEST})
    return request._request.read(LARGEST)


def _first(request: Request, names: tuple[str, ...]) -> str:
    """Of these headers; what nobody could store counts as none."""
    found = next((value for name in names if (value := request.headers.get(name))), "")
    return found[:64] if found.isprintable() else ""
