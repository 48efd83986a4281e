"""The instance that unit tests of its work play with: its node and cards, its spec, and how to get it going."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.utils import timezone

from instances.accelerators.nvidia_hami import LOOK_INSIDE
from instances.models import Gpu, Instance, Operation, ProductSpec
from instances.services import create_instance
from instances.spec import LABEL
from instances.work import run_operation
from nodes.engine import ContainerSpec, EngineError
from nodes.models import ComputeNode, NodeStatus
from nodes.paths import USUAL_LIBRARY_DIRECTORY
from pulls.tools import Tools
from tests.api import make
from tests.support.elf_files import elf_file
from tests.support.fake_containers import FakeContainer
from tests.support.fake_engine import FakeEngine
from tests.support.fake_programs import Program
from tests.support.one_pull import IMAGE, REFERENCE

DRIVER = "nvidia"
AWAY = EngineError("engine_gone", "Connection reset by peer")
NO_TOOLKIT = 'could not select device driver "nvidia" with capabilities: [[gpu compute utility]]'
UNKNOWN_DEVICE = "OCI runtime create failed: nvidia-container-cli: device error: GPU-5: unknown device: unknown"


LIBRARY_FILE = f"{USUAL_LIBRARY_DIRECTORY}/libvgpu.so"
LIBRARY = elf_file(needed=("libc.so.6", "libcuda.so.1"), glibc_needed=("GLIBC_2.28",))
GLIBC_FILES: dict[str, bytes | str] = {
    "/lib64/ld-linux-x86-64.so.2": "/lib/x86_64-linux-gnu/ld-2.31.so",
    "/lib/x86_64-linux-gnu/ld-2.31.so": b"loader",
}
MUSL_FILES: dict[str, bytes | str] = {"/lib/ld-musl-x86_64.so.1": b"loader"}


def prepare(engine: FakeEngine, *, image: bool = True, files: Mapping[str, bytes | str] = GLIBC_FILES) -> None:
    """The engine gives cards, has the slicing library, and shows slices of 8 GB inside. The image has these files."""
    engine.containers.device_drivers.add(DRIVER)
    engine.containers.host_files[LIBRARY_FILE] = LIBRARY
    engine.containers.exec_programs[LOOK_INSIDE] = Program.saying("8192\n")
    if image:
        engine.add_image(replace(IMAGE, files=files))


def gpu_node(**values: Any) -> ComputeNode:
    """A connected node with two cards of 24 GB."""
    usual = {"status": NodeStatus.CONNECTED, "checked_at": timezone.now(), "cpu": 8, "memory": 64, "data_disk": 100}
    node = make.node(**{**usual, **values})
    for index in range(2):
        Gpu.objects.create(
            node=node, device_id=f"GPU-{node.pk}-{index}", index=index, model="A10", memory_mib=24576,
            seen_at=timezone.now(),
        )  # fmt: skip
    return node


def instance_of(user: Any, node: ComputeNode, *, name: str = "train", options: Any = None, **spec: Any) -> Instance:
    """Asked for and reserved, nothing done yet: a slice of 8 GB with a data disk."""
    entry = make.image(address=REFERENCE, supports_vgpu=True)
    usual = {"gpu_model": "A10", "gpu_count": 1, "gpu_memory_gb": 8, "supports_memory_split": True}
    sizes = {"cpu_cores": 2, "memory_gb": 4, "data_disk_gb": 10}
    plan = ProductSpec.objects.create(name=f"spec {ProductSpec.objects.count()}", **{**usual, **sizes, **spec})
    return create_instance(user=user, image=entry.pk, spec=plan.pk, node=node.pk, name=name, options=options)


def newest(instance: Instance) -> Operation:
    return instance.operations.latest("pk")


def run(instance: Instance, tools: Tools, *, times: int = 1) -> Operation:
    """A worker takes its newest operation, so many times. Both rows are fresh afterwards, unless the instance went."""
    operation = newest(instance)
    for _ in range(times):
        run_operation(operation.pk, tools=tools)
    operation.refresh_from_db()
    if Instance.objects.filter(pk=instance.pk).exists():
        instance.refresh_from_db()
    return operation


def run_only(operation: Operation, tools: Tools) -> str:
    """A worker takes this operation. Returns its state afterwards."""
    run_operation(operation.pk, tools=tools)
    operation.refresh_from_db()
    return str(operation.state)


def only(engine: FakeEngine) -> FakeContainer:
    """The one container there is."""
    [container] = engine.containers.all.values()
    return container


def made(engine: FakeEngine) -> list[ContainerSpec]:
    """Of all containers of instances there have been."""
    return [spec for spec in engine.containers.created if LABEL in spec.labels]


def is_clean(engine: FakeEngine) -> bool:
    return not engine.containers.all and not engine.containers.volumes


def holds(instance: Instance) -> tuple[int, int, int, int]:
    """Shares of cards, CPU cores, memory (GB), data disk (GB)."""
    return (instance.allocations.count(), instance.cpu_cores, instance.memory_gb, instance.data_disk_gb)


WHOLE_CARD: dict[str, Any] = {"gpu_memory_gb": 24, "supports_memory_split": False}
ALL_OF_IT = (1, 2, 4, 10)
NOTHING = (0, 0, 0, 0)
