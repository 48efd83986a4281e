"""`/computeNode/…`: compute nodes for the front end of docker-gpu-manage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rest_framework import serializers

from core.dialects.gva_fields import Flag, Hidden, Text, WholeNumber, optional_text
from core.dialects.gva_query import as_flag, as_text
from core.dialects.gva_records import RecordViews, routes
from nodes import services
from nodes.models import ComputeNode

_LONGEST_PEM = 20000
# Secrets become the mask, addresses that were never entered an empty text.
_AS_TEXT = ("publicIp", "privateIp", "password", "clientKey")
# What other users get instead of anything about how to log in to a node; remarks are the operators' own.
_NOT_FOR_USERS: Mapping[str, Any] = {
    "sshPort": 0, "username": "", "password": "", "hamiCore": "", "dockerAddress": "", "useTls": False, "caCert": "",
    "clientCert": "", "clientKey": "", "remark": "",
}  # fmt: skip


class ComputeNodeForm(serializers.Serializer):
    """What may be written. Sizes are GB, of the GPUs' memory GB per card."""

    name = Text(max_length=255)
    region = optional_text(255)
    cpu = WholeNumber()
    memory = WholeNumber()
    systemDisk = WholeNumber(source="system_disk")
    dataDisk = WholeNumber(source="data_disk")
    publicIp = Text(source="public_ip", max_length=100)
    privateIp = Text(source="private_ip", max_length=100)
    sshPort = WholeNumber(source="ssh_port", when_empty=22)
    username = optional_text(255)
    password = Hidden(max_length=2000)
    gpuName = optional_text(255, source="gpu_name")
    gpuCount = WholeNumber(source="gpu_count")
    memoryCapacity = WholeNumber(source="gpu_memory_gb")
    hamiCore = optional_text(500, source="hami_core", trim_whitespace=False)
    dockerAddress = optional_text(500, source="docker_address")
    useTls = Flag(source="use_tls", default=True)
    caCert = optional_text(_LONGEST_PEM, source="ca_cert")
    clientCert = optional_text(_LONGEST_PEM, source="client_cert")
    clientKey = Hidden(source="client_key", max_length=_LONGEST_PEM)
    isOnShelf = Flag(source="is_listed", required=False)
    remark = optional_text(1000)


class ComputeNodeViews(RecordViews):
    model = ComputeNode
    form = ComputeNodeForm
    columns = {
        "ID": "id",
        "CreatedAt": "created_at",
        "UpdatedAt": "updated_at",
        "name": "name",
        "region": "region",
        "cpu": "cpu",
        "memory": "memory",
        "systemDisk": "system_disk",
        "dataDisk": "data_disk",
        "publicIp": "public_ip",
        "privateIp": "private_ip",
        "sshPort": "ssh_port",
        "username": "username",
        "password": "password",
        "gpuName": "gpu_name",
        "gpuCount": "gpu_count",
        "memoryCapacity": "gpu_memory_gb",
        "hamiCore": "hami_core",
        "dockerAddress": "docker_address",
        "useTls": "use_tls",
        "caCert": "ca_cert",
        "clientCert": "client_cert",
        "clientKey": "client_key",
        "isOnShelf": "is_listed",
        "remark": "remark",
        "dockerStatus": "status",
    }
    filters = {
        "name": ("name__icontains", as_text),
        "region": ("region__icontains", as_text),
        "publicIp": ("public_ip__icontains", as_text),
        "privateIp": ("private_ip__icontains", as_text),
        "gpuName": ("gpu_name__icontains", as_text),
        "isOnShelf": ("is_listed", as_flag),
    }

    def visible(self, among: Any = None) -> Any:
        return services.visible_nodes(self.request.user, among=among)

    def save(self, values: Mapping[str, Any], record: ComputeNode | None = None) -> ComputeNode:
        return services.save_node(user=self.request.user, values=values, node=record)

    def remove(self, ids: Iterable[int]) -> int:
        return services.delete_nodes(user=self.request.user, ids=ids)

    def represent(self, rows: Any) -> list[dict[str, Any]]:
        withheld = {} if self.request.user.is_staff else _NOT_FOR_USERS
        found = super().represent(rows)
        for row in found:
            row.update({key: str(row[key] or "") for key in _AS_TEXT})
            row.update(withheld)
        return found


urlpatterns = routes("ComputeNode", ComputeNodeViews)
