"""Shapes of answers that are not rows, for the OpenAPI document."""

from __future__ import annotations

from rest_framework import serializers

from core.api import NoticeShape


class Fault(serializers.Serializer):
    code = serializers.CharField()
    cause = serializers.CharField()
    advice = serializers.CharField()
    evidence = serializers.CharField()


class PlatformSize(serializers.Serializer):
    platform = serializers.CharField(help_text="linux/amd64")
    size_bytes = serializers.IntegerField(allow_null=True, help_text="Compressed size of all layers.")


class NamedRegistry(serializers.Serializer):
    id = serializers.IntegerField()
    name = serializers.CharField()


class ResolvedImage(serializers.Serializer):
    reference = serializers.CharField(help_text="What would be pulled now, with host and tag or digest.")
    registry = NamedRegistry(allow_null=True)
    sends_credentials = serializers.BooleanField(help_text="Whether a stored user name and password would be sent.")
    warnings = serializers.ListField(child=serializers.CharField())


class AddressCheck(serializers.Serializer):
    effective_reference = serializers.CharField()
    warnings = serializers.ListField(child=serializers.CharField())
    registry = NamedRegistry(allow_null=True)
    credentials = serializers.BooleanField(help_text="Whether credentials would be sent.")
    reachable = serializers.BooleanField(allow_null=True, help_text="From this server.")
    exists = serializers.BooleanField(allow_null=True)
    digest = serializers.CharField(allow_blank=True)
    platforms = PlatformSize(many=True)
    error = Fault(allow_null=True)


class EndpointCheck(serializers.Serializer):
    reachable = serializers.BooleanField(allow_null=True)
    accepted = serializers.BooleanField(allow_null=True)
    error = Fault(allow_null=True)


class ConfigurationForm(serializers.Serializer):
    file = serializers.FileField()


class ImportedRegistriesShape(serializers.Serializer):
    created = serializers.ListField(child=serializers.CharField(), help_text="Names.")
    updated = serializers.ListField(child=serializers.CharField(), help_text="Names of those that existed.")
    default = serializers.CharField(help_text="The name of the default registry.")
    warnings = NoticeShape(many=True)
    errors = NoticeShape(  # type: ignore[assignment]  # the metaclass takes it off the class
        many=True, help_text="Empty: a file with errors is refused, and the refusal lists them."
    )
