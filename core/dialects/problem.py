"""Plain REST answers: RFC 9457 problem details for every error below `/api/`.

`{"type": "about:blank", "title", "status", "detail", "code", "errors": [{"field", "message"}]}`; a `DomainError`'s
`extra` is added at the top level.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import structlog
from django.core.exceptions import NON_FIELD_ERRORS, DisallowedHost, PermissionDenied, SuspiciousOperation
from django.core.exceptions import ValidationError as ModelValidationError
from django.db import InterfaceError, OperationalError
from django.db.models import ProtectedError
from django.http import Http404, JsonResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from core.api import UNKNOWN_FIELD
from core.errors import Conflict, DomainError, InvalidInput, NotFound, PermissionRefused
from core.examples import example_for, with_example

logger = structlog.get_logger(__name__)
MEDIA_TYPE = "application/problem+json"
HOST_NOT_ALLOWED = gettext_lazy("This server does not answer to that host name. See IMAGELIB_ALLOWED_HOSTS.")
_RETRY_AFTER = 5  # seconds
_WRONG_SQL = ("SQLITE_ERROR", "SQLITE_MISUSE")  # SQLite has no class of its own for statements that are wrong
_WHOLE = ("non_field_errors", NON_FIELD_ERRORS, "")  # how DRF, Django and we name a fault of the whole record


class DatabaseAway(exceptions.APIException):
    """The database does not answer, or not in time: nothing is wrong with the request, and nothing was written."""

    status_code = 503
    default_detail = gettext_lazy("The database does not answer. Try again in a moment.")
    default_code = "database_unavailable"
    wait = _RETRY_AFTER


def handle(error: Exception, context: dict[str, Any]) -> Response | JsonResponse:
    """DRF's exception handler. A bug is answered here too: Django's debug page would show local variables."""
    set_rollback()
    status, code, title, detail, more, headers = _describe(error)
    if not status:
        logger.exception("request crashed", exc_info=error, view=type(context["view"]).__name__)
        return crash(context["request"])
    body = {"type": "about:blank", "title": str(title), "status": status, "detail": str(detail), "code": code}
    hidden = getattr(error, "for_operators", ())
    if hidden and not context["request"].user.is_staff:
        more = {name: value for name, value in more.items() if name not in hidden}
    return Response(body | more, status=status, headers=headers, content_type=MEDIA_TYPE)


def flatten(
    errors: Any, field: str = "", *, example_of: Callable[[str], str] = example_for, example: str = ""
) -> Iterator[dict[str, str]]:
    """DRF's nested error lists as a flat list of `{"field", "message"}`; list positions become `items[0].name`.

    A message without an example gets that of its outermost field: `example_of` its name.
    """
    if isinstance(errors, dict):
        for name, value in errors.items():
            inner = f"{field}.{name}" if field else str(name)
            fitting = example or example_of(str(name))
            yield from flatten(value, "" if name in _WHOLE else inner, example_of=example_of, example=fitting)
    elif isinstance(errors, (list, tuple)):
        for index, value in enumerate(errors):
            inner = f"{field}[{index}]" if isinstance(value, (dict, list)) else field
            if value:
                yield from flatten(value, inner, example_of=example_of, example=example)
    else:
        known = getattr(errors, "code", "") != UNKNOWN_FIELD
        yield {"field": field, "message": with_example(errors, example if known else "")}


def sentence(faults: Iterable[Mapping[str, str]]) -> str:
    """What `flatten` found, in one line."""
    return "; ".join(": ".join(filter(None, (fault["field"], fault["message"]))) for fault in faults)


def _describe(error: Exception) -> tuple[int, str, Any, Any, dict[str, Any], dict[str, str]]:
    error = translate(error)
    if isinstance(error, InvalidInput):
        found = list(flatten(error.fields))
        return error.http_status, error.code, error.title, sentence(found), {"errors": found}, {}
    if isinstance(error, DomainError):
        return error.http_status, error.code, error.title, error.message, error.extra, error.headers
    if isinstance(error, exceptions.ValidationError):
        found = list(flatten(error.detail))
        return 400, "invalid", InvalidInput.title, sentence(found), {"errors": found}, {}
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
    if isinstance(error, SuspiciousOperation):
        return InvalidInput({"": _("The request is not well formed or too large.")})
    if isinstance(error, ProtectedError):
        return Conflict(_("It is in use."), code="in_use")
    if is_database_away(error):
        logger.error("database unavailable", reason=str(error).partition("\n")[0])
        return DatabaseAway()
    return error


def is_database_away(error: BaseException | None) -> bool:
    """Whether the database is to blame: away, restarting, locked by others, full. Not for a statement that is wrong."""
    if not isinstance(error, (OperationalError, InterfaceError)):
        return False
    return getattr(error.__cause__, "sqlite_errorname", "") not in _WRONG_SQL


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


@csrf_exempt
def not_found(request: Any) -> JsonResponse:
    """An unknown URL below `/api/`."""
    return _plain(404, "not_found", _("There is nothing at %(path)s.") % {"path": request.path})


def bad_request(request: Any, error: Any) -> JsonResponse:
    """What Django refuses before any view sees it: a host name that is not allowed, for example."""
    if isinstance(error, DisallowedHost):
        return _plain(400, "host_not_allowed", str(HOST_NOT_ALLOWED))
    return _plain(400, "invalid", _("The request is not well formed or too large."))


def unavailable(request: Any) -> JsonResponse:
    """The database is away, noticed outside of any view."""
    answer = _plain(503, DatabaseAway.default_code, str(DatabaseAway.default_detail))
    answer["Retry-After"] = str(_RETRY_AFTER)
    return answer


def crash(request: Any) -> JsonResponse:
    """A bug: no details leave the server, the log has them under the request's id."""
    return _plain(500, "internal_error", _("The server made a mistake. Its log has the details."))


def _plain(status: int, code: str, detail: str) -> JsonResponse:
    body = {"type": "about:blank", "title": detail, "status": status, "detail": detail, "code": code}
    return JsonResponse(body, status=status, content_type=MEDIA_TYPE)
