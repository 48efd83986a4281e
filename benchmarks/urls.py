"""The product's routes and a view that does nothing: what a request costs before anything is asked of the database."""

from __future__ import annotations

from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response

from core.api import OperatorsWrite
from core.dialects.gva import GvaView, success
from imagelib.urls import handler404, handler500
from imagelib.urls import urlpatterns as product

__all__ = ["handler404", "handler500", "urlpatterns"]


class NothingView(GvaView):
    """Same authentication, permission, envelope and middleware as a list."""

    permission_classes = [OperatorsWrite]

    def get(self, request: Request) -> Response:
        return success("", {"list": [], "total": 0, "page": 1, "pageSize": 10})


urlpatterns = [path("benchmark/nothing", NothingView.as_view()), *product]
