"""Containers with our label that have no row: found, and counted for as long as they are there.

A database that was restored from a backup knows nothing of what was made since, and who forgets an instance may leave
its container. Either holds cards that would be given away a second time.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import structlog
from django.db import transaction

from instances.claims import Claim, claim_of
from instances.models import Gpu, GpuAllocation, Instance, Orphan
from instances.spec import LABEL
from nodes.engine import ContainerInfo, Engine, EngineRejected
from nodes.models import ComputeNode

logger = structlog.get_logger(__name__)


def note_orphans(node: ComputeNode, engine: Engine, seen: Iterable[ContainerInfo], *, now: datetime) -> None:
    """`seen`: all containers of the node with our label, listed before this call. Raises `EngineError` when the engine
    goes away."""
    strange = _without_row(seen)
    known = set(Orphan.objects.filter(node=node).values_list("container_id", flat=True))
    if not strange and not known:
        return
    there = [one for one in strange if one.id in known or _is_there(engine, one)]
    with transaction.atomic():
        # Nobody reserves meanwhile; and of a node that was moved to another machine nothing is written.
        same = ComputeNode.objects.filter(pk=node.pk, connection_version=node.connection_version)
        if not list(same.select_for_update().values_list("pk")):
            return
        Orphan.objects.filter(node=node).exclude(container_id__in=[one.id for one in there]).delete()
        for container in there:
            _keep(node, container, now=now)


def _without_row(seen: Iterable[ContainerInfo]) -> list[ContainerInfo]:
    """A row of whatever node: two entries may lead to one engine."""
    labelled = [(one, one.labels.get(LABEL, "")) for one in seen]
    ours = known_uids(uid for _container, uid in labelled)
    return [container for container, uid in labelled if uid not in ours]


def known_uids(texts: Iterable[str]) -> set[str]:
    """Those of them that are the uids of instances."""
    uids = {text: uid for text in texts if (uid := _uid(text))}
    rows = set(Instance.objects.filter(uid__in=uids.values()).values_list("uid", flat=True))
    return {text for text, uid in uids.items() if uid in rows}


def _uid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _is_there(engine: Engine, container: ContainerInfo) -> bool:
    """A removal deletes the row last: what was listed before it may have gone since."""
    try:
        return engine.inspect_container(container.id) is not None
    except EngineRejected as error:
        logger.info("orphan not looked at", container=container.id, reason=str(error))
        return False


def _keep(node: ComputeNode, container: ContainerInfo, *, now: datetime) -> None:
    claim = claim_of(container.labels)
    values = {
        "container_name": container.name[:255], "uid": claim.uid, "name": claim.name, "owner": claim.owner,
        "state": container.state[:32], "cpu_cores": claim.cpu_cores, "memory_gb": claim.memory_gb,
        "data_disk_gb": claim.data_disk_gb, "seen_at": now,
    }  # fmt: skip
    orphan, is_new = Orphan.objects.update_or_create(
        node=node, container_id=container.id, defaults=values, create_defaults={**values, "found_at": now}
    )
    if is_new:
        logger.warning("container without a row", node=node.name, container=container.name)
    _allocate(orphan, claim)


def _allocate(orphan: Orphan, claim: Claim) -> None:
    """Of cards that are not known yet nothing can be held; they may be discovered later."""
    wanted = {}
    for gpu in Gpu.objects.filter(node=orphan.node, device_id__in=claim.devices):
        share = claim.share
        whole = (max(gpu.memory_mib, 1), 100, True)
        wanted[gpu.pk] = (share.memory_mib, share.compute_percent, share.exclusive) if share else whole
    columns = ("gpu_id", "memory_mib", "compute_percent", "is_exclusive")
    held = {row[0]: row[1:] for row in orphan.allocations.values_list(*columns)}
    if held == wanted:
        return
    orphan.allocations.all().delete()
    GpuAllocation.objects.bulk_create(
        GpuAllocation(orphan=orphan, **dict(zip(columns, (gpu, *values), strict=True)))
        for gpu, values in wanted.items()
    )


def remove_with_volumes(engine: Engine, orphan: Orphan) -> None:
    """On the node for ever, and what it held is free. Raises `EngineError`."""
    engine.remove_container(orphan.container_id, force=True, volumes=True)
    for volume in engine.list_volumes(labels={LABEL: orphan.uid}) if orphan.uid else ():  # an empty label means any
        engine.remove_volume(volume)
    orphan.delete()
