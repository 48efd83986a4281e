"""JSON of instances in the native API: what is asked, and the snapshot's shape for the OpenAPI document."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rest_framework import serializers

from core.api import AskedFields, Text
from instances.doctor import BAD, DOUBTFUL, GOOD
from instances.load import Load
from instances.models import Instance, Observed
from instances.snapshot import snapshot

_LARGEST = 2**63 - 1


class OptionsAsked(AskedFields):
    command = serializers.ListField(child=Text(max_length=4000), required=False, allow_empty=False, max_length=256)
    environment = serializers.DictField(child=Text(max_length=8000), required=False)
    ports = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=65535), required=False, max_length=64
    )
    restart_policy = serializers.ChoiceField(["no", "on-failure", "always", "unless-stopped"], required=False)


class InstanceAsked(OptionsAsked):
    """`node` left out: the system chooses."""

    image = serializers.IntegerField(min_value=1, max_value=_LARGEST)
    spec = serializers.IntegerField(min_value=1, max_value=_LARGEST)
    node = serializers.IntegerField(min_value=1, max_value=_LARGEST, required=False, allow_null=True)
    name = serializers.CharField(max_length=50)


class InstanceCreated(InstanceAsked):
    remark = serializers.CharField(max_length=1000, required=False, allow_blank=True)


class InstanceChanged(AskedFields):
    remark = serializers.CharField(max_length=1000, allow_blank=True)


class Named(serializers.Serializer):
    id = serializers.IntegerField()
    name = serializers.CharField()


class Told(serializers.Serializer):
    code = serializers.CharField()
    text = serializers.CharField()


class Problem(Told):
    evidence = serializers.CharField()


class PullOfOperation(serializers.Serializer):
    id = serializers.IntegerField()
    percent = serializers.FloatField()


class OperationShape(serializers.Serializer):
    id = serializers.IntegerField()
    kind = serializers.CharField()
    state = serializers.CharField()
    attempt = serializers.IntegerField()
    pull = PullOfOperation(allow_null=True)


class PortShape(serializers.Serializer):
    container_port = serializers.IntegerField()
    protocol = serializers.CharField()
    host_port = serializers.IntegerField()


class InstanceShape(serializers.Serializer):
    """One instance as it is now. `plan` is what went to the engine. The values of variables that the owner set are for
    him alone, and not in lists: elsewhere they are `******`."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    image = Named()
    spec = Named()
    node = Named()
    user = serializers.CharField()
    state = serializers.ChoiceField(choices=Observed.choices)
    state_age_seconds = serializers.FloatField(allow_null=True)
    image_reference = serializers.CharField()
    digest = serializers.CharField()
    container_id = serializers.CharField()
    container_name = serializers.CharField()
    gpus = serializers.ListField(child=serializers.CharField())
    is_sliced = serializers.BooleanField()
    limits = serializers.DictField()
    plan = serializers.DictField()
    ports = PortShape(many=True)
    exit_code = serializers.IntegerField(allow_null=True)
    oom_killed = serializers.BooleanField()
    restarts = serializers.IntegerField()
    notes = Told(many=True)
    problem = Problem(allow_null=True)
    operation = OperationShape(allow_null=True)
    remark = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()

    def to_representation(self, instance: Instance) -> dict[str, Any]:
        alone = self.parent is None
        return snapshot(instance, now=self.context["now"], viewer=self.context["request"].user if alone else None)


class PreviewShape(serializers.Serializer):
    """What creation would use."""

    node = serializers.IntegerField()
    gpus = serializers.ListField(child=serializers.CharField())
    image_reference = serializers.CharField()
    command = serializers.ListField(child=serializers.CharField(), allow_null=True)
    environment = serializers.DictField(child=serializers.CharField())
    mounts = serializers.ListField(child=serializers.DictField())
    volumes = serializers.ListField(child=serializers.DictField())
    tmpfs = serializers.DictField(child=serializers.CharField())
    device_requests = serializers.ListField(child=serializers.DictField())
    labels = serializers.DictField(child=serializers.CharField())
    limits = serializers.DictField()
    ports = serializers.ListField(child=serializers.IntegerField())
    restart_policy = serializers.CharField()
    bytes_to_pull = serializers.IntegerField(allow_null=True)
    warnings = Told(many=True)


class LogShape(serializers.Serializer):
    log = serializers.CharField()


class StatsShape(serializers.Serializer):
    """Load of a running container. `cpu_percent`: 100 is one core; `cpu_of_limit_percent`: 100 is all it may use.
    `gpu_memory_bytes`: what its programs use of its slices; null without slices, or when it cannot be known."""

    cpu_percent = serializers.FloatField()
    cpu_of_limit_percent = serializers.FloatField(allow_null=True)
    memory_bytes = serializers.IntegerField()
    memory_limit_bytes = serializers.IntegerField()
    network_rx_bytes = serializers.IntegerField()
    network_tx_bytes = serializers.IntegerField()
    block_read_bytes = serializers.IntegerField()
    block_write_bytes = serializers.IntegerField()
    pids = serializers.IntegerField()
    gpu_memory_bytes = serializers.IntegerField(allow_null=True)
    gpu_memory_limit_bytes = serializers.IntegerField(allow_null=True)


def stats_json(load: Load) -> dict[str, Any]:
    values = asdict(load.stats)
    values.pop("cpu_limit_cores")
    return {
        **values,
        "cpu_of_limit_percent": load.cpu_percent,
        "gpu_memory_bytes": load.gpu_memory_bytes,
        "gpu_memory_limit_bytes": load.gpu_memory_limit_bytes,
    }


class HolderShape(serializers.Serializer):
    """Of a share of a card: an instance, or a container without one."""

    instance = serializers.IntegerField(allow_null=True)
    orphan = serializers.IntegerField(allow_null=True)
    name = serializers.CharField()
    memory_mib = serializers.IntegerField()


class OrphanShape(serializers.Serializer):
    """A container that bears our label and belongs to no instance; what its labels say it holds counts as held."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    user = serializers.CharField()
    container_id = serializers.CharField()
    container_name = serializers.CharField()
    state = serializers.CharField()
    gpus = serializers.ListField(child=serializers.DictField())
    cpu_cores = serializers.IntegerField()
    memory_gb = serializers.IntegerField()
    data_disk_gb = serializers.IntegerField()
    found_at = serializers.DateTimeField()
    seen_at = serializers.DateTimeField()


class GpuShape(serializers.Serializer):
    id = serializers.IntegerField()
    device_id = serializers.CharField()
    index = serializers.IntegerField()
    model = serializers.CharField()
    memory_mib = serializers.IntegerField()
    driver_version = serializers.CharField()
    is_partitioned = serializers.BooleanField()
    is_missing = serializers.BooleanField()
    is_cordoned = serializers.BooleanField()
    held_mib = serializers.IntegerField()
    held_percent = serializers.IntegerField()
    used_mib = serializers.IntegerField(allow_null=True, help_text="By whomever, at `seen_at`; null is unknown.")
    outside_mib = serializers.IntegerField(help_text="Of it, what none of our containers explains.")
    seen_at = serializers.DateTimeField()
    holders = HolderShape(many=True)


class NodeGpusShape(serializers.Serializer):
    """The cards of a node. With a `problem` their number is unknown, or the node has none."""

    checked_at = serializers.DateTimeField(allow_null=True)
    problem = Told(allow_null=True)
    gpus = GpuShape(many=True)
    orphans = OrphanShape(many=True, help_text="For operators; empty for others.")


class CheckShape(serializers.Serializer):
    """One finding of the vGPU doctor. `bad`: no slices until it is mended; `doubtful`: unknown, or worth a look."""

    code = serializers.CharField()
    level = serializers.ChoiceField(choices=(GOOD, DOUBTFUL, BAD))
    text = serializers.CharField()
    advice = serializers.CharField(help_text="What to do; empty where nothing is.")


class DoctorShape(serializers.Serializer):
    findings = CheckShape(many=True)
