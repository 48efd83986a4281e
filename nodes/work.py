"""Probing engines: what a worker does to learn how the nodes are."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import timezone

from core.errors import SecretUnreadable
from nodes.engine import EngineError, EngineInfo, connect
from nodes.engine.types import DiskSpace
from nodes.models import ComputeNode, NodeStatus

# A probe waits this long (seconds) for each answer; 200 nodes of which 20 are black holes take one round of it.
SWEEP_TIMEOUT = 5.0
SWEEP_THREADS = 64
_GB = 1024**3


@dataclass(frozen=True, slots=True)
class Finding:
    """What one probe found; `at` is when it began, so that a slow old probe never overwrites a newer one."""

    at: datetime
    info: EngineInfo | None = None
    disk: DiskSpace | None = None
    code: str = ""
    evidence: str = ""

    def columns(self) -> dict[str, Any]:
        """The node's columns as this probe sees them."""
        if self.info is None:
            return {
                "status": NodeStatus.FAILED,
                "status_code": self.code,
                "status_evidence": self.evidence,
                "checked_at": self.at,
            }
        found = {
            "status": NodeStatus.CONNECTED,
            "status_code": "",
            "status_evidence": "",
            "checked_at": self.at,
            "last_seen_at": self.at,
            "engine_version": self.info.engine_version,
            "storage_driver": self.info.storage_driver,
            "platform": self.info.platform,
        }
        if self.disk is not None:
            found |= {"disk_total_bytes": self.disk.total, "disk_free_bytes": self.disk.free}
        return found


def probe(node: ComputeNode, *, timeout: float | None = None, with_disk: bool = False) -> Finding:
    """Connect and ask. Never raises for an engine that cannot be used: that is the finding."""
    at = timezone.now()
    try:
        with connect(
            node.endpoint(), timeout=timeout or settings.ENGINE_TIMEOUT * 0.4, known_hosts=settings.SSH_KNOWN_HOSTS
        ) as engine:
            return Finding(at, info=engine.info(), disk=engine.disk_free() if with_disk else None)
    except EngineError as error:
        return Finding(at, code=error.code, evidence=error.evidence)
    except SecretUnreadable as error:
        return Finding(at, code=error.code, evidence=str(error))


def discover(finding: Finding) -> dict[str, Any]:
    """Hardware columns from a probe's answer; what the engine cannot tell is left alone."""
    assert finding.info is not None
    found: dict[str, Any] = {"cpu": finding.info.cpus, "memory": round(finding.info.memory_bytes / _GB)}
    if finding.disk is not None:
        found["system_disk"] = round(finding.disk.total / _GB)
    return found


def sweep(nodes: list[ComputeNode], *, timeout: float = SWEEP_TIMEOUT) -> Iterator[tuple[ComputeNode, Finding]]:
    """Probe all nodes at the same time, findings as they come: a dead node delays nobody. Threads touch no database."""
    if not nodes:
        return
    with ThreadPoolExecutor(max_workers=min(SWEEP_THREADS, len(nodes)), thread_name_prefix="probe") as pool:
        probes = {pool.submit(probe, node, timeout=timeout): node for node in nodes}
        for done in as_completed(probes):
            yield probes[done], done.result()
