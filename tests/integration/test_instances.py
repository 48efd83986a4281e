"""Instances on real engines, through the real product; only the cards are stand-ins."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.gpu_standin.kit import GpuNode, GpuStandIn, StandInCard
from tests.integration.conftest import OWN_PRELOAD
from tests.integration.instance_bed import (
    LABEL,
    PLAIN,
    SLICE,
    WHOLE,
    InstanceBed,
    container_of,
    containers,
    environment_of,
    nothing_is_left,
    volumes,
)
from tests.integration.pull_bed import PullBed
from tests.services.engine import RealEngine
from tests.services.engine_bed import EngineBed
from tests.services.process import wait_until
from tests.services.registries import Registries

pytestmark = pytest.mark.real

A = StandInCard("GPU-5f1e2c6a-0000-4000-8000-00000000000a")
B = StandInCard("GPU-5f1e2c6a-0000-4000-8000-00000000000b")
GIB = 1024**3


@pytest.fixture(scope="module")
def beds(embedded: PullBed) -> InstanceBed:
    return InstanceBed(embedded)


@pytest.fixture(scope="module")
def cards(gpu_standin: GpuStandIn) -> GpuNode:
    return gpu_standin.node("two-cards", A, B)


@pytest.fixture(scope="module")
def gpu_engine(engine_bed: EngineBed, cards: GpuNode) -> Iterator[RealEngine]:
    """An engine with two cards of 24 GB."""
    with closing(engine_bed.start_engine(programs=cards.programs)) as engine:
        yield engine


@pytest.fixture(scope="module")
def known(beds: InstanceBed, gpu_engine: RealEngine, glibc_image: str, gpu_standin: GpuStandIn) -> int:
    """The engine's node: it has the image and its cards are known."""
    gpu_engine.pull(glibc_image)
    pk = beds.node(gpu_engine, hami_core=str(gpu_standin.slicing_library))
    assert beds.gpus(pk, discover=True)["problem"] is None
    return pk


@pytest.fixture
def node(beds: InstanceBed, known: int) -> int:
    return beds.look(known)


@pytest.fixture(autouse=True)
def _emptied(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever a test left is removed, through the product."""
    yield
    bed: InstanceBed = request.getfixturevalue("beds")
    bed.remove(*(one["id"] for one in bed.get("/api/instances/?page_size=100")["results"]))


def seen_inside(engine: RealEngine, container: dict[str, Any]) -> str:
    """What the driver's own tool says in the container."""
    from nodes.engine import EngineEndpoint, connect

    query = ("nvidia-smi", "--query-gpu=uuid,memory.total", "--format=csv,noheader,nounits")
    with connect(EngineEndpoint(engine.unix_url)) as connection:
        return connection.exec_run(container["Id"], query, within=10).stdout


# --- discovery --------------------------------------------------------------------------------------------------------


def test_discovery_finds_the_cards_and_then_what_became_of_them(
    beds: InstanceBed, node: int, gpu_engine: RealEngine, cards: GpuNode
) -> None:  # P18
    before = beds.gpus(node)
    found = [(gpu["device_id"], gpu["index"], gpu["model"], gpu["memory_mib"]) for gpu in before["gpus"]]
    assert found == [(A.uuid, 0, "NVIDIA A10", 24576), (B.uuid, 1, "NVIDIA A10", 24576)]
    assert [beds.get(f"/api/nodes/{node}/")[name] for name in ("gpu_count", "gpu_memory_gb")] == [2, 24]
    try:
        cards.has()  # the tool finds none: no answer is no number
        unknown = beds.gpus(node, discover=True)
        assert unknown["problem"]["code"] == "gpus_unknown"
        assert [gpu["is_missing"] for gpu in unknown["gpus"]] == [False, False]
        assert beds.get(f"/api/nodes/{node}/")["gpu_count"] == 2
        cards.has(B)
        fewer = {gpu["device_id"]: gpu["is_missing"] for gpu in beds.gpus(node, discover=True)["gpus"]}
        assert fewer == {A.uuid: True, B.uuid: False}
    finally:
        cards.has(A, B)
    assert beds.gpus(node, discover=True)["problem"] is None
    assert not gpu_engine.get("/containers/json?all=1"), "the question leaves nothing behind"


def test_an_engine_without_the_vendors_hook_has_no_cards(
    beds: InstanceBed, engine: RealEngine, glibc_image: str
) -> None:
    engine.pull(glibc_image)
    pk = beds.node(engine)
    found = beds.gpus(pk, discover=True)
    assert (found["problem"]["code"], found["gpus"]) == ("no_device_support", [])
    assert not engine.get("/containers/json?all=1")


# --- what the engine gets ---------------------------------------------------------------------------------------------


def test_a_slice_is_exactly_what_was_specified(
    beds: InstanceBed, node: int, gpu_engine: RealEngine, glibc_image: str, gpu_standin: GpuStandIn
) -> None:  # P1, P2, P4
    asked = beds.asked(glibc_image, node, {**SLICE, "cpu_cores": 1, "memory_gb": 1, "data_disk_gb": 5})
    shown = beds.wait(beds.post("/api/instances/", 202, **asked)["id"], "running")
    container = container_of(gpu_engine, shown)
    host, environment = container["HostConfig"], environment_of(container)
    uid = container["Config"]["Labels"][LABEL]
    assert {name: environment[name] for name in environment if "CUDA" in name or "PRELOAD" in name} == {
        "LD_PRELOAD": f"/libvgpu/build/libvgpu.so:{OWN_PRELOAD}",
        "CUDA_DEVICE_MEMORY_LIMIT": "8g",
        "CUDA_DEVICE_SM_LIMIT": "33",
        "CUDA_DEVICE_MEMORY_SHARED_CACHE": f"/tmp/vgpu-{uid}.cache",
        "LIBCUDA_LOG_LEVEL": "1",
    }
    [request] = host["DeviceRequests"]
    assert (request["Driver"], request["Count"], request["DeviceIDs"]) == ("nvidia", 0, [A.uuid])
    assert set(request["Capabilities"][0]) == {"gpu", "compute", "utility"}
    [bind, volume] = sorted(host["Mounts"], key=lambda mount: mount["Type"])
    library = {"Type": "bind", "Source": str(gpu_standin.slicing_library), "Target": "/libvgpu/build", "ReadOnly": True}
    assert bind.items() >= library.items()
    assert (volume["Type"], volume["Target"], volume["Source"]) == ("volume", "/data", f"imagelib-{uid}")
    assert not host["Binds"] and host["Tmpfs"] == {"/tmp/vgpulock": "mode=1777"}
    assert (host["NanoCpus"], host["Memory"], host["MemorySwap"]) == (10**9, GIB, GIB)
    assert not host["Privileged"]
    assert seen_inside(gpu_engine, container) == f"{A.uuid}, 8192\n"
    assert (shown["problem"], shown["gpus"], shown["is_sliced"]) == (None, [A.uuid], True)
    assert beds.held(node) == {A.uuid: (8192, 33), B.uuid: (0, 0)}
    preview = beds.post("/api/instances/preview/", 200, **{**asked, "name": "preview"})  # P20
    assert preview["mounts"] == shown["plan"]["mounts"] and preview["tmpfs"] == shown["plan"]["tmpfs"]
    assert preview["environment"].keys() == shown["plan"]["environment"].keys()


def test_slices_share_a_card_and_a_full_node_takes_no_more(
    beds: InstanceBed, node: int, gpu_engine: RealEngine, glibc_image: str
) -> None:  # P12, P13, P15
    first, second = (beds.run(glibc_image, node, SLICE) for _ in range(2))
    assert first["gpus"] == second["gpus"] == [A.uuid]
    for shown in (first, second):
        assert seen_inside(gpu_engine, container_of(gpu_engine, shown)) == f"{A.uuid}, 8192\n"
    beds.run(glibc_image, node, WHOLE)
    third = beds.run(glibc_image, node, SLICE)
    assert third["gpus"] == [A.uuid]
    assert beds.held(node) == {A.uuid: (3 * 8192, 99), B.uuid: (24576, 100)}
    before = len(containers(gpu_engine))
    refused = beds.post("/api/instances/", 409, **beds.asked(glibc_image, node, SLICE))
    assert refused["code"] == "no_room" and "8192" in refused["detail"]
    assert len(containers(gpu_engine)) == before
    beds.remove(third["id"])
    assert beds.run(glibc_image, node, SLICE)["gpus"] == [A.uuid]


def test_whole_cards_are_pinned_and_nothing_is_preloaded(
    beds: InstanceBed, node: int, gpu_engine: RealEngine, glibc_image: str
) -> None:  # P8, P14
    shown = beds.run(glibc_image, node, {**WHOLE, "gpu_count": 2})
    container = container_of(gpu_engine, shown)
    assert container["HostConfig"]["DeviceRequests"][0]["DeviceIDs"] == [A.uuid, B.uuid]
    assert not container["HostConfig"].get("Mounts")
    environment = environment_of(container)
    assert not [name for name in environment if "CUDA" in name] and environment["LD_PRELOAD"] == OWN_PRELOAD
    assert seen_inside(gpu_engine, container) == f"{A.uuid}, 24576\n{B.uuid}, 24576\n"
    beds.remove(shown["id"])
    pair = beds.run(glibc_image, node, {**SLICE, "gpu_count": 2, "gpu_memory_gb": 12})
    container = container_of(gpu_engine, pair)
    assert container["HostConfig"]["DeviceRequests"][0]["DeviceIDs"] == [A.uuid, B.uuid]
    environment = environment_of(container)
    assert (environment["CUDA_DEVICE_MEMORY_LIMIT"], environment["CUDA_DEVICE_SM_LIMIT"]) == ("12g", "50")
    assert seen_inside(gpu_engine, container) == f"{A.uuid}, 12288\n{B.uuid}, 12288\n"


def test_without_cards_a_container_sees_none(
    beds: InstanceBed, node: int, gpu_engine: RealEngine, glibc_image: str
) -> None:  # P9
    container = container_of(gpu_engine, beds.run(glibc_image, node, PLAIN))
    assert not container["HostConfig"]["DeviceRequests"] and not container["HostConfig"].get("Mounts")
    assert environment_of(container)["NVIDIA_VISIBLE_DEVICES"] == "void"
    assert "nvidia-smi" in seen_inside(gpu_engine, container), "not found, says the engine"


# --- what goes wrong --------------------------------------------------------------------------------------------------


def failed(beds: InstanceBed, pk: int, engine: RealEngine, code: str) -> dict[str, Any]:
    """It failed for this reason, and neither the engine nor the reservations have anything left of it."""
    shown = beds.wait(pk, "failed")
    assert shown["problem"]["code"] == code, shown["problem"]
    assert nothing_is_left(engine)
    assert set(beds.held(shown["node"]["id"]).values()) <= {(0, 0)}
    return shown


def test_a_missing_library_directory_makes_nothing_on_the_node(
    beds: InstanceBed, node: int, gpu_engine: RealEngine, glibc_image: str, gpu_standin: GpuStandIn, tmp_path: Path
) -> None:  # P17
    missing = tmp_path / "not" / "there"
    beds.library_at(node, str(missing))
    try:
        pk = beds.create(glibc_image, node, {**SLICE, "data_disk_gb": 1})
        shown = failed(beds, pk, gpu_engine, "library_directory_missing")
        assert str(missing) in shown["problem"]["text"] and str(missing) in shown["problem"]["evidence"]
        assert not missing.exists() and not missing.parent.exists()
    finally:
        beds.library_at(node, str(gpu_standin.slicing_library))


def test_a_slice_whose_library_does_nothing_says_that_it_is_none(
    beds: InstanceBed, node: int, gpu_engine: RealEngine, glibc_image: str, gpu_standin: GpuStandIn
) -> None:
    """Programs load it, and see the whole card."""
    library = gpu_standin.slicing_library / "libvgpu.so"
    aside = library.rename(library.with_suffix(".aside"))
    try:
        shutil.copy(gpu_standin.idle_library / "libvgpu.so", library)
        shown = beds.run(glibc_image, node, SLICE)
    finally:
        aside.rename(library)
    assert shown["problem"]["code"] == "slice_not_effective"
    assert "24576" in shown["problem"]["text"] and "8192" in shown["problem"]["text"]
    assert beds.do("restart", shown["id"], "running")["problem"] is None, "now it is the right one"


def test_a_card_that_left_the_node_is_named(
    beds: InstanceBed, node: int, gpu_engine: RealEngine, glibc_image: str, cards: GpuNode
) -> None:
    try:
        cards.has(B)
        shown = failed(beds, beds.create(glibc_image, node, {**SLICE, "data_disk_gb": 1}), gpu_engine, "unknown_device")
        assert A.uuid in shown["problem"]["evidence"]
    finally:
        cards.has(A, B)


def test_a_node_that_lost_its_hook(
    beds: InstanceBed, node: int, gpu_engine: RealEngine, glibc_image: str, cards: GpuNode
) -> None:  # P16
    hook = next(cards.programs.iterdir())
    aside = hook.rename(cards.directory / "hook.aside")
    try:
        gpu_engine.restart()
        pk = beds.create(glibc_image, beds.look(node), {**SLICE, "data_disk_gb": 1})
        failed(beds, pk, gpu_engine, "no_device_support")
    finally:
        aside.rename(hook)
        gpu_engine.restart()


# --- the life of an instance ------------------------------------------------------------------------------------------


def test_from_an_image_that_is_not_there_to_removal(
    beds: InstanceBed, node: int, gpu_engine: RealEngine, registries: Registries
) -> None:
    reference = registries.open.reference("team/mid:1")
    pk = beds.create(reference, node, {"data_disk_gb": 5})
    seen: list[dict[str, Any]] = []

    def pulling() -> bool:
        seen.append(beds.show(pk))
        return seen[-1]["state"] == "pulling"

    wait_until("the pull", pulling, step=0.02)
    assert seen[-1]["operation"]["kind"] == "create" and not containers(gpu_engine)
    shown = beds.wait(pk, "running")
    [pull] = [one for one in beds.get("/api/pulls/")["results"] if one["reference"] == reference]
    assert (pull["state"], pull["digest"]) == ("succeeded", shown["digest"])
    stopped = beds.do("stop", pk, "exited")
    assert stopped["exit_code"] == 7 and not container_of(gpu_engine, shown)["State"]["Running"]
    assert beds.do("start", pk, "running")["exit_code"] is None
    started = container_of(gpu_engine, shown)["State"]["StartedAt"]
    beds.do("restart", pk, "running")
    assert container_of(gpu_engine, shown)["State"]["StartedAt"] > started
    assert len(volumes(gpu_engine)) == 1
    beds.remove(pk)
    assert nothing_is_left(gpu_engine)


def test_what_happens_behind_our_back_is_seen(
    beds: InstanceBed, node: int, gpu_engine: RealEngine, glibc_image: str
) -> None:
    """One container is killed, another removed."""
    killed, removed = (beds.run(glibc_image, node, PLAIN) for _ in range(2))
    gpu_engine.request("POST", f"/containers/{killed['container_id']}/kill")
    gpu_engine.request("DELETE", f"/containers/{removed['container_id']}?force=1")
    assert beds.wait(killed["id"], "exited")["exit_code"] == 137
    assert beds.wait(removed["id"], "gone")["problem"]["code"] == "container_gone"


def test_an_engine_that_stops_during_a_creation(
    beds: InstanceBed, node: int, gpu_engine: RealEngine, glibc_image: str
) -> None:
    """It comes back within the attempts: the container is made after all, and once."""
    gpu_engine.kill9()  # at once: an orderly end takes seconds, in which the sweep may find the node away
    try:
        pk = beds.create(glibc_image, node, {**SLICE, "data_disk_gb": 1})
        wait_until("the first attempt", lambda: (beds.show(pk)["operation"] or {}).get("attempt"), step=0.1)
        assert beds.show(pk)["state"] == "creating" and beds.held(node)[A.uuid] == (8192, 33)
    finally:
        gpu_engine.start()
    shown = beds.wait(pk, "running")
    assert [one["Id"] for one in containers(gpu_engine)] == [shown["container_id"]]


def test_kill_9_of_the_whole_product_during_a_creation(
    beds: InstanceBed, node: int, gpu_engine: RealEngine, glibc_image: str
) -> None:
    """The next one finishes it at its start."""
    gpu_engine.pause()
    try:
        pk = beds.create(glibc_image, node, {**SLICE, "data_disk_gb": 1})
        query = f"SELECT state, attempt FROM instances_operation WHERE instance_id = {pk}"
        wait_until("the first attempt", lambda: beds.bed.rows(query) == [("running", 1)], step=0.05)
        beds.product.kill9()
    finally:
        gpu_engine.resume()
        beds.product.start()
    shown = beds.wait(pk, "running")
    [container] = containers(gpu_engine)
    assert container["Id"] == shown["container_id"] and len(volumes(gpu_engine)) == 1
