"""The envelope of Kuscia's API: `{"status": {"code", "message", "details"}, "data": …}`.

Refusals are HTTP 200 with a code other than 0. HTTP statuses are for what no view of it judges: 401 without a body for
a wrong token, 404 in plain text for unknown paths and methods. Kuscia's texts are part of its protocol and English;
texts of ours are translated.
"""

from __future__ import annotations

import json
from typing import Any

import structlog
from django.core.exceptions import DisallowedHost
from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions
from rest_framework.views import APIView, set_rollback

from core.api import JsonAlways
from core.dialects.problem import HOST_NOT_ALLOWED, DatabaseAway, flatten, sentence, translate
from core.errors import DomainError, InvalidInput

logger = structlog.get_logger(__name__)
SUCCESS, INVALID, UNEXPECTED = 0, 11100, 11101
_JSON = "application/json; charset=utf-8"
_AUTHENTICATION = (exceptions.NotAuthenticated, exceptions.AuthenticationFailed)
_NO_DATA = object()


class Refusal(Exception):
    """Ends the request with this code and message. `bare`: the body was not even read, so nothing comes beside."""

    def __init__(self, code: int, message: str, *, bare: bool = False) -> None:
        super().__init__(message)
        self.code, self.message, self.bare = code, message, bare


class KusciaView(APIView):
    """What all views of this dialect share."""

    content_negotiation_class = JsonAlways
    metadata_class = None
    permission_classes: Any = []  # the token decides
    http_method_names = ["post"]
    failed = UNEXPECTED  # the code for whatever else goes wrong with this operation
    data_of_refusal: Any = _NO_DATA  # what stands in `data` beside a refusal

    def http_method_not_allowed(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        return not_found(request)

    def get_exception_handler(self) -> Any:
        return handle


def success(data: Any = _NO_DATA) -> HttpResponse:
    return _answer(SUCCESS, "success", data)


def handle(error: Exception, context: dict[str, Any]) -> HttpResponse:
    """DRF's exception handler for views of this dialect."""
    set_rollback()
    view: KusciaView = context["view"]
    if isinstance(error, Refusal):
        return _answer(error.code, error.message, view.data_of_refusal, bare=error.bare)
    error = translate(error)
    if isinstance(error, _AUTHENTICATION):
        return _empty(401)
    if isinstance(error, exceptions.Throttled):
        return _empty(429, **{"Retry-After": f"{getattr(error, 'wait', None) or 60:.0f}"})
    if isinstance(error, (DomainError, exceptions.APIException)):
        return _answer(view.failed, _sentence(error), view.data_of_refusal)
    logger.exception("request crashed", exc_info=error, view=type(view).__name__)
    return crash(context["request"])


def _sentence(error: DomainError | exceptions.APIException) -> str:
    if isinstance(error, InvalidInput):
        return sentence(flatten(error.fields))
    return str(error.message if isinstance(error, DomainError) else error.detail)


def _answer(code: int, message: Any, data: Any = _NO_DATA, *, bare: bool = False) -> HttpResponse:
    status: dict[str, Any] = {"code": code, "message": str(message)}
    if not bare:
        status["details"] = []
    body = {"status": status} if bare or data is _NO_DATA else {"status": status, "data": data}
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return HttpResponse(text.encode("utf-8", "replace"), content_type=_JSON)


def _empty(status: int, **headers: str) -> HttpResponse:
    response = HttpResponse(status=status, headers=headers)
    del response["Content-Type"]
    return response


@csrf_exempt
def not_found(request: Any) -> HttpResponse:
    """An unknown path, or a method other than POST."""
    return HttpResponse("404 page not found", status=404, content_type="text/plain")


def bad_request(request: Any, error: Any) -> HttpResponse:
    """What Django refuses before any view sees it."""
    known = isinstance(error, DisallowedHost)
    text = HOST_NOT_ALLOWED if known else _("The request is not well formed or too large.")
    return _answer(UNEXPECTED, text, bare=True)


def unavailable(request: Any) -> HttpResponse:
    """The database is away, noticed outside of any view."""
    return _answer(UNEXPECTED, DatabaseAway.default_detail, bare=True)


def crash(request: Any) -> HttpResponse:
    """A bug. Kuscia, too, answers a panic with this code and HTTP 200; no details leave the server."""
    return _answer(UNEXPECTED, _("The server made a mistake. Its log has the details."), bare=True)
