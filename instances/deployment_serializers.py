"""JSON of deployments in the native API: what is asked, and the snapshot's shape for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from core.api import AskedFields, Text
from instances.deployment_snapshot import STATE_CHOICES, deployment_snapshot
from instances.instance_serializers import Named, PortShape, Problem
from instances.models import Desired, Observed

_LARGEST = 2**63 - 1


class RunAsked(AskedFields):
    """`node` or `nodes` left out: the system chooses. `replicas` left out: one for each node named, or as many as the
    deploy template says."""

    role = Text(max_length=255, required=False)
    spec = serializers.IntegerField(min_value=1, max_value=_LARGEST)
    node = serializers.IntegerField(min_value=1, max_value=_LARGEST, required=False, allow_null=True)
    nodes = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=_LARGEST), required=False, max_length=64
    )
    variables = serializers.DictField(child=Text(), required=False)
    replicas = serializers.IntegerField(min_value=1, max_value=64, required=False, allow_null=True)
    name = serializers.CharField(max_length=40, required=False, allow_blank=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        node, nodes = attrs.pop("node", None), attrs.pop("nodes", [])
        if node is not None and nodes:
            raise serializers.ValidationError({"nodes": [_("Give either “node” or “nodes”, for example [1, 2].")]})
        return {**attrs, "nodes": nodes or ([] if node is None else [node])}


class ProbeShape(serializers.Serializer):
    """What a probe found last; `ok` is null when it could not be asked, for its node did not answer."""

    ok = serializers.BooleanField(allow_null=True)
    at = serializers.DateTimeField()
    code = serializers.CharField()
    text = serializers.CharField()


class ContainerShape(serializers.Serializer):
    """`started`, `ready`, `alive`: by its probes; null before they have said anything, or without any. `files`: path
    and content of its configuration files, and `unresolved` the variables in them that had no value; of one deployment
    alone, not in lists."""

    instance = serializers.IntegerField()
    name = serializers.CharField()
    container = serializers.CharField()
    replica = serializers.IntegerField()
    node = Named()
    state = serializers.ChoiceField(choices=Observed.choices)
    problem = Problem(allow_null=True)
    operation = serializers.CharField(allow_null=True)
    ports = PortShape(many=True)
    started = serializers.BooleanField(allow_null=True)
    ready = serializers.BooleanField(allow_null=True)
    alive = serializers.BooleanField(allow_null=True)
    probe_restarts = serializers.IntegerField()
    probes = serializers.DictField(child=ProbeShape())
    files = serializers.DictField(child=serializers.CharField(), required=False)
    unresolved = serializers.DictField(child=serializers.ListField(child=serializers.CharField()), required=False)


class DeploymentShape(serializers.Serializer):
    """An AppImage that runs. `ready` of `total` containers are."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    app_image = serializers.CharField()
    version = serializers.IntegerField()
    role = serializers.CharField(allow_blank=True)
    deploy_template = serializers.CharField(allow_blank=True)
    variables = serializers.DictField(child=serializers.CharField(allow_blank=True))
    spec = Named()
    user = serializers.CharField()
    desired = serializers.ChoiceField(choices=Desired.choices)
    state = serializers.ChoiceField(choices=STATE_CHOICES)
    ready = serializers.IntegerField()
    total = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    containers = ContainerShape(many=True)

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return deployment_snapshot(instance, files=self.parent is None)
