"""`/instance/…`: containers as records of the front end of docker-gpu-manage. What else it asks of them: `actions`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, ClassVar

from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from core.dialects.gva import harmless, success
from core.dialects.gva_fields import RecordNumber, Text, WholeNumber, optional_text
from core.dialects.gva_query import as_text
from core.dialects.gva_records import RecordViews, routes
from instances import services
from instances.load import known_load
from instances.models import Instance
from instances.snapshot import status_text, with_operations

_Figure = partial(serializers.FloatField, allow_null=True)
# Percent, measured every half minute; null of what does not run. The native API measures when it is asked.
_FIGURES = {
    "cpuUsagePercent": "load_cpu",
    "memoryUsagePercent": "load_memory",
    "gpuMemoryUsageRate": "load_gpu_memory",
}
_LARGEST_ID = 2**63 - 1
_RELATIONS = {"image": "image_id", "spec": "spec_id", "node": "node_id"}


class InstanceForm(serializers.Serializer):
    """What is asked for. Of an instance that exists only the remark can be changed. `nodeId` 0: the system chooses."""

    imageId = RecordNumber(source="image")
    specId = RecordNumber(source="spec")
    nodeId = WholeNumber(source="node", max_value=_LARGEST_ID)
    name = Text(max_length=50)
    remark = optional_text(1000)


def _as_id(text: str) -> int:
    number = int(text) if text.isdecimal() and len(text) < 20 else 0
    if not 0 < number <= _LARGEST_ID:
        raise ValueError(_("Give the number of a record, for example 5."))
    return number


def _as_state(text: str) -> str:
    """`pulling 43%` and `failed: …` are shown; their first word is the state."""
    return as_text(text).split()[0].rstrip(":")


class InstanceViews(RecordViews):
    """Users see and operate their own, operators all."""

    permission_classes = [IsAuthenticated]
    model = Instance
    form: ClassVar[type[serializers.Serializer]] = InstanceForm
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
    own = {"userId": serializers.IntegerField, **dict.fromkeys(_FIGURES, _Figure)}
    filters = {
        "imageId": ("image_id", _as_id),
        "specId": ("spec_id", _as_id),
        "nodeId": ("node_id", _as_id),
        "userId": ("user_id", _as_id),
        "name": ("name__icontains", as_text),
        "containerId": ("container_id__icontains", as_text),
        "containerStatus": ("observed", _as_state),
    }

    def visible(self, among: Any = None) -> Any:
        return services.visible_instances(self.request.user, among=Instance.objects.all() if among is None else among)

    def save(self, values: Mapping[str, Any], record: Instance | None = None) -> Instance:
        user = self.request.user
        if record is not None:
            return services.update_instance(user=user, instance=record.pk, remark=values.get("remark", record.remark))
        asked = {name: values[name] for name in ("image", "spec", "name")}
        return services.create_instance(
            user=user, node=values.get("node") or None, remark=values.get("remark", ""), **asked
        )

    def remove(self, ids: Iterable[int]) -> int:
        return services.delete_instances(user=self.request.user, ids=ids)

    def represent(self, rows: Any) -> list[dict[str, Any]]:
        found = super().represent(rows)
        shown = with_operations(Instance.objects.all()).in_bulk([row["ID"] for row in found])
        now = timezone.now()
        for row in found:
            figures: dict[str, float | None] = {}
            row["userName"] = self.name_of_user(row["userName"])
            instance = shown.get(row["ID"])
            if instance is not None:  # else it was removed in this moment
                row["containerStatus"] = status_text(instance)
                figures = known_load(instance, now=now)
            row |= {key: figures.get(column) for key, column in _FIGURES.items()}
        return found

    def name_of_user(self, name: str) -> str:
        return harmless(name)

    def public(self, request: Request) -> Response:
        """Nothing: instances are nobody's but their owners'."""
        return success(_("Fetched successfully"), {"info": []})

    def key_of(self, field: str) -> str:
        return super().key_of(_RELATIONS.get(field, field))


urlpatterns = routes("Instance", InstanceViews)
