"""From a `ContainerSpec` to what the engine's API takes. Pure."""

from __future__ import annotations

from typing import Any

from .container_types import ContainerSpec, DeviceRequest, PublishedPort

NANO = 1_000_000_000
# The engine's default may be one that cannot be read back.
READABLE_LOGS = {"Type": "json-file", "Config": {}}


def container_body(spec: ContainerSpec, *, readable_logs: bool = False) -> dict[str, Any]:
    """The body of a creation.

    Bind mounts never go as `Binds`: for those an engine makes what is missing on the node, as an empty directory, and
    a preloaded library that is not there is only warned about (docker-engine.md fact 17).
    """
    body: dict[str, Any] = {
        "Image": spec.image,
        "Env": [f"{name}={value}" for name, value in spec.environment.items()],
        "Labels": dict(spec.labels),
        "Tty": spec.tty,
        "OpenStdin": spec.open_stdin,
        "ExposedPorts": {_port_key(port): {} for port in spec.ports},
        "HostConfig": _host_config(spec),
    }
    if spec.command is not None:
        body["Cmd"] = list(spec.command)
    if spec.entrypoint is not None:
        body["Entrypoint"] = list(spec.entrypoint) or [""]  # one empty text clears, an empty list keeps the image's
    if spec.working_dir:
        body["WorkingDir"] = spec.working_dir
    if readable_logs:
        body["HostConfig"]["LogConfig"] = READABLE_LOGS
    return body


def _host_config(spec: ContainerSpec) -> dict[str, Any]:
    config: dict[str, Any] = {
        "Mounts": _mounts(spec),
        "Tmpfs": dict(spec.tmpfs),
        "DeviceRequests": [_device_request(request) for request in spec.device_requests],
        "PortBindings": _bindings(spec.ports),
        "RestartPolicy": {"Name": spec.restart_policy},
    }
    if spec.network_mode:
        config["NetworkMode"] = spec.network_mode
    if spec.cpu_cores:
        config["NanoCpus"] = round(spec.cpu_cores * NANO)
    if spec.memory_bytes:
        # Left alone, an engine grants as much swap again on top of the memory.
        config |= {"Memory": spec.memory_bytes, "MemorySwap": spec.memory_bytes}
    if spec.system_disk_bytes:
        config["StorageOpt"] = {"size": str(spec.system_disk_bytes)}
    return config


def _mounts(spec: ContainerSpec) -> list[dict[str, Any]]:
    binds = [
        {"Type": "bind", "Source": mount.source, "Target": mount.target, "ReadOnly": mount.read_only}
        for mount in spec.mounts
    ]
    volumes = [{"Type": "volume", "Source": volume.name, "Target": volume.target} for volume in spec.volumes]
    return binds + volumes


def _device_request(request: DeviceRequest) -> dict[str, Any]:
    return {
        "Driver": request.driver,
        "Count": request.count,
        "DeviceIDs": list(request.device_ids),
        "Capabilities": [list(choice) for choice in request.capabilities],
    }


def _bindings(ports: tuple[PublishedPort, ...]) -> dict[str, list[dict[str, str]]]:
    bindings: dict[str, list[dict[str, str]]] = {}
    for port in ports:
        place = {"HostIp": port.host_ip, "HostPort": str(port.host_port or "")}
        bindings.setdefault(_port_key(port), []).append(place)
    return bindings


def _port_key(port: PublishedPort) -> str:
    return f"{port.container_port}/{port.protocol}"
