"""How much room an engine's images have. The Docker API does not say; a `df` on the right file system does."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import monotonic

import docker.errors

from . import answers
from .addresses import parse_address
from .client import EngineClient
from .container_types import PROBE_LABEL
from .errors import EngineError, EngineRejected
from .shapes import demand_list
from .translate import translated
from .types import DiskSpace, EngineInfo

PROBE_WITHIN = 10.0  # seconds, for all candidates together
PROBE_CANDIDATES = 4
REMOVE_WITHIN = 2.0  # seconds, even when all other time is up: nothing of ours stays on the node
_LONGEST_NUMBER = 15  # digits of KiB: an exabyte
STALE_AFTER = 60  # seconds: a probe that old was left behind by a process that died
BLOCK = 1024
# Images may ask for all cards by themselves, where the runtime that gives them is the default one. The one word of a
# vendor outside the accelerators, which the gateway does not know.
_NO_CARDS = {"NVIDIA_VISIBLE_DEVICES": "void"}


def disk_space(client: EngineClient, info: EngineInfo, address: str) -> DiskSpace | None:
    """Total and free bytes of the file system under the engine's data root, or None when nobody can say."""
    try:
        return _from_here(info, address) or _from_container(client)
    except EngineError as error:
        if error.code == "engine_timeout":
            return None
        raise


def _from_here(info: EngineInfo, address: str) -> DiskSpace | None:
    """Ask this machine's kernel, when the engine is on this machine and sees the same files.

    A unix socket is no proof: it may be mounted into the container that we run in, whose own /var/lib/docker would be
    another directory. The engine then bears another host name. And a disk that only the engine has mounted leaves an
    empty directory to us.
    """
    if parse_address(address).scheme != "unix" or info.name != os.uname().nodename or not info.data_root:
        return None
    try:
        with suppress(PermissionError):  # dockerd shuts its directories to all but root; statvfs works nevertheless
            os.stat(os.path.join(info.data_root, "containers"))
        status = os.statvfs(info.data_root)
    except OSError:
        return None
    return DiskSpace(total=status.f_blocks * status.f_frsize, free=status.f_bavail * status.f_frsize)


def _from_container(client: EngineClient) -> DiskSpace | None:
    """Run `df` in the smallest images the engine has, until one of them has a `df`.

    A container's root lies on the data root's file system. The images are not trusted: the container gets no network,
    no capabilities, nothing to write to, and little memory.
    """
    deadline = monotonic() + min(PROBE_WITHIN, client.seconds_left())
    with translated():
        images = [answers.listed(image) for image in demand_list(client.images())]
    for image in sorted(images, key=lambda image: image.size)[:PROBE_CANDIDATES]:
        try:
            space = _probe(client, image.id, deadline)
        except EngineRejected:
            continue  # no `df` in it, another platform's image, removed in between
        except (LookupError, TypeError, ValueError, AttributeError):
            return None  # the SDK reads answers without looking: these were no engine's
        if space is not None or monotonic() > deadline:
            return space
    return None


def _probe(client: EngineClient, image: str, deadline: float) -> DiskSpace | None:
    with translated(), _container(client, image) as container:
        client.start(container)
        client.wait(container, timeout=max(0.1, deadline - monotonic()))
        return parse_df(client.logs(container, stdout=True, stderr=False).decode(errors="replace"))


@contextmanager
def _container(client: EngineClient, image: str) -> Iterator[str]:
    limits = client.create_host_config(
        network_mode="none",
        read_only=True,
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        mem_limit="32m",
        pids_limit=16,
        log_config={"Type": "json-file", "Config": {}},  # the engine's default may be one that cannot be read back
    )
    container: str = client.create_container(
        image,
        entrypoint=["df"],
        command=["-Pk", "/"],
        user="65534:65534",
        environment=_NO_CARDS,
        labels={PROBE_LABEL: "1"},
        host_config=limits,
    )["Id"]
    try:
        _remove_stale(client, container)
        yield container
    finally:
        with client.granted(REMOVE_WITHIN):
            client.remove_container(container, force=True, v=True)


def _remove_stale(client: EngineClient, newest: str) -> None:
    """Remove what earlier probes left behind. Ages by the engine's clock: ours may differ."""
    probes = client.containers(all=True, filters={"label": f"{PROBE_LABEL}=1"})
    now = next((probe["Created"] for probe in probes if probe["Id"] == newest), 0)
    for probe in probes:
        if now - probe["Created"] > STALE_AFTER:
            with suppress(docker.errors.APIError):  # somebody else is at it
                client.remove_container(probe["Id"], force=True, v=True)


def parse_df(text: str) -> DiskSpace | None:
    """Read the last line of `df -Pk /`: …, blocks of 1 KiB, used, available, capacity, mount point."""
    fields = (text.strip().splitlines() or [""])[-1].split()
    if len(fields) < 6 or not (_is_number(fields[-5]) and _is_number(fields[-3])) or int(fields[-5]) == 0:
        return None
    return DiskSpace(total=int(fields[-5]) * BLOCK, free=int(fields[-3]) * BLOCK)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER
