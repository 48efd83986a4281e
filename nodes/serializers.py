"""JSON of compute nodes in the native API."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from core.api import SecretField, refuse_unknown
from nodes.failure_texts import engine_failure_text
from nodes.models import ComputeNode

_PUBLIC = (
    "id", "name", "region", "labels", "public_ip", "private_ip", "cpu", "memory", "system_disk", "data_disk",
    "gpu_name", "gpu_count", "gpu_memory_gb", "is_listed", "status", "status_detail", "status_age_seconds",
    "last_seen_at", "engine_version", "storage_driver", "platform", "disk_free_bytes",
    "disk_age_seconds",
)  # fmt: skip
_OPERATORS = (
    "docker_address", "use_tls", "ca_cert", "client_cert", "client_key", "has_client_key", "ssh_port", "username",
    "password", "has_password", "hami_core", "remark", "status_code", "status_evidence", "created_at", "updated_at",
)  # fmt: skip
# Blanks and line ends around it are refused, not taken off: they are the slip of whoever copied the path.
VERBATIM = {"trim_whitespace": False}


class NodeSerializer(serializers.ModelSerializer):
    """A compute node for operators. Secrets are write-only; `has_…` says whether there is one."""

    password = SecretField(max_length=2000)
    client_key = SecretField(max_length=20000)
    labels = serializers.DictField(child=serializers.CharField(max_length=200), required=False)
    has_password = serializers.SerializerMethodField()
    has_client_key = serializers.SerializerMethodField()
    status_detail = serializers.SerializerMethodField()
    status_age_seconds = serializers.SerializerMethodField()
    disk_age_seconds = serializers.SerializerMethodField()

    class Meta:
        model = ComputeNode
        fields = _PUBLIC + _OPERATORS
        read_only_fields = (
            "id", "status", "status_code", "status_evidence", "last_seen_at", "engine_version", "storage_driver",
            "platform", "disk_free_bytes", "created_at", "updated_at",
        )  # fmt: skip
        extra_kwargs = {"name": {"validators": []}, "docker_address": {"required": True}, "hami_core": VERBATIM}

    def to_internal_value(self, data: Any) -> Any:
        refuse_unknown(self, data)
        return super().to_internal_value(data)

    def get_status_detail(self, node: ComputeNode) -> str:
        """Cause and advice in words when the last probe failed, else empty."""
        if not node.status_code:
            return ""
        text = engine_failure_text(node.status_code)
        return f"{text.cause} {text.advice}"

    def get_has_password(self, node: ComputeNode) -> bool:
        return bool(node.password)

    def get_has_client_key(self, node: ComputeNode) -> bool:
        return bool(node.client_key)

    def get_status_age_seconds(self, node: ComputeNode) -> float | None:
        return _age(node.checked_at)

    def get_disk_age_seconds(self, node: ComputeNode) -> float | None:
        """How old `disk_free_bytes` is."""
        return _age(node.disk_checked_at)


class PublicNodeSerializer(NodeSerializer):
    """A compute node for ordinary users: nothing about how to log in to it."""

    class Meta(NodeSerializer.Meta):
        fields = _PUBLIC
        read_only_fields = _PUBLIC

    password = None
    client_key = None
    has_password = None
    has_client_key = None

    def get_status_detail(self, node: ComputeNode) -> str:
        return str(engine_failure_text(node.status_code).cause) if node.status_code else ""


class NodeImageSerializer(serializers.Serializer):
    """An image on a node, as its engine tells."""

    id = serializers.CharField()
    repo_tags = serializers.ListField(child=serializers.CharField())
    repo_digests = serializers.ListField(child=serializers.CharField())
    size = serializers.IntegerField(help_text="Bytes as this engine counts them; not comparable between engines.")
    created = serializers.CharField()


def _age(moment: datetime | None) -> float | None:
    return None if moment is None else round((timezone.now() - moment).total_seconds(), 1)
