"""The probes of a container: what they look at and how often, in the words of Kubernetes, with its defaults."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from appimages.expansion import Expander
from instances.accelerator import Refused
from instances.recipes.environment import expanded
from instances.recipes.ports import Port

KINDS = ("startup", "readiness", "liveness")
EXEC, HTTP, TCP, GRPC = "exec", "http", "tcp", "grpc"
_SCHEMES = ("HTTP", "HTTPS")
_HEADER = re.compile(r"[-A-Za-z0-9!#$%&'*+.^_`|~]+")
_OF_PATHS = "/%?=&:@!$'()*+,;[]~"  # what stands in a path as it is, besides letters and digits
_SHOWN = 60  # characters of what is wrong
_LONGEST = 86_400  # seconds
LONGEST_GRACE = 600  # seconds, for which a worker does nothing else
# The document's name → ours, default, smallest. 0 stands for unset: the API of Kuscia writes it for what was left out.
_NUMBERS = {
    "initialDelaySeconds": ("delay", 0, 0),
    "periodSeconds": ("period", 10, 1),
    "timeoutSeconds": ("timeout", 1, 1),
    "successThreshold": ("successes", 1, 1),
    "failureThreshold": ("failures", 3, 1),
}


def probed_ports(container: Mapping[str, Any]) -> set[str | int]:
    """Names, and numbers, of the ports that probes look at over the network."""
    probes = ((kind, container.get(f"{kind}Probe") or {}) for kind in KINDS)
    wanted = (_handler(kind, probe) for kind, probe in probes if probe)
    return {_port(handler.get("port")) for via, handler in wanted if via in (HTTP, TCP, GRPC)}


def probes_of(
    container: Mapping[str, Any], ports: Sequence[Port], environment: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    """Kind → `{via, delay, period, timeout, successes, failures, …}`: with `grace`, which the program has to end by
    itself when the probe has failed, unless that is as usual; with `command`, which may refer to variables, or
    with `host_port` and, for HTTP, `path`, `scheme` and `headers`, for gRPC `service`. Raises `Refused`."""
    probes = {kind: container.get(f"{kind}Probe") for kind in KINDS}
    return {kind: _probe(kind, probe, ports, environment) for kind, probe in probes.items() if probe and any(probe)}


def _probe(
    kind: str, probe: Mapping[str, Any], ports: Sequence[Port], environment: Mapping[str, str]
) -> dict[str, Any]:
    via, handler = _handler(kind, probe)
    found: dict[str, Any] = {"via": via, **_numbers(probe)}
    if kind != "readiness":
        found["successes"] = 1  # Kubernetes allows nothing else there
        found |= _grace(probe)
    if via == EXEC:
        expander = Expander()
        command = [expanded(str(part), environment, expander) for part in handler.get("command") or ()]
        if not command or any("\0" in part for part in command):
            raise Refused("bad_probe_command", kind=kind)
        return {**found, "command": command}
    found["host_port"] = _host_port(kind, _port(handler.get("port")), ports)
    if via == GRPC:
        found["service"] = str(handler.get("service") or "")
    if via == HTTP:
        found |= _request(kind, handler)
    return found


def _handler(kind: str, probe: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    for name, via in (("exec", EXEC), ("httpGet", HTTP), ("tcpSocket", TCP), ("grpc", GRPC)):
        if probe.get(name):
            return via, probe[name]
    raise Refused("bad_probe", kind=kind)


def _numbers(probe: Mapping[str, Any]) -> dict[str, int]:
    found = {}
    for theirs, (ours, default, smallest) in _NUMBERS.items():
        value = int(probe.get(theirs) or default)
        found[ours] = min(max(value, smallest), _LONGEST)
    return found


def _grace(probe: Mapping[str, Any]) -> dict[str, int]:
    """0 stands for unset here too, and Kubernetes allows no less than one second."""
    seconds = int(probe.get("terminationGracePeriodSeconds") or 0)
    return {"grace": min(max(seconds, 1), LONGEST_GRACE)} if seconds else {}


def _port(wanted: Any) -> str | int:
    text = str(wanted or "")
    return int(text) if text.isdecimal() and len(text) < 6 else text


def _host_port(kind: str, wanted: str | int, ports: Sequence[Port]) -> int:
    for port in ports:
        if wanted and wanted in (port.name, port.number) and port.host_port:
            return port.host_port
    raise Refused("no_such_probe_port", kind=kind, port=wanted)


def _request(kind: str, handler: Mapping[str, Any]) -> dict[str, Any]:
    """A `host` of its own becomes the Host header: the probe looks at its container and nowhere else."""
    headers = [[str(one.get("name") or ""), str(one.get("value") or "")] for one in handler.get("httpHeaders") or ()]
    if handler.get("host"):
        headers.insert(0, ["Host", str(handler["host"])])
    for name, value in headers:
        if not _HEADER.fullmatch(name) or not _is_plain(value):
            raise Refused("bad_probe_header", kind=kind, name=name[:_SHOWN])
    path = "/" + str(handler.get("path") or "").lstrip("/")
    if not _is_plain(path):
        raise Refused("bad_probe_path", kind=kind, path=path[:_SHOWN])
    scheme = str(handler.get("scheme") or "HTTP")
    if scheme.upper() not in _SCHEMES:
        raise Refused("bad_probe_scheme", kind=kind, scheme=scheme[:_SHOWN])
    return {"path": quote(path, safe=_OF_PATHS), "scheme": scheme.upper(), "headers": headers}


def _is_plain(text: str) -> bool:
    return all(letter.isprintable() for letter in text)
