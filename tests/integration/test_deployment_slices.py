"""An AppImage on a slice of a card: the same path as any instance. Only the cards are stand-ins."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from nodes.engine import EngineEndpoint, connect
from tests.gpu_standin.kit import GpuNode, GpuStandIn, StandInCard
from tests.integration.deployment_bed import DeploymentBed
from tests.integration.instance_bed import LABEL, SLICE, InstanceBed, container_of, environment_of
from tests.integration.pull_bed import PullBed
from tests.services.engine import RealEngine
from tests.services.engine_bed import EngineBed

pytestmark = pytest.mark.real
PRODUCT_ENV = {"IMAGELIB_HOST_PORTS": "15000-18999"}  # where no service of the tests listens

CARD = StandInCard("GPU-5f1e2c6a-0000-4000-8000-0000000000aa")
TEMPLATE = {
    "name": "train",
    "spec": {
        "containers": [
            {
                "name": "train",
                "command": ["sh", "-c"],
                "args": ["while :; do sleep 0.1; done"],
                "configVolumeMounts": [{"mountPath": "/etc/train.conf", "subPath": "train.conf"}],
                "resources": {"limits": {"cpu": "500m", "memory": "256Mi"}},
            }
        ]
    },
}


@pytest.fixture(scope="module")
def cards(gpu_standin: GpuStandIn) -> GpuNode:
    return gpu_standin.node("one-card", CARD)


@pytest.fixture(scope="module")
def gpu_engine(engine_bed: EngineBed, cards: GpuNode) -> Iterator[RealEngine]:
    with closing(engine_bed.start_engine(programs=cards.programs)) as engine:
        yield engine


def test_an_app_image_on_a_slice_of_a_card(
    embedded: PullBed, gpu_engine: RealEngine, glibc_image: str, gpu_standin: GpuStandIn
) -> None:
    beds = DeploymentBed(InstanceBed(embedded))
    gpu_engine.pull(glibc_image)
    node = beds.beds.node(gpu_engine, hami_core=str(gpu_standin.slicing_library))
    assert beds.beds.gpus(node, discover=True)["problem"] is None
    beds.app_image("train", glibc_image, TEMPLATE, configTemplates={"train.conf": "task={{.TASK_ID}}"})
    beds.beds.entry(glibc_image)  # in the library, where slices are allowed
    try:
        made = beds.run("train", node, sizes={**SLICE, "cpu_cores": 2}, variables={"TASK_ID": "t-1"})
        shown = beds.until(made["id"], "running")
        instance = beds.beds.show(shown["containers"][0]["instance"])
        assert (instance["is_sliced"], instance["gpus"], instance["problem"]) == (True, [CARD.uuid], None)
        assert beds.beds.held(node) == {CARD.uuid: (8192, 33)}
        container = container_of(gpu_engine, instance)
        environment = environment_of(container)
        assert (environment["CUDA_DEVICE_MEMORY_LIMIT"], environment["CUDA_DEVICE_SM_LIMIT"]) == ("8g", "33")
        assert container["HostConfig"]["NanoCpus"] == 500_000_000 and container["HostConfig"]["Memory"] == 256 * 2**20
        query = ("nvidia-smi", "--query-gpu=uuid,memory.total", "--format=csv,noheader,nounits")
        with connect(EngineEndpoint(gpu_engine.unix_url)) as engine:
            assert engine.exec_run(container["Id"], query, within=30).stdout == f"{CARD.uuid}, 8192\n"
            assert engine.read_file(container["Id"], "/etc/train.conf", limit=100) == b"task=t-1"
    finally:
        beds.remove_all()
    assert beds.beds.held(node) == {CARD.uuid: (0, 0)}
    assert not gpu_engine.get(f'/containers/json?all=1&filters={{"label":["{LABEL}"]}}')
