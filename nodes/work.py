"""Probing engines: what a worker does to learn how the nodes are."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

import structlog
from django.conf import settings
from django.utils import timezone

from core.errors import SecretUnreadable
from nodes.engine import Engine, EngineError, EngineInfo, connect
from nodes.engine.types import DiskSpace
from nodes.models import ComputeNode, NodeStatus

# A probe waits this long (seconds) for each answer; 200 nodes of which 20 are black holes take one round of it.
SWEEP_TIMEOUT = 5.0
SWEEP_WITHIN = 25.0  # seconds for all nodes together: the next sweep comes after 30
SWEEP_THREADS = 64
# Parts of ENGINE_TIMEOUT: for one answer, for all answers of a probe, and with the disk, which takes a container whose
# removal gets two seconds more.
_ANSWER, _PROBE, _PROBE_WITH_DISK = 0.4, 0.9, 0.75
logger = structlog.get_logger(__name__)
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
            "limits_system_disk": self.info.limits_disk,
        }
        return found | self.disk_columns()

    def disk_columns(self) -> dict[str, Any]:
        """Empty when this probe did not learn of the disk: what was known stays, with its age."""
        if self.disk is None:
            return {}
        return {
            "disk_total_bytes": self.disk.total,
            "disk_free_bytes": self.disk.free,
            "disk_checked_at": self.at,
        }


def probe(node: ComputeNode, *, timeout: float | None = None, with_disk: bool = False) -> Finding:
    """Connect and ask. Never raises for an engine that cannot be used: that is the finding.

    With the usual ENGINE_TIMEOUT of 10 s it takes 9 s at most, 9.5 s with the disk; with a `timeout`, twice that.
    """
    at = timezone.now()
    within = 2 * timeout if timeout else settings.ENGINE_TIMEOUT * (_PROBE_WITH_DISK if with_disk else _PROBE)
    try:
        with connect(
            node.endpoint(),
            timeout=timeout or settings.ENGINE_TIMEOUT * _ANSWER,
            known_hosts=settings.SSH_KNOWN_HOSTS,
            within=within,
        ) as engine:
            return Finding(at, info=engine.info(), disk=_disk(engine) if with_disk else None)
    except EngineError as error:
        return Finding(at, code=error.code, evidence=error.evidence)
    except SecretUnreadable as error:
        return Finding(at, code=error.code, evidence=str(error))


def _disk(engine: Engine) -> DiskSpace | None:
    """The engine has answered: if it does not tell this, only this is unknown."""
    try:
        return engine.disk_free()
    except EngineError as error:
        logger.info("disk space not known", code=error.code, evidence=error.evidence)
        return None


def discover(finding: Finding) -> dict[str, Any]:
    """Hardware columns from a probe's answer; what the engine cannot tell is left alone."""
    assert finding.info is not None
    found: dict[str, Any] = {
        "cpu": finding.info.cpus,
        "memory": round(finding.info.memory_bytes / _GB),
        "discovered_at": finding.at,
        **finding.disk_columns(),
    }
    if finding.disk is not None:
        found["system_disk"] = round(finding.disk.total / _GB)
    return found


def crashed(node: ComputeNode, at: datetime) -> Finding:
    """The finding for an exception at hand that nobody foresaw; it goes to the log, under the number in the finding."""
    number = uuid4().hex[:12]
    logger.exception("probe crashed", node=node.pk, number=number)
    return Finding(at, code="internal_error", evidence=number)


def sweep(
    nodes: list[ComputeNode],
    *,
    timeout: float = SWEEP_TIMEOUT,
    within: float = SWEEP_WITHIN,
    with_disk: bool = False,
) -> Iterator[tuple[ComputeNode, Finding]]:
    """Probe all nodes at the same time, findings as they come: a dead node delays nobody. Threads touch no database.

    Probes that have not ended after `within` seconds count as timeouts; their threads end soon by themselves. Nodes
    whose turn did not come have no finding: nobody knows how they are.
    """
    if not nodes:
        return
    began = timezone.now()
    pool = ThreadPoolExecutor(max_workers=min(SWEEP_THREADS, len(nodes)), thread_name_prefix="probe")
    probes = {pool.submit(probe, node, timeout=timeout, with_disk=with_disk): node for node in nodes}
    try:
        for done in as_completed(probes, timeout=within):
            node = probes.pop(done)
            yield node, _outcome(done, node, began)
    except TimeoutError:
        yield from _unfinished(probes, began, within)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _outcome(done: Future[Finding], node: ComputeNode, began: datetime) -> Finding:
    try:
        return done.result()
    except Exception:  # noqa: BLE001  one node's boundary: a bug that it provokes must not cost the others their sweep
        return crashed(node, began)


def _unfinished(
    probes: dict[Future[Finding], ComputeNode], began: datetime, within: float
) -> Iterator[tuple[ComputeNode, Finding]]:
    for running, node in probes.items():
        if running.cancel():
            logger.warning("no time left to probe a node", node=node.pk)
        elif running.done():
            yield node, _outcome(running, node, began)
        else:
            yield node, Finding(began, code="engine_timeout", evidence=f"no answer within {within:g} s")
