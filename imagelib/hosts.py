"""Refusing host names that are not ours, in the words of the dialect that was asked."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse

from imagelib.urls import dialect_of

logger = structlog.get_logger(__name__)


class HostCheck:
    """Below the API prefixes only, before `CommonMiddleware` does it for all: with DEBUG on, Django answers in HTML."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if dialect := dialect_of(request.path):
            try:
                request.get_host()
            except DisallowedHost as error:
                logger.warning("host not allowed", reason=str(error))
                refusal: HttpResponse = dialect.bad_request(request, error)
                return refusal
        return self._get_response(request)
