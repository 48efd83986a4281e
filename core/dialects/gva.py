"""The envelope of gin-vue-admin: every answer is `{"code": 0 | 7, "data": …, "msg": …}`.

Refusals are HTTP 200 with code 7: that front end shows `msg` only then; any other status opens a full-screen dialog
and leaves the form spinning. 401 is kept for "log in again". What no page of it leads to keeps its status, with the
same envelope: unknown paths (404), wrong methods (405), crashes (500).
"""

from __future__ import annotations

import re
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, JsonResponse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import APIView, set_rollback

from core.api import JsonAlways
from core.authentication import TokenHeaderAuthentication
from core.dialects.problem import HOST_NOT_ALLOWED, DatabaseAway, flatten, sentence, translate
from core.errors import DomainError, InvalidInput, PermissionRefused
from core.examples import example_for
from core.logins import COOKIE, LoginToken, drop_login_cookie, set_login_cookie

logger = structlog.get_logger(__name__)
SUCCESS, REFUSED = 0, 7
_MARKUP = re.compile(r"[<>&\"'`]")
_AUTHENTICATION = (exceptions.NotAuthenticated, exceptions.AuthenticationFailed)
_PERMISSION = (exceptions.PermissionDenied, PermissionRefused)


def envelope(code: int, msg: Any, data: Any = None) -> dict[str, Any]:
    """`data` is an object also when there is nothing to say."""
    return {"code": code, "data": {} if data is None else data, "msg": str(msg)}


def success(msg: Any, data: Any = None) -> Response:
    return Response(envelope(SUCCESS, msg, data))


def harmless(name: str) -> str:
    """A name without markup: that front end puts some of them into HTML as they are."""
    return _MARKUP.sub("", name)


class GvaView(APIView):
    """What all views of this dialect share. `failure` begins the sentence of a refusal: "创建失败:"."""

    authentication_classes = [TokenHeaderAuthentication]
    content_negotiation_class = JsonAlways
    metadata_class = None  # OPTIONS would answer without an envelope
    schema: Any = None  # not in the OpenAPI document, unless a subclass describes itself (core.dialects.gva_schema)
    renews_login = True
    _token: Any = None  # what this request was authenticated with

    def initialize_request(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """The language is what the front end asks for, whatever the admin in the same browser was switched to."""
        if request.COOKIES.pop(settings.LANGUAGE_COOKIE_NAME, None):
            translation.activate(translation.get_language_from_request(request))
        return super().initialize_request(request, *args, **kwargs)

    def perform_authentication(self, request: Any) -> None:
        super().perform_authentication(request)
        self._token = request.auth

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        """A login that ends within a day is renewed by whatever is answered."""
        response = super().finalize_response(request, response, *args, **kwargs)
        if self.renews_login and isinstance(self._token, LoginToken) and self._token.ends_soon():
            fresh = self._token.renewed()
            response["new-token"] = str(fresh)
            response["Cache-Control"] = "no-store"
            set_login_cookie(response, fresh)
        return response

    def failure(self) -> Any:
        return ""

    def key_of(self, field: str) -> str:
        """What this dialect calls a field of the domain."""
        return field

    def name_of(self, key: str) -> str:
        """How a refusal names the field that this dialect calls `key`."""
        return key

    def example_of(self, key: str) -> str:
        """What may be entered in the field that this dialect calls `key`."""
        return example_for(key)

    def get_exception_handler(self) -> Any:
        return handle


def handle(error: Exception, context: dict[str, Any]) -> Response | JsonResponse:
    """DRF's exception handler for views of this dialect."""
    set_rollback()
    view: GvaView = context["view"]
    error = translate(error)
    if isinstance(error, _AUTHENTICATION):
        headers = {"WWW-Authenticate": view.get_authenticate_header(view.request)}
        text = _("You are not logged in, or your login has expired. Log in again.")
        refusal = Response(envelope(REFUSED, text), status=401, headers=headers)
        if COOKIE in view.request.COOKIES:  # that front end cannot delete it
            drop_login_cookie(refusal)
        return refusal
    if isinstance(error, _PERMISSION):
        return Response(envelope(REFUSED, _("Insufficient permissions")))
    if isinstance(error, exceptions.MethodNotAllowed):
        return Response(envelope(REFUSED, error.detail), status=405)
    if isinstance(error, (DomainError, exceptions.APIException)):
        after = error.headers if isinstance(error, DomainError) else None
        return Response(envelope(REFUSED, f"{view.failure()}{_sentence(error, view)}"), headers=after)
    logger.exception("request crashed", exc_info=error, view=type(view).__name__)
    return crash(context["request"])


def _sentence(error: DomainError | exceptions.APIException, view: GvaView) -> str:
    if isinstance(error, InvalidInput):
        return _named({view.key_of(name): texts for name, texts in error.fields.items()}, view)
    if isinstance(error, exceptions.ValidationError):
        return _named(error.detail, view)
    return str(error.message if isinstance(error, DomainError) else error.detail)


def _named(errors: Any, view: GvaView) -> str:
    faults = flatten(errors, example_of=view.example_of)
    return sentence({**fault, "field": view.name_of(fault["field"])} for fault in faults)


@csrf_exempt
def not_found(request: HttpRequest) -> JsonResponse:
    """An unknown path below one of this dialect's prefixes."""
    text = _("There is nothing at %(path)s.") % {"path": request.path}
    return JsonResponse(envelope(REFUSED, text), status=404)


def bad_request(request: Any, error: Any) -> JsonResponse:
    """What Django refuses before any view sees it. That front end shows the message only with HTTP 200."""
    known = isinstance(error, DisallowedHost)
    text = HOST_NOT_ALLOWED if known else _("The request is not well formed or too large.")
    return JsonResponse(envelope(REFUSED, text))


def unavailable(request: Any) -> JsonResponse:
    """The database is away, noticed outside of any view."""
    return JsonResponse(envelope(REFUSED, DatabaseAway.default_detail))


def crash(request: Any) -> JsonResponse:
    """A bug: no details leave the server."""
    return JsonResponse(envelope(REFUSED, _("The server made a mistake. Its log has the details.")), status=500)
