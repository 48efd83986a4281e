"""Plain REST answers: RFC 9457 problem details for every error below `/api/`.

`{"type": "about:blank", "title", "status", "detail", "code", "errors": [{"field", "message"}]}`; a `DomainError`'s
`extra` is added at the top level.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied
from django.core.exceptions import ValidationError as ModelValidationError
from django.db.models import ProtectedError
from django.http import Http404, JsonResponse
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from core.errors import Conflict, DomainError, InvalidInput, NotFound, PermissionRefused

logger = structlog.get_logger(__name__)
MEDIA_TYPE = "application/problem+json"


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler. None (an unknown exception) becomes Django's 500, see `crash`."""
    status, code, title, detail, more, headers = _describe(error)
    if not status:
        return None
    set_rollback()
    body = {"type": "about:blank", "title": str(title), "status": status, "detail": str(detail), "code": code}
    return Response(body | more, status=status, headers=headers, content_type=MEDIA_TYPE)


def flatten(errors: Any, field: str = "") -> Iterator[dict[str, str]]:
    """DRF's nested error lists as a flat list of `{"field", "message"}`; list positions become `items[0].name`."""
    if isinstance(errors, dict):
        for name, value in errors.items():
            inner = f"{field}.{name}" if field else str(name)
            yield from flatten(value, "" if name == "non_field_errors" else inner)
    elif isinstance(errors, (list, tuple)):
        for index, value in enumerate(errors):
            nested = isinstance(value, (dict, list))
            if value:
                yield from flatten(value, f"{field}[{index}]" if nested else field)
    else:
        yield {"field": field, "message": str(errors)}


def _describe(error: Exception) -> tuple[int, str, Any, Any, dict[str, Any], dict[str, str]]:
    error = translate(error)
    if isinstance(error, InvalidInput):
        found = list(flatten(error.fields))
        return error.http_status, error.code, error.title, error.message, {"errors": found}, {}
    if isinstance(error, DomainError):
        return error.http_status, error.code, error.title, error.message, error.extra, {}
    if isinstance(error, exceptions.ValidationError):
        found = list(flatten(error.detail))
        detail = "; ".join(
            f"{item['field']}: {item['message']}" if item["field"] else item["message"] for item in found
        )
        return 400, "invalid", InvalidInput.title, detail, {"errors": found}, {}
    if isinstance(error, exceptions.APIException):
        return (error.status_code, _code(error), error.default_detail, _detail(error), {}, _headers(error))
    return 0, "", "", "", {}, {}


def translate(error: Exception) -> Exception:
    """Django's own exceptions in the project's words."""
    if isinstance(error, Http404):
        return NotFound(_("There is no such thing, or you may not see it."))
    if isinstance(error, PermissionDenied):
        return PermissionRefused(_("You do not have permission for this."))
    if isinstance(error, ModelValidationError):
        named = error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
        return InvalidInput(named)
    if isinstance(error, ProtectedError):
        return Conflict(_("It is in use."), code="in_use")
    return error


def _code(error: exceptions.APIException) -> str:
    codes = error.get_codes()
    return codes if isinstance(codes, str) else error.default_code


def _detail(error: exceptions.APIException) -> str:
    detail = error.detail
    return str(detail.get("detail", "")) if isinstance(detail, dict) else str(detail)


def _headers(error: exceptions.APIException) -> dict[str, str]:
    headers = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = f"{wait:.0f}"
    return headers


def not_found(request: Any) -> JsonResponse:
    """An unknown URL below `/api/`."""
    return _plain(404, "not_found", _("There is nothing at %(path)s.") % {"path": request.path})


def crash(request: Any) -> JsonResponse:
    """A bug: no details leave the server, the log has them under the request's id."""
    return _plain(500, "internal_error", _("The server made a mistake. Its log has the details."))


def _plain(status: int, code: str, detail: str) -> JsonResponse:
    body = {"type": "about:blank", "title": detail, "status": status, "detail": detail, "code": code}
    return JsonResponse(body, status=status, content_type=MEDIA_TYPE)
