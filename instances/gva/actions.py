"""`/instance/…` beyond records: what the page's selections hold, start and stop, the log."""

from __future__ import annotations

from typing import Any, ClassVar

from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from core.api import UpgradeNeeded
from core.dialects.gva import GvaView, success
from core.dialects.gva_query import id_in_query
from core.dialects.gva_schema import TEXT, SpaSchema, answers, json_list
from core.errors import InvalidInput
from instances import services
from instances.gva.choices import DATA_SOURCE, data_source
from instances.gva.nodes import AVAILABLE_NODE, available_nodes
from instances.models import OperationKind
from instances.reading import read_log

_ID = OpenApiParameter("ID", int, required=True, description="The number of an instance.")
_SPEC = OpenApiParameter("specId", int, required=True, description="The number of a product spec.")
_SHELL = OpenApiParameter("shell", str, enum=["bash", "sh"], description="bash unless given.")
_TAIL = OpenApiParameter("tail", int, description="Lines from the end, 100 unless given.")


class InstanceView(GvaView):
    permission_classes = [IsAuthenticated]
    schema = SpaSchema()
    begin: ClassVar[Any] = gettext_lazy("Fetching failed: ")

    def failure(self) -> Any:
        return self.begin


class DataSourceView(InstanceView):
    """What the page's selections are made of. The keys of the specs are the original's."""

    @extend_schema(responses=answers(DATA_SOURCE))
    def get(self, request: Request) -> Response:
        return success(_("Fetched successfully"), data_source(request.user))


class AvailableNodesView(InstanceView):
    """The nodes that can take a spec now, the best first."""

    @extend_schema(parameters=[_SPEC], responses=answers(json_list(AVAILABLE_NODE)))
    def get(self, request: Request) -> Response:
        spec = id_in_query("specId", request.query_params.get("specId", ""))
        return success(_("Fetched successfully"), available_nodes(user=request.user, spec=spec))


class OperationView(InstanceView):
    """The answer comes at once; the list shows how it goes."""

    kind: ClassVar[str]

    @extend_schema(parameters=[_ID], request=None, responses=answers())
    def post(self, request: Request) -> Response:
        pk = id_in_query("ID", request.query_params.get("ID", ""))
        services.operate(user=request.user, instance=pk, kind=self.kind)
        return success(_("Accepted"))


class StartView(OperationView):
    kind, begin = OperationKind.START, gettext_lazy("Starting failed: ")


class StopView(OperationView):
    kind, begin = OperationKind.STOP, gettext_lazy("Stopping failed: ")


class RestartView(OperationView):
    kind, begin = OperationKind.RESTART, gettext_lazy("Restarting failed: ")


class LogView(InstanceView):
    """The last lines of the container's output, both streams in order, as one text."""

    @extend_schema(parameters=[_ID, _TAIL], responses=answers(TEXT))
    def get(self, request: Request) -> Response:
        pk = id_in_query("ID", request.query_params.get("ID", ""))
        instance = services.own_instance(user=request.user, pk=pk)
        return success(_("Fetched successfully"), read_log(instance, lines=_lines(request)))


class TerminalView(InstanceView):
    """A shell in the container, over a WebSocket at this address; the cookie of the login opens it, from a page of this
    site. The frames are those of `/api/instances/{id}/terminal/`."""

    begin = gettext_lazy("Opening the terminal failed: ")

    @extend_schema(parameters=[_ID, _SHELL], responses={101: None, **answers()})
    def get(self, request: Request) -> Response:
        services.own_instance(user=request.user, pk=id_in_query("ID", request.query_params.get("ID", "")))
        raise UpgradeNeeded


def _lines(request: Request) -> int:
    text = request.query_params.get("tail", "").strip() or "100"
    if not text.isdecimal() or len(text) > 6:
        raise InvalidInput({"tail": _("Give a number of lines, for example 100.")})
    return int(text)


urlpatterns = [
    path("instance/getInstanceDataSource", DataSourceView.as_view()),
    path("instance/getAvailableNodes", AvailableNodesView.as_view()),
    path("instance/startContainer", StartView.as_view()),
    path("instance/stopContainer", StopView.as_view()),
    path("instance/restartContainer", RestartView.as_view()),
    path("instance/getContainerLogs", LogView.as_view()),
    path("instance/terminal", TerminalView.as_view()),
]
