"""The engine gateway: the only door of this project to Docker.

    with connect(EngineEndpoint("tcp://10.0.0.7:2376", use_tls=True, …)) as engine:
        engine.info()

Nothing of the Docker SDK passes this door: plain values (`types`) in and out, one exception tree (`errors`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from .addresses import EngineAddressError, ParsedAddress, parse_address
from .build_stream import BuildStream, PushStream
from .build_types import BUILDKIT, CLASSIC, BuildEvent, BuildEventKind, BuildSpec, PushEvent
from .container_types import (
    PROBE_LABEL,
    BindMount,
    ContainerEvent,
    ContainerInfo,
    ContainerSpec,
    ContainerStats,
    DeviceRequest,
    FileStat,
    Finished,
    LogText,
    PublishedPort,
    VolumeMount,
)
from .errors import CODES, EngineError, EngineRejected
from .following import EventStream, LogStream
from .image_streams import LoadStream, SavedImage
from .port import Engine
from .pull_stream import PullSource, PullStream
from .terminal import Terminal, TerminalLine
from .types import DiskSpace, Distribution, EngineEndpoint, EngineInfo, ImageInfo, LoadEvent, PullEvent, RegistryAuth

__all__ = [
    "BUILDKIT",
    "CLASSIC",
    "CODES",
    "PROBE_LABEL",
    "BindMount",
    "BuildEvent",
    "BuildEventKind",
    "BuildSpec",
    "BuildStream",
    "ContainerEvent",
    "ContainerInfo",
    "ContainerSpec",
    "ContainerStats",
    "DeviceRequest",
    "DiskSpace",
    "Distribution",
    "Engine",
    "EngineAddressError",
    "EngineEndpoint",
    "EngineError",
    "EngineInfo",
    "EngineRejected",
    "EventStream",
    "FileStat",
    "Finished",
    "ImageInfo",
    "LoadEvent",
    "LoadStream",
    "LogStream",
    "LogText",
    "ParsedAddress",
    "PublishedPort",
    "PullEvent",
    "PullSource",
    "PullStream",
    "PushEvent",
    "PushStream",
    "RegistryAuth",
    "SavedImage",
    "Terminal",
    "TerminalLine",
    "VolumeMount",
    "connect",
    "parse_address",
]


@contextmanager
def connect(
    endpoint: EngineEndpoint, *, timeout: float = 10.0, known_hosts: str | None = None, within: float | None = None
) -> Iterator[Engine]:
    """Open a connection to an engine, agree on an API version, close everything at the end.

    `timeout`: seconds to connect, looking up the name included, and for each answer to its last byte (pulls have no
    limit). `within`: seconds for everything together, connecting included. `known_hosts`: file with the host keys for
    ssh:// addresses, instead of the service account's own. Raises `EngineError`.
    """
    # The SDK costs half a second and 39 MB to import: web processes that never talk to an engine should not pay.
    from .docker_engine import DockerEngine  # noqa: PLC0415

    engine = DockerEngine(endpoint, timeout=timeout, known_hosts=known_hosts, within=within)
    try:
        yield engine
    finally:
        engine.close()
