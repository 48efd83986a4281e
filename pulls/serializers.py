"""JSON of pulls in the native API: what is asked, and the snapshot's shape for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from core.api import AskedFields
from core.jobs import JobState
from pulls.models import PullJob, Source
from pulls.snapshot import snapshot
from pulls.spool import path_of


class SourceAsked(AskedFields):
    """Where an image is to come from."""

    source = serializers.ChoiceField(  # type: ignore[assignment]
        choices=Source.choices, required=False
    )
    source_node = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1)
    archive = serializers.RegexField(
        r"\A[0-9a-f]{32}\Z",
        required=False,
        help_text="Of an uploaded archive.",
        error_messages={"invalid": _('Give the "archive" that the upload answered.')},
    )

    def get_fields(self) -> dict[str, Any]:
        """What is wanted comes before where from, wherever fields are listed."""
        fields: dict[str, Any] = super().get_fields()
        for name in SourceAsked._declared_fields:
            fields[name] = fields.pop(name)
        return fields

    def wanted_from(self) -> dict[str, Any]:
        """What was given of it, as `request_pulls` wants it. Raises `NotFound` for an archive that is gone."""
        values: dict[str, Any] = self.validated_data
        given = {name: values[name] for name in SourceAsked._declared_fields if name in values}
        return {**given, "archive": path_of(given["archive"])} if "archive" in given else given


class PullAsked(SourceAsked):
    """`{"image": id}` or `{"reference": "nginx:1.27"}`, and `{"nodes": [1, 2]}`.

    `source` says where the nodes get it from: their registry (the usual way), another node (`source_node` says which),
    an uploaded `archive`, or "auto": the registry if it answers the node, else a node that has the image; nothing if
    it is there already.
    """

    image = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1)
    reference = serializers.CharField(required=False, max_length=3000)
    nodes = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1), allow_empty=False, max_length=1000
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("image" in attrs) == ("reference" in attrs):
            raise serializers.ValidationError(
                {"image": _('Give either "image" (an entry\'s id) or "reference" (for example "nginx:1.27").')}
            )
        return attrs


class ImageInArchive(serializers.Serializer):
    names = serializers.ListField(child=serializers.CharField())
    platform = serializers.CharField()


class KeptArchive(serializers.Serializer):
    """What was uploaded; name it as `archive` in a pull."""

    archive = serializers.CharField()
    images = ImageInArchive(many=True)


class NodeName(serializers.Serializer):
    id = serializers.IntegerField(allow_null=True)
    name = serializers.CharField()


class LayerShape(serializers.Serializer):
    id = serializers.CharField(help_text="First 12 hex digits of the layer's digest.")
    size = serializers.IntegerField(allow_null=True)
    downloaded = serializers.IntegerField()
    extracted = serializers.IntegerField()
    state = serializers.CharField()


class PullError(serializers.Serializer):
    code = serializers.CharField()
    transient = serializers.BooleanField()
    title = serializers.CharField()
    cause = serializers.CharField()
    advice = serializers.CharField()
    evidence = serializers.CharField()


class SnapshotShape(serializers.Serializer):
    """One pull as it is now. Sizes in bytes, speed in bytes per second."""

    id = serializers.IntegerField()
    node = NodeName()
    reference = serializers.CharField()
    source = serializers.ChoiceField(choices=Source.choices)  # type: ignore[assignment]
    source_node = NodeName(allow_null=True, help_text="The node that gives the image.")
    state = serializers.ChoiceField(choices=JobState.choices)
    phase = serializers.CharField()
    percent = serializers.FloatField()
    bytes_total = serializers.IntegerField(allow_null=True)
    bytes_total_exact = serializers.BooleanField()
    bytes_downloaded = serializers.IntegerField()
    bytes_extracted = serializers.IntegerField()
    bytes_reused = serializers.IntegerField()
    layers = LayerShape(many=True)
    speed_bps = serializers.IntegerField(allow_null=True)
    eta_seconds = serializers.IntegerField(allow_null=True, help_text="The middle of the range.")
    eta_range_seconds = serializers.ListField(
        child=serializers.IntegerField(), allow_null=True, help_text="[low, high]: when it will be there."
    )
    last_byte_age_seconds = serializers.FloatField(allow_null=True)
    attempt = serializers.IntegerField()
    max_attempts = serializers.IntegerField()
    digest = serializers.CharField(allow_blank=True)
    error = PullError(allow_null=True)
    next_attempt_at = serializers.DateTimeField(allow_null=True)
    next_attempt_in_seconds = serializers.FloatField(allow_null=True)
    running_seconds = serializers.FloatField(allow_null=True, help_text="Of the last attempt; grows until the end.")
    requested_by = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    version = serializers.IntegerField()

    def to_representation(self, instance: PullJob) -> dict[str, Any]:
        return snapshot(instance, now=timezone.now())


class NodeResult(serializers.Serializer):
    node = serializers.IntegerField()
    pull = SnapshotShape()


class PullAnswer(serializers.Serializer):
    """202: one result per node."""

    results = NodeResult(many=True)


class HistoryEntry(serializers.Serializer):
    at = serializers.DateTimeField()
    attempt = serializers.IntegerField()
    code = serializers.CharField()
    text = serializers.CharField()
