"""Instances with web, schedule and workers as processes of their own, which end at a bad moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.gpu_standin.kit import GpuStandIn, StandInCard
from tests.integration.instance_bed import (
    LABEL,
    SLICE,
    InstanceBed,
    containers,
    environment_of,
    nothing_is_left,
    volumes,
)
from tests.integration.pull_bed import PullBed
from tests.services.engine import RealEngine
from tests.services.engine_bed import EngineBed
from tests.services.process import wait_until
from tests.services.product import Worker
from tests.services.registries import Registries

pytestmark = pytest.mark.real
PRODUCT_ENV = {"IMAGELIB_JOB_STALE_AFTER": "12"}
CARD = StandInCard("GPU-5f1e2c6a-0000-4000-8000-00000000000c")


@pytest.fixture(scope="module")
def beds(separate: PullBed) -> InstanceBed:
    return InstanceBed(separate)


@pytest.fixture(scope="module")
def gpu_engine(engine_bed: EngineBed, gpu_standin: GpuStandIn) -> Iterator[RealEngine]:
    """An engine with one card of 24 GB."""
    with closing(engine_bed.start_engine(programs=gpu_standin.node("one-card", CARD).programs)) as engine:
        yield engine


@pytest.fixture(scope="module")
def known(beds: InstanceBed, gpu_engine: RealEngine, glibc_image: str, gpu_standin: GpuStandIn) -> int:
    gpu_engine.pull(glibc_image)
    pk = beds.node(gpu_engine, hami_core=str(gpu_standin.slicing_library))
    assert beds.gpus(pk, discover=True)["problem"] is None
    return pk


@pytest.fixture
def node(beds: InstanceBed, known: int) -> int:
    return beds.look(known)


def control(bed: InstanceBed) -> Worker:
    """The one process that takes operations."""
    return next(worker for worker in bed.product.workers if "control" in worker.name and worker.running)


def states(engine: RealEngine) -> list[str]:
    """Of the containers of instances, as the engine lists them."""
    return [one["State"] for one in engine.get("/containers/json?all=1") if LABEL in one["Labels"]]


@pytest.mark.parametrize("moment", ["before the container", "after the container", "after the start"])
def test_kill_9_of_the_worker_during_a_creation(
    beds: InstanceBed, node: int, gpu_engine: RealEngine, glibc_image: str, moment: str
) -> None:
    """Another worker finishes it, and there is one container."""
    gpu_engine.pause()  # the worker waits for an answer
    worker = control(beds)
    try:
        pk = beds.create(glibc_image, node, {**SLICE, "data_disk_gb": 1})
        query = f"SELECT state, attempt FROM instances_operation WHERE instance_id = {pk}"
        wait_until("the first attempt", lambda: beds.bed.rows(query) == [("running", 1)], step=0.05)
        if moment != "before the container":
            gpu_engine.resume()
            state = "created" if moment == "after the container" else "running"
            wait_until(
                "the container", lambda: state in states(gpu_engine) or "running" in states(gpu_engine), step=0.002
            )
    finally:
        worker.kill9()
        gpu_engine.resume()
    beds.product.start_worker("control", concurrency=4)
    shown = beds.wait(pk, "running", timeout=60)
    [container] = containers(gpu_engine)
    assert container["Id"] == shown["container_id"] and len(volumes(gpu_engine)) == 1
    assert environment_of(container)["CUDA_DEVICE_MEMORY_LIMIT"] == "8g"
    assert beds.held(node) == {CARD.uuid: (8192, 33)}
    beds.remove(pk)
    assert nothing_is_left(gpu_engine) and beds.held(node) == {CARD.uuid: (0, 0)}


def test_kill_9_of_the_worker_while_the_image_is_on_its_way(
    beds: InstanceBed, node: int, gpu_engine: RealEngine, registries: Registries
) -> None:
    """The pull goes on with its own worker, and whoever comes next makes the container."""
    pk = beds.create(registries.open.reference("team/mid:1"), node, {"data_disk_gb": 1})
    wait_until("the pull", lambda: beds.show(pk)["state"] != "creating", step=0.02)
    control(beds).kill9()
    beds.product.start_worker("control", concurrency=4)
    beds.wait(pk, "running", timeout=60)
    assert len(containers(gpu_engine)) == 1
    assert beds.bed.rows("SELECT count(*) FROM pulls_pulljob") == [(1,)]
    beds.remove(pk)
    assert nothing_is_left(gpu_engine)
