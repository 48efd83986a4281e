"""JSON of config sets and secret sets in the native API."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from core.api import StrictModelSerializer, Text
from core.fields import MASK
from instances.models import ConfigSet, SecretSet


def _texts() -> serializers.DictField:
    return serializers.DictField(child=Text(max_length=100_000), required=False)


class ConfigSetSerializer(StrictModelSerializer):
    """Variables for AppImages that name the set; `values` replaces all of them."""

    values = _texts()

    class Meta:
        model = ConfigSet
        fields = ("id", "name", "values", "created_at", "updated_at")
        read_only_fields = ("id", "created_at", "updated_at")
        extra_kwargs: dict[str, dict[str, Any]] = {"name": {"validators": []}}


class SecretSetSerializer(StrictModelSerializer):
    """Secret variables. Values are written and never read: they come back as `******`. A name left out, or the mask,
    keeps what is stored; an empty text removes it."""

    values = _texts()

    class Meta:
        model = SecretSet
        fields = ("id", "name", "values", "created_at", "updated_at")
        read_only_fields = ("id", "created_at", "updated_at")
        extra_kwargs: dict[str, dict[str, Any]] = {"name": {"validators": []}}

    def to_representation(self, instance: Any) -> dict[str, Any]:
        shown = {name: getattr(instance, name) for name in ("id", "name", "created_at", "updated_at")}
        return {**shown, "values": dict.fromkeys(instance.keys, MASK)}
