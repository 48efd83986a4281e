"""`/instance/…`: containers for the front end of docker-gpu-manage (spec-spa.md §4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from core.dialects.gva import success
from core.dialects.gva_fields import Text, WholeNumber, optional_text
from core.dialects.gva_query import as_text, id_in_query
from core.dialects.gva_records import RecordViews, routes
from core.errors import InvalidInput
from imagelib.services import visible_images
from instances import services
from instances.gva.nodes import available_nodes
from instances.models import Instance, OperationKind
from instances.reading import read_log
from instances.snapshot import active_operations, status_text
from nodes.services import visible_nodes


class InstanceForm(serializers.Serializer):
    """What may be written; of an existing instance only the remark is."""

    imageId = WholeNumber(source="image")
    specId = WholeNumber(source="spec")
    nodeId = WholeNumber(source="node")
    name = Text(max_length=50)
    remark = optional_text(1000)


def _as_id(text: str) -> int:
    if not text.isdecimal() or len(text) > 18:
        raise ValueError(_("Give the number of a record, for example 5."))
    return int(text)


def _as_state(text: str) -> str:
    """`pulling 43%` and `failed: …` are shown; their first word is the state."""
    return as_text(text).split(" ")[0].rstrip(":")


class InstanceViews(RecordViews):
    permission_classes = [IsAuthenticated]
    form = InstanceForm
    columns = {
        "ID": "id",
        "CreatedAt": "created_at",
        "UpdatedAt": "updated_at",
        "imageId": "image_id",
        "specId": "spec_id",
        "userId": "user_id",
        "nodeId": "node_id",
        "containerId": "container_id",
        "containerName": "container_name",
        "name": "name",
        "containerStatus": "observed",
        "remark": "remark",
        "userName": "user__username",
    }
    filters = {
        "imageId": ("image_id", _as_id),
        "specId": ("spec_id", _as_id),
        "nodeId": ("node_id", _as_id),
        "userId": ("user_id", _as_id),
        "name": ("name__icontains", as_text),
        "containerId": ("container_id__icontains", as_text),
        "containerStatus": ("observed", _as_state),
    }
    failures = {
        "start": gettext_lazy("Starting failed: "),
        "stop": gettext_lazy("Stopping failed: "),
        "restart": gettext_lazy("Restarting failed: "),
    }

    def visible(self) -> Any:
        return services.visible_instances(self.request.user)

    def save(self, values: Mapping[str, Any], record: Instance | None = None) -> Instance:
        user = self.request.user
        if record is not None:
            return services.update_instance(user=user, instance=record.pk, remark=values.get("remark", record.remark))
        return services.create_instance(
            user=user,
            image=values.get("image", 0),
            spec=values.get("spec", 0),
            node=values.get("node") or None,
            name=values["name"],
            remark=values.get("remark", ""),
        )

    def remove(self, ids: Iterable[int]) -> int:
        return services.delete_instances(user=self.request.user, ids=ids)

    def represent(self, rows: Any) -> list[dict[str, Any]]:
        found = super().represent(rows)
        instances = {one.pk: one for one in Instance.objects.filter(pk__in=[row["ID"] for row in found])}
        operations = active_operations(instances.values())
        for row in found:
            instance = instances[row["ID"]]
            row["containerStatus"] = status_text(instance, operations.get(instance.pk))
            # Columns of the original's table that a page reads; live figures come from the engine when asked for.
            row |= {"cpuUsagePercent": None, "memoryUsagePercent": None, "gpuMemoryUsageRate": None}
        return found

    def public(self, request: Request) -> Response:
        return success(_("Fetched successfully"), {"info": []})

    # --- what the original has beyond records ------------------------------------------------------------------------

    def data_source(self, request: Request) -> Response:
        """What the page's selections are made of. The specs' keys are the original's."""
        user = request.user
        images = visible_images(user).filter(is_listed=True).order_by("name", "pk")
        specs = services.visible_specs(user).filter(is_listed=True).order_by("name", "pk")
        data = {
            "imageId": [
                {"label": row.name, "value": row.pk, "supportMemorySplit": row.supports_vgpu} for row in images
            ],
            "specId": [_spec(row) for row in specs],
            "nodeId": [],
            "allNodes": [{"label": row.name, "value": row.pk} for row in visible_nodes(user)],
            "userId": _people(self.visible(), user),
        }
        return success(_("Fetched successfully"), data)

    def available_nodes(self, request: Request) -> Response:
        spec = id_in_query("specId", request.query_params.get("specId", ""))
        return success(_("Fetched successfully"), available_nodes(user=request.user, spec=spec))

    def start(self, request: Request) -> Response:
        return self._operate(request, OperationKind.START)

    def stop(self, request: Request) -> Response:
        return self._operate(request, OperationKind.STOP)

    def restart(self, request: Request) -> Response:
        return self._operate(request, OperationKind.RESTART)

    def _operate(self, request: Request, kind: str) -> Response:
        pk = id_in_query("ID", request.query_params.get("ID", ""))
        services.operate(user=request.user, instance=pk, kind=kind)
        return success(_("Accepted"))

    def log(self, request: Request) -> Response:
        pk = id_in_query("ID", request.query_params.get("ID", ""))
        text = request.query_params.get("tail", "").strip() or "100"
        if not text.isdecimal() or len(text) > 6:
            raise InvalidInput({"tail": _("Give a number of lines, for example 100.")})
        return success(_("Fetched successfully"), read_log(self._own(pk), lines=int(text)))

    def _own(self, pk: int) -> Instance:
        return services.own_instance(user=self.request.user, pk=pk)

    def failure(self) -> Any:
        return self.failures.get(self.action or "", super().failure())


def _spec(row: Any) -> dict[str, Any]:
    return {
        "value": row.pk,
        "name": row.name,
        "label": row.name,
        "gpu_model": row.gpu_model,
        "gpu_count": row.gpu_count,
        "memory_capacity": row.gpu_memory_gb,
        "cpu_cores": row.cpu_cores,
        "memory_gb": row.memory_gb,
        "system_disk_gb": row.system_disk_gb,
        "data_disk_gb": row.data_disk_gb,
        "price_per_hour": float(row.price_per_hour),
        "supportMemorySplit": row.supports_memory_split,
    }


def _people(instances: Any, user: Any) -> list[dict[str, Any]]:
    """Whose instances the user sees; nobody else's name."""
    names = dict(instances.order_by().values_list("user_id", "user__username").distinct()) | {user.pk: str(user)}
    return [{"label": name, "value": pk} for pk, name in sorted(names.items(), key=lambda pair: pair[1])]


def _view(method: str, action: str) -> Any:
    return InstanceViews.as_view({method: action})


urlpatterns = [
    path("instance/getInstanceDataSource", _view("get", "data_source")),
    path("instance/getAvailableNodes", _view("get", "available_nodes")),
    path("instance/startContainer", _view("post", "start")),
    path("instance/stopContainer", _view("post", "stop")),
    path("instance/restartContainer", _view("post", "restart")),
    path("instance/getContainerLogs", _view("get", "log")),
    *routes("Instance", InstanceViews),
]
