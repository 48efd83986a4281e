"""What containers use, of a real engine: live, and the figures that are kept for lists."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.gpu_standin.kit import GpuStandIn, StandInCard
from tests.integration.instance_bed import SLICE, InstanceBed, Snapshot, container_of, environment_of
from tests.integration.pull_bed import PullBed
from tests.services.engine import RealEngine
from tests.services.engine_bed import EngineBed
from tests.services.process import wait_until
from tests.support.region_file import region_file

pytestmark = pytest.mark.real
CARD = StandInCard("GPU-5f1e2c6a-0000-4000-8000-00000000000d")
MIB, GIB = 1024**2, 1024**3
BUSY = ["sh", "-c", "trap 'exit 7' TERM; while :; do :; done"]


@pytest.fixture(scope="module")
def beds(embedded: PullBed) -> InstanceBed:
    return InstanceBed(embedded)


@pytest.fixture(scope="module")
def gpu_engine(engine_bed: EngineBed, gpu_standin: GpuStandIn) -> Iterator[RealEngine]:
    with closing(engine_bed.start_engine(programs=gpu_standin.node("one-card-d", CARD).programs)) as engine:
        yield engine


@pytest.fixture
def shown(beds: InstanceBed, gpu_engine: RealEngine, glibc_image: str, gpu_standin: GpuStandIn) -> Iterator[Snapshot]:
    """A slice of 8 GB whose program keeps a core busy, which is all that it may use."""
    gpu_engine.pull(glibc_image)
    node = beds.node(gpu_engine, hami_core=str(gpu_standin.slicing_library))
    assert beds.gpus(node, discover=True)["problem"] is None
    made = beds.run(glibc_image, node, {**SLICE, "cpu_cores": 1, "memory_gb": 1}, command=BUSY)
    yield made
    beds.remove(made["id"])


def write(engine: RealEngine, shown: Snapshot, content: bytes) -> None:
    """As a CUDA program in the container would: to the place that its environment names."""
    path = environment_of(container_of(engine, shown))["CUDA_DEVICE_MEMORY_SHARED_CACHE"]
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        entry = tarfile.TarInfo(path.removeprefix("/"))
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    where = f"/containers/{shown['container_id']}/archive?path=/"
    status, body = engine.request("PUT", where, archive.getvalue(), {"Content-Type": "application/x-tar"})
    assert status == 200, body


def test_memory_of_a_slice_processor_and_memory(beds: InstanceBed, gpu_engine: RealEngine, shown: Snapshot) -> None:
    at = f"/api/instances/{shown['id']}/stats/"
    first = beds.get(at)
    assert (first["gpu_memory_bytes"], first["gpu_memory_limit_bytes"]) == (0, 8 * GIB), "no CUDA program yet"
    assert (first["memory_limit_bytes"], first["pids"] > 0, first["memory_bytes"] > 0) == (GIB, True, True)
    card = (CARD.uuid, 8 * GIB)
    write(gpu_engine, shown, region_file(card, processes=[(7, {0: 6300 * MIB}), (8, {0: 1892 * MIB})]))
    wait_until("the slice's use", lambda: beds.get(at)["gpu_memory_bytes"] == 8192 * MIB, timeout=120, step=1)

    def kept() -> Snapshot:
        found = beds.get(f"/instance/findInstance?ID={shown['id']}")
        assert found["code"] == 0, found
        return dict(found["data"])

    wait_until("the figures for lists", lambda: kept()["gpuMemoryUsageRate"] == 100.0, timeout=120, step=1)
    figures = kept()
    assert 0 < figures["cpuUsagePercent"] <= 150 and 0 <= figures["memoryUsagePercent"] < 50
    beds.do("stop", shown["id"], "exited")
    assert beds.product.api("GET", at).status_code == 204
    names = ("cpuUsagePercent", "memoryUsagePercent", "gpuMemoryUsageRate")
    assert [kept()[name] for name in names] == [None, None, None]
