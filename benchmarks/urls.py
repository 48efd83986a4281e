"""The product's routes and views that do nothing: what a request costs before anything is asked of the database."""

from __future__ import annotations

from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response

from appimages.kuscia.authentication import TokenAuthentication
from core.api import OperatorsWrite
from core.dialects import kuscia
from core.dialects.gva import GvaView, success
from imagelib.urls import handler404, handler500
from imagelib.urls import urlpatterns as product

__all__ = ["handler404", "handler500", "urlpatterns"]


class NothingView(GvaView):
    """Same authentication, permission, envelope and middleware as a list."""

    permission_classes = [OperatorsWrite]

    def get(self, request: Request) -> Response:
        return success("", {"list": [], "total": 0, "page": 1, "pageSize": 10})


class NothingOfKusciaView(kuscia.KusciaView):
    """Same authentication, envelope and middleware as Kuscia's routes. DRF makes the answer, as it usually does."""

    authentication_classes = [TokenAuthentication]

    def post(self, request: Request) -> Response:
        return Response({"status": {"code": 0, "message": "success", "details": []}})


urlpatterns = [
    path("benchmark/nothing", NothingView.as_view()),
    path("benchmark/nothing-of-kuscia", NothingOfKusciaView.as_view()),
    *product,
]
