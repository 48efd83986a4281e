"""Which cards a node has: asked with a short-lived container, because Docker's API does not tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Sum

from instances.accelerator import MIB_PER_GB, Device
from instances.accelerators.registry import CARDS
from instances.examining import probe_labels, remove_leftovers
from instances.failures import classify_refusal
from instances.faults import devices_work
from instances.models import Gpu, GpuAllocation, GpuInventory
from instances.orphans import note_orphans
from instances.spec import LABEL
from nodes.engine import ContainerSpec, DeviceRequest, Engine, EngineRejected
from nodes.models import ComputeNode

WITHIN = 8.0  # seconds for each image that is tried; one that cannot run the command says so at once
IMAGES_TRIED = 8
# MiB in use that nobody wonders about: programs that end, the driver. More than our containers hold and this together
# is in use from outside.
UNEXPLAINED_AT_MOST = 1024


@dataclass(frozen=True, slots=True)
class Inventory:
    """What was found. With a `problem` (`instances.refusal_texts`) the cards are unknown, or there are none."""

    devices: tuple[Device, ...] = ()
    problem: str = ""
    evidence: str = ""


def discover(engine: Engine, node: ComputeNode, *, now: datetime) -> Inventory | None:
    """Look, and store what was seen; None when the node meanwhile leads to another machine. Raises `EngineError`."""
    note_orphans(node, engine, engine.list_containers(labels={LABEL: ""}), now=now)  # what they use is not from outside
    held = _held(node)
    found = look_for_devices(engine, image=settings.GPU_PROBE_IMAGE, now=now)
    return found if store_inventory(node, found, held=held, now=now) else None


def _held(node: ComputeNode) -> dict[str, int]:
    """MiB of each device that our containers may use."""
    held = GpuAllocation.objects.filter(gpu__node=node).order_by().values_list("gpu__device_id")
    return dict(held.annotate(Sum("memory_mib")))


def look_for_devices(engine: Engine, *, image: str = "", now: datetime) -> Inventory:
    """Ask with `image`, or with the smallest images that the node has; nothing is pulled for it.

    The command is the node's own program and needs the C library of its system in the image, so another image is tried
    when one cannot run it. No answer is "unknown", never "none" (spec-vgpu.md §5.2).
    """
    remove_leftovers(engine, now=now)
    names = [image] if image else small_images(engine)
    last = Inventory(problem="no_probe_image")
    for name in names[:IMAGES_TRIED]:
        last = _ask(engine, name, now=now)
        if last.devices or last.problem == "no_device_support":
            break
    return last


def small_images(engine: Engine) -> list[str]:
    images = sorted(engine.list_images(), key=lambda image: image.size)
    return [image.repo_tags[0] if image.repo_tags else image.id for image in images]


def _ask(engine: Engine, image: str, *, now: datetime) -> Inventory:
    request = CARDS.DISCOVERY_REQUEST
    spec = ContainerSpec(
        name="",
        image=image,
        entrypoint=(),
        command=CARDS.DISCOVERY,
        environment=CARDS.DISCOVERY_ENVIRONMENT,
        labels=probe_labels("gpus", now=now),
        device_requests=(DeviceRequest(request.driver, (), request.count, request.capabilities),),
        network_mode="none",
    )
    try:
        answer = engine.run_once(spec, within=WITHIN)
    except EngineRejected as error:
        return Inventory(problem=_problem(error.evidence), evidence=error.evidence)
    devices = tuple(CARDS.devices_in(answer.stdout))
    if devices:
        return Inventory(devices)
    return Inventory(problem="gpus_unknown", evidence=(answer.stderr or answer.stdout)[-500:])


def _problem(evidence: str) -> str:
    code = classify_refusal(evidence)
    return code if code == "no_device_support" else "gpus_unknown"


def store_inventory(node: ComputeNode, found: Inventory, *, held: Mapping[str, int], now: datetime) -> bool:
    """Cards that were seen are there, others are missing; what is unknown changes no card. False when the node
    meanwhile leads to another machine: then nothing is stored. `held`: MiB of each device before it was looked at."""
    with transaction.atomic():
        same = ComputeNode.objects.filter(pk=node.pk, connection_version=node.connection_version)
        if not list(same.select_for_update().values_list("pk")):
            return False
        values = {"checked_at": now, "problem": found.problem, "evidence": found.evidence}
        GpuInventory.objects.update_or_create(node=node, defaults=values)
        if found.problem and found.problem != "no_device_support":
            return True
        held_now = _held(node)
        if found.devices:
            devices_work(node)
        for device in found.devices:
            explained = max(held.get(device.id, 0), held_now.get(device.id, 0))  # whatever came or went meanwhile
            columns = {
                "index": device.index, "model": device.model, "memory_mib": device.memory_mib,
                "driver_version": device.driver_version, "is_partitioned": device.partitioned, "is_missing": False,
                "seen_at": now, "used_mib": device.used_mib, "outside_mib": _outside(device, explained),
            }  # fmt: skip
            Gpu.objects.update_or_create(node=node, device_id=device.id, defaults=columns)
        gone = Gpu.objects.filter(node=node).exclude(device_id__in=[device.id for device in found.devices])
        gone.update(is_missing=True)
        _tell_node(node, found)
    return True


def _outside(device: Device, explained: int) -> int:
    unexplained = (device.used_mib or 0) - explained
    return unexplained if unexplained > UNEXPLAINED_AT_MOST else 0


def _tell_node(node: ComputeNode, found: Inventory) -> None:
    """What the node's own columns say of its cards, for those who only read these."""
    if not found.devices:
        ComputeNode.objects.filter(pk=node.pk).update(gpu_count=0)
        return
    first = found.devices[0]
    ComputeNode.objects.filter(pk=node.pk).update(
        gpu_name=first.model,
        gpu_count=len(found.devices),
        gpu_memory_gb=round(min(device.memory_mib for device in found.devices) / MIB_PER_GB),
    )
