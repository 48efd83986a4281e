"""Everything that goes to the engine for one instance. Pure: the preview shows what creation sends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from instances.accelerator import Grant, refuse_targets
from instances.accelerators.registry import backend_for
from instances.recipes.filling import UNFILLED, Filled
from instances.recipes.template import NONE, Template
from nodes.engine import BindMount, ContainerSpec, DeviceRequest, PublishedPort, VolumeMount

GIB = 1024**3
UNLIMITED = "system_disk_not_limited"
DATA_TARGET = "/data"
LABEL = "imagelib.instance"  # its value is the instance's uid: from it alone a container is known again
# What it holds, for accounting without a row: see `instances.claims`.
NAME, OWNER = "imagelib.name", "imagelib.owner"
DEVICES, EXCLUSIVE = "imagelib.devices", "imagelib.exclusive"
MEMORY_MIB, COMPUTE = "imagelib.memory-mib", "imagelib.compute-percent"  # of each device
CPU_CORES, MEMORY_GB, DATA_DISK_GB = "imagelib.cpu-cores", "imagelib.memory-gb", "imagelib.data-disk-gb"
MOST_VARIABLES, LONGEST_NAME = 256, 255  # of an environment
_RESTART_POLICIES = ("no", "on-failure", "always", "unless-stopped")


@dataclass(frozen=True, slots=True)
class Options:
    """What users may add of their own."""

    command: tuple[str, ...] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[int, ...] = ()  # of the container, published on free ports of the node
    restart_policy: str = "no"

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Options:
        command = stored.get("command")
        return cls(
            command=None if command is None else tuple(command),
            environment=dict(stored.get("environment") or {}),
            ports=tuple(stored.get("ports") or ()),
            restart_policy=stored.get("restart_policy") or "no",
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "command": None if self.command is None else list(self.command),
            "environment": dict(self.environment),
            "ports": list(self.ports),
            "restart_policy": self.restart_policy,
        }


@dataclass(frozen=True, slots=True)
class Wanted:
    """One instance as it was granted. Sizes are GB (GiB); 0 means no limit."""

    uid: str
    name: str
    owner: str
    reference: str
    grant: Grant
    cpu_cores: int = 0
    memory_gb: int = 0
    system_disk_gb: int = 0
    limits_system_disk: bool = False  # whether the node's engine can
    data_disk_gb: int = 0
    library_directory: str = ""
    options: Options = Options()
    image_environment: Mapping[str, str] = field(default_factory=dict)
    template: Template = NONE  # of an AppImage
    filled: Filled = UNFILLED


def container_spec(wanted: Wanted) -> ContainerSpec:
    """What `POST /containers/create` gets. Raises `Refused`."""
    template, filled = wanted.template, wanted.filled
    own = {**filled.environment.values, **wanted.options.environment}
    backend = backend_for(devices=len(wanted.grant.device_ids))
    refuse_targets(backend, (*template.files, *template.directories))
    parts = backend.parts_of(
        wanted.grant,
        directory=wanted.library_directory,
        image_environment=wanted.image_environment,
        user_environment=own,
        cache=wanted.uid,
    )
    volumes = (VolumeMount(volume_name(wanted.uid), DATA_TARGET),) if wanted.data_disk_gb else ()
    return ContainerSpec(
        name=container_name(wanted.uid, wanted.name),
        image=wanted.reference,
        command=filled.args if template.container else wanted.options.command,
        entrypoint=filled.entrypoint,
        working_dir=template.working_dir,
        environment={**own, **parts.environment},
        labels=labels_of(wanted),
        mounts=tuple(BindMount(mount.source, mount.target, read_only=True) for mount in parts.mounts),
        volumes=volumes,
        tmpfs=parts.tmpfs,
        device_requests=tuple(
            DeviceRequest(asked.driver, asked.device_ids, asked.count, asked.capabilities)
            for asked in parts.device_requests
        ),
        cpu_cores=_smaller(wanted.cpu_cores, template.cpu_cores),
        memory_bytes=int(_smaller(wanted.memory_gb * GIB, template.memory_bytes)),
        system_disk_bytes=wanted.system_disk_gb * GIB if wanted.limits_system_disk else 0,
        ports=(
            *(PublishedPort(port) for port in wanted.options.ports),
            *(PublishedPort(port.number, host_port=port.host_port) for port in template.ports if port.host_port),
        ),
        restart_policy=wanted.options.restart_policy,
        # A shell as main program ends when its input does, and base images have one. A terminal it can do without, and
        # the log could not tell errors from output any more.
        open_stdin=True,
    )


def _smaller(granted: float, limit: float) -> float:
    """Of two limits, where 0 is none."""
    return min(granted, limit) if granted and limit else granted or limit


def notes_of(wanted: Wanted) -> list[str]:
    """Codes of what the engine cannot do as the spec asks; people see their sentences."""
    notes = []
    if wanted.system_disk_gb and not wanted.limits_system_disk:
        notes.append(UNLIMITED)
    if wanted.data_disk_gb:
        notes.append("data_disk_not_limited")
    return notes


def container_name(uid: str, name: str) -> str:
    """Unique on every engine, and readable: engines want a letter or digit first."""
    return f"i{uid[:8]}-{name}"


def volume_name(uid: str) -> str:
    return f"imagelib-{uid}"


def labels_of(wanted: Wanted) -> dict[str, str]:
    """Enough to rebuild the accounting from the engine alone."""
    labels = {LABEL: wanted.uid, NAME: wanted.name, OWNER: wanted.owner}
    room = {CPU_CORES: wanted.cpu_cores, MEMORY_GB: wanted.memory_gb, DATA_DISK_GB: wanted.data_disk_gb}
    labels |= {name: str(size) for name, size in room.items() if size}
    share = wanted.grant.share
    if share is not None:
        labels |= {
            DEVICES: ",".join(wanted.grant.device_ids),
            MEMORY_MIB: str(share.memory_mib),
            COMPUTE: str(share.compute_percent),
            EXCLUSIVE: "yes" if share.exclusive else "no",
        }
    return labels


def as_json(spec: ContainerSpec) -> dict[str, Any]:
    """For the preview, the instance's page and its row. Users' own variables are among the others."""
    return {
        "image_reference": spec.image,
        **({} if spec.entrypoint is None else {"entrypoint": list(spec.entrypoint)}),
        "command": None if spec.command is None else list(spec.command),
        **({"working_dir": spec.working_dir} if spec.working_dir else {}),
        "environment": dict(spec.environment),
        "mounts": [{"source": m.source, "target": m.target, "read_only": m.read_only} for m in spec.mounts],
        "volumes": [{"name": v.name, "target": v.target} for v in spec.volumes],
        "tmpfs": dict(spec.tmpfs),
        "device_requests": [
            {
                "driver": asked.driver,
                "count": asked.count,
                "device_ids": list(asked.device_ids),
                "capabilities": [list(group) for group in asked.capabilities],
            }
            for asked in spec.device_requests
        ],
        "labels": dict(spec.labels),
        "limits": {
            "cpu_cores": spec.cpu_cores,
            "memory_bytes": spec.memory_bytes,
            "system_disk_bytes": spec.system_disk_bytes,
        },
        "ports": [port.container_port for port in spec.ports],
        "restart_policy": spec.restart_policy,
    }


def option_faults(options: Options) -> dict[str, Sequence[str]]:
    """Field → code of the broken rule."""
    faults: dict[str, Sequence[str]] = {}
    if options.restart_policy not in _RESTART_POLICIES:
        faults["restart_policy"] = ("restart_policy",)
    if any(not 0 < port < 65536 for port in options.ports) or len(set(options.ports)) != len(options.ports):
        faults["ports"] = ("ports",)
    variables = options.environment.items()
    if len(variables) > MOST_VARIABLES or not all(_is_variable(name, text) for name, text in variables):
        faults["environment"] = ("environment",)
    if options.command is not None and any("\0" in part for part in options.command):
        faults["command"] = ("command",)
    return faults


def _is_variable(name: str, text: str) -> bool:
    return 0 < len(name) <= LONGEST_NAME and "=" not in name and "\0" not in name + text
