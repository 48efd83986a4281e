"""Unknown paths that the front end asks for: it knows pages that this product has not."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from core.dialects import gva, problem
from core.logins import HEADER


class UnknownPaths:
    """Who sends the front end's header gets its envelope, wherever the path leads; Django's own answer is HTML."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        if response.status_code != 404 or HEADER not in request.headers:
            return response
        match = request.resolver_match
        return gva.not_found(request) if match is None or match.func is problem.not_found else response
