"""Which cards a node has: asked with a short-lived container, because Docker's API does not tell."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from instances.accelerator import MIB_PER_GB, Device
from instances.accelerators.registry import CARDS
from instances.examining import probe_labels, remove_leftovers
from instances.failures import classify_refusal
from instances.models import Gpu, GpuInventory
from nodes.engine import ContainerSpec, DeviceRequest, Engine, EngineRejected
from nodes.models import ComputeNode

WITHIN = 8.0  # seconds for each image that is tried; one that cannot run the command says so at once
IMAGES_TRIED = 8


@dataclass(frozen=True, slots=True)
class Inventory:
    """What was found. With a `problem` (`instances.refusal_texts`) the cards are unknown, or there are none."""

    devices: tuple[Device, ...] = ()
    problem: str = ""
    evidence: str = ""


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


def store_inventory(node: ComputeNode, found: Inventory, *, now: datetime) -> bool:
    """Cards that were seen are there, others are missing; what is unknown changes no card. False when the node
    meanwhile leads to another machine: then nothing is stored."""
    with transaction.atomic():
        same = ComputeNode.objects.filter(pk=node.pk, connection_version=node.connection_version)
        if not list(same.select_for_update().values_list("pk")):
            return False
        values = {"checked_at": now, "problem": found.problem, "evidence": found.evidence}
        GpuInventory.objects.update_or_create(node=node, defaults=values)
        if found.problem and found.problem != "no_device_support":
            return True
        for device in found.devices:
            columns = {
                "index": device.index, "model": device.model, "memory_mib": device.memory_mib,
                "driver_version": device.driver_version, "is_partitioned": device.partitioned, "is_missing": False,
                "seen_at": now,
            }  # fmt: skip
            Gpu.objects.update_or_create(node=node, device_id=device.id, defaults=columns)
        gone = Gpu.objects.filter(node=node).exclude(device_id__in=[device.id for device in found.devices])
        gone.update(is_missing=True)
        _tell_node(node, found)
    return True


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
