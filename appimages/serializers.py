"""JSON of AppImages in the native API."""

from __future__ import annotations

from typing import Any

from django.utils.functional import cached_property
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from appimages.models import AppImage, AppImageVersion
from appimages.presence import EffectiveImage, effective_images
from core.api import NoticeShape, Text
from imagelib.schema import NamedRegistry


class NodeWithImage(serializers.Serializer):
    id = serializers.IntegerField()
    name = serializers.CharField()
    digest = serializers.CharField(allow_blank=True)


class AppImageSerializer(serializers.ModelSerializer):
    """One AppImage as lists show it. `effective_reference` and `hints` say what would be pulled now."""

    image = serializers.SerializerMethodField()
    tag = serializers.SerializerMethodField()
    roles = serializers.SerializerMethodField()
    effective_reference = serializers.SerializerMethodField()
    hints = serializers.SerializerMethodField()
    registry = serializers.SerializerMethodField()
    sends_credentials = serializers.SerializerMethodField(help_text="Whether a stored user name and password would be.")
    present_on = serializers.SerializerMethodField(help_text="Nodes whose last pull of it went well.")

    class Meta:
        model = AppImage
        fields: tuple[str, ...] = (
            "name", "image", "tag", "roles", "effective_reference", "hints", "registry", "sends_credentials",
            "present_on", "version", "created_at", "updated_at",
        )  # fmt: skip
        read_only_fields = fields

    def get_image(self, row: AppImage) -> str:
        return str(row.document["image"]["name"])

    def get_tag(self, row: AppImage) -> str:
        return str(row.document["image"]["tag"])

    def get_roles(self, row: AppImage) -> list[str]:
        """The roles that have a deploy template of their own; the empty one stands for every other."""
        found = [role for template in row.document["deployTemplates"] for role in template.get("role", "").split(",")]
        return list(dict.fromkeys(found))

    def get_effective_reference(self, row: AppImage) -> str:
        return self._images[row.name].reference

    def get_hints(self, row: AppImage) -> list[str]:
        image = self._images[row.name]
        return [str(text) for text in (*image.warnings, image.error) if text]

    @extend_schema_field(NamedRegistry(allow_null=True))
    def get_registry(self, row: AppImage) -> dict[str, Any] | None:
        registry = self._images[row.name].registry
        return {"id": registry.pk, "name": registry.name} if registry else None

    def get_sends_credentials(self, row: AppImage) -> bool:
        return self._images[row.name].sends_credentials

    @extend_schema_field(NodeWithImage(many=True))
    def get_present_on(self, row: AppImage) -> list[dict[str, Any]]:
        places = self._images[row.name].places
        return [{"id": place.node_id, "name": place.node_name, "digest": place.digest} for place in places]

    @cached_property
    def _images(self) -> dict[str, EffectiveImage]:
        """Of a whole page at once: its rows share one serializer."""
        rows: Any = self.parent.instance if self.parent else [self.instance]
        return effective_images(rows, user=self.context["request"].user)


class AppImageDetailSerializer(AppImageSerializer):
    """With the document: the `spec` of Kuscia's AppImage."""

    document = serializers.JSONField(read_only=True)

    class Meta(AppImageSerializer.Meta):
        fields = (*AppImageSerializer.Meta.fields, "document")
        read_only_fields = fields


class VersionSerializer(serializers.ModelSerializer):
    """Who changed it when, and how."""

    author = serializers.CharField(source="author_name")

    class Meta:
        model = AppImageVersion
        fields: tuple[str, ...] = ("number", "how", "author", "created_at")
        read_only_fields = fields


class VersionDetailSerializer(VersionSerializer):
    """With the document as it was then, and what changed."""

    document = serializers.JSONField()
    against = serializers.IntegerField(allow_null=True, help_text="The version that it is compared with.")
    diff = serializers.CharField(
        allow_null=True,
        help_text="A unified diff of both in YAML, empty if they are the same; null without another, or if too long.",
    )

    class Meta(VersionSerializer.Meta):
        fields = (*VersionSerializer.Meta.fields, "document", "against", "diff")
        read_only_fields = fields


class ImportValues(serializers.Serializer):
    """Values for the placeholders of a template."""

    name = Text(allow_blank=False, required=False, max_length=63, help_text="my-image")
    image = Text(allow_blank=False, required=False, max_length=3000, help_text="registry.example.com/team/app:v1")
    id = Text(required=False, max_length=255, help_text="sha256:9f86d0…")


class ImportForm(ImportValues):
    file = serializers.FileField()


class ImportAnswer(serializers.Serializer):
    created = serializers.ListField(child=serializers.CharField(), help_text="Names.")
    updated = serializers.ListField(child=serializers.CharField(), help_text="Names of those that existed.")
    warnings = NoticeShape(many=True)
    errors = NoticeShape(  # type: ignore[assignment]  # the metaclass takes it off the class
        many=True, help_text="Empty: a file with errors is refused, and the refusal lists them."
    )
