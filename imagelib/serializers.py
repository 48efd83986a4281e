"""JSON of the image library in the native API."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from core.api import AskedFields, SecretField, StrictModelSerializer, Text
from imagelib.addresses import AddressError
from imagelib.models import ImageRegistry, RegistryEndpoint
from imagelib.references import Endpoints


class ImageSerializer(StrictModelSerializer):
    """One usable image. `effective_reference` and `hints` say what would be pulled now."""

    effective_reference = serializers.SerializerMethodField()
    hints = serializers.SerializerMethodField()
    registry = serializers.SerializerMethodField()

    class Meta:
        model = ImageRegistry
        fields = (
            "id", "name", "address", "description", "source", "supports_vgpu", "is_listed", "stall_after", "remark",
            "effective_reference", "hints", "registry", "created_at", "updated_at",
        )  # fmt: skip
        read_only_fields = ("id", "created_at", "updated_at")
        # Longer than the column: `user:password@` may precede an address and is split off.
        extra_kwargs = {"address": {"max_length": 3000}, "stall_after": {"min_value": 5, "max_value": 86400}}

    def get_effective_reference(self, image: ImageRegistry) -> str:
        return self._effective(image).get("effective_reference", "")

    def get_hints(self, image: ImageRegistry) -> list[str]:
        return self._effective(image).get("warnings", [])

    def get_registry(self, image: ImageRegistry) -> dict[str, Any] | None:
        return self._effective(image).get("registry")

    def _effective(self, image: ImageRegistry) -> dict[str, Any]:
        if "endpoints" not in self.context:
            self.context["endpoints"] = Endpoints()
        try:
            return self.context["endpoints"].effective(image.address).as_dict()
        except AddressError:
            return {}  # stored by an older grammar; the page shows the address as it is


class RegistrySerializer(StrictModelSerializer):
    """One registry endpoint. The password is write-only; `has_password` says whether there is one."""

    password = SecretField(max_length=2000)
    has_password = serializers.SerializerMethodField()

    class Meta:
        model = RegistryEndpoint
        fields = (
            "id", "name", "endpoint", "username", "password", "has_password", "is_default", "insecure",
            "ca_certificate", "users_push_to", "created_at", "updated_at",
        )  # fmt: skip
        read_only_fields = ("id", "created_at", "updated_at")
        extra_kwargs = {"name": {"validators": []}, "endpoint": {"validators": []}}

    def get_has_password(self, endpoint: RegistryEndpoint) -> bool:
        return bool(endpoint.password)


class NameAndTagSerializer(AskedFields):
    """An image as AppImages name it."""

    name = Text(allow_blank=False, max_length=3000, help_text="secretflow/app")
    tag = Text(max_length=3000, required=False, default="", help_text="v1")


class AddressSerializer(serializers.Serializer):
    """An address to look at without storing it."""

    address = serializers.CharField(max_length=3000)
