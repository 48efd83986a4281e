"""Slicing libraries and images on a real engine: what cannot work is refused before it is made. Cards are stand-ins."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.gpu_standin.kit import GpuNode, GpuStandIn, StandInCard
from tests.integration.instance_bed import SLICE, InstanceBed, container_of, environment_of, nothing_is_left
from tests.integration.pull_bed import PullBed
from tests.services.engine import RealEngine
from tests.services.engine_bed import EngineBed
from tests.services.images import ImageSpec, LayerSpec
from tests.services.process import wait_until
from tests.services.registries import Registries
from tests.support.elf_files import AARCH64, PROGRAM, elf_file

pytestmark = pytest.mark.real
PRODUCT_ENV = {"IMAGELIB_STOP_INEFFECTIVE_SLICES": "on"}
CARD = StandInCard("GPU-5f1e2c6a-0000-4000-8000-00000000000c")
SMALL = {**SLICE, "gpu_memory_gb": 1}


@pytest.fixture(scope="module")
def beds(embedded: PullBed) -> InstanceBed:
    return InstanceBed(embedded)


@pytest.fixture(scope="module")
def cards(gpu_standin: GpuStandIn) -> GpuNode:
    return gpu_standin.node("preflight", CARD)


@pytest.fixture(scope="module")
def gpu_engine(engine_bed: EngineBed, cards: GpuNode) -> Iterator[RealEngine]:
    with closing(engine_bed.start_engine(programs=cards.programs)) as engine:
        yield engine


@pytest.fixture(scope="module")
def node(beds: InstanceBed, gpu_engine: RealEngine, glibc_image: str, gpu_standin: GpuStandIn) -> int:
    """The engine's node: it has the image and its card is known."""
    gpu_engine.pull(glibc_image)
    pk = beds.node(gpu_engine, hami_core=str(gpu_standin.slicing_library))
    assert beds.gpus(pk, discover=True)["problem"] is None
    return pk


@pytest.fixture
def library(beds: InstanceBed, node: int, gpu_standin: GpuStandIn, tmp_path: Path) -> Iterator[Path]:
    """The node's library for one test: a copy of the one that works, which may be spoilt."""
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    copy = tmp_path / "build" / "libvgpu.so"
    copy.parent.mkdir(mode=0o755)
    shutil.copy(gpu_standin.slicing_library / "libvgpu.so", copy)
    beds.library_at(node, str(copy.parent))
    yield copy
    copy.parent.chmod(0o755)
    beds.remove(*(one["id"] for one in beds.get("/api/instances/?page_size=100")["results"]))
    beds.library_at(node, str(gpu_standin.slicing_library))


@pytest.fixture(scope="module")
def images(registries: Registries) -> dict[str, str]:
    """References of images that differ in their C library."""
    files: dict[str, tuple[tuple[str, bytes | str], ...]] = {
        "musl": (("lib/ld-musl-x86_64.so.1", b"loader"),),
        "old": (("lib64/ld-linux-x86-64.so.2", "ld-2.1.so"), ("lib64/ld-2.1.so", b"loader")),
        "static": (),
    }
    for name, content in files.items():
        registries.open.push_image(ImageSpec(f"libc/{name}", "1", (LayerSpec(f"libc {name}", files=content),)))
    return {name: registries.open.reference(f"libc/{name}:1") for name in files}


def refused(beds: InstanceBed, engine: RealEngine, pk: int, code: str) -> dict[str, Any]:
    """For this reason, and nothing of it is left: no container, no volume, no share of the card."""
    shown = beds.wait(pk, "failed")
    assert shown["problem"]["code"] == code, shown["problem"]
    assert not shown["container_id"] and nothing_is_left(engine)
    assert engine.get("/containers/json?all=1") == [], "what looked is gone too"
    assert set(beds.held(shown["node"]["id"]).values()) == {(0, 0)}
    return shown


def as_directory(library: Path) -> None:
    library.unlink()
    library.mkdir()


def as_pipe(library: Path) -> None:
    library.unlink()
    os.mkfifo(library)


def as_lost_link(library: Path) -> None:
    """It leads to a place that is on the node and not in the container."""
    library.symlink_to(library.rename(library.parent.parent / "elsewhere.so"))


SPOILT: list[tuple[str, Callable[[Path], Any]]] = [
    ("library_missing", lambda library: library.unlink()),
    ("library_missing", as_lost_link),
    ("library_is_directory", as_directory),
    ("library_no_file", as_pipe),
    ("library_empty", lambda library: library.write_bytes(b"")),
    ("library_damaged", lambda library: library.write_bytes(b"#!/bin/sh\nexit 0\n")),
    ("library_damaged", lambda library: library.write_bytes(library.read_bytes()[:900])),
    ("library_damaged", lambda library: library.write_bytes(elf_file(kind=PROGRAM))),
    ("library_architecture", lambda library: library.write_bytes(elf_file(machine=AARCH64))),
    ("library_not_readable", lambda library: library.chmod(0o600)),
    ("library_directory_closed", lambda library: library.parent.chmod(0o700)),
]


@pytest.mark.parametrize(("code", "spoil"), SPOILT)
def test_libraries_that_cannot_work_are_refused(
    beds: InstanceBed,
    node: int,
    gpu_engine: RealEngine,
    glibc_image: str,
    library: Path,
    code: str,
    spoil: Callable[[Path], Any],
) -> None:
    spoil(library)
    pk = beds.create(glibc_image, node, {**SLICE, "data_disk_gb": 1})
    shown = refused(beds, gpu_engine, pk, code)
    assert ". " in shown["problem"]["text"], "the cause, and what to do"
    assert beds.post("/api/instances/preview/", 409, **beds.asked(glibc_image, node, SLICE))["code"] == code


@pytest.mark.parametrize(("name", "code"), [("musl", "image_musl"), ("old", "image_glibc_old")])
def test_images_that_cannot_take_it_are_refused(
    beds: InstanceBed, node: int, gpu_engine: RealEngine, images: dict[str, str], library: Path, name: str, code: str
) -> None:
    """They are pulled first: what is not there cannot be looked at."""
    refused(beds, gpu_engine, beds.create(images[name], node, SMALL), code)
    again = beds.asked(images[name], node, SMALL)
    assert beds.post("/api/instances/preview/", 409, **again)["code"] == code
    refused(beds, gpu_engine, beds.create(images[name], node, SMALL), code)


def test_an_image_without_a_c_library_is_noted(
    beds: InstanceBed, node: int, gpu_engine: RealEngine, images: dict[str, str], library: Path
) -> None:
    shown = beds.run(images["static"], node, SMALL)
    assert [note["code"] for note in shown["notes"]] == ["image_without_libc", "slice_not_verified"]
    assert container_of(gpu_engine, shown)["State"]["Running"]


def test_a_library_that_did_not_change_is_not_read_again(
    beds: InstanceBed, node: int, gpu_engine: RealEngine, glibc_image: str, library: Path
) -> None:
    assert beds.run(glibc_image, node, SMALL)["problem"] is None
    before, good = library.stat(), library.read_bytes()
    library.write_bytes(elf_file(machine=AARCH64).ljust(len(good), b"\0"))
    os.utime(library, ns=(before.st_atime_ns, before.st_mtime_ns))
    query = "SELECT problem_code FROM instances_instance WHERE id = %s"
    pk = beds.create(glibc_image, node, SMALL)
    beds.wait(pk, "running", "exited", "failed")
    assert beds.bed.rows(query % pk) != [("library_architecture",)], "size, time and mode are the same"
    os.utime(library)
    pk = beds.create(glibc_image, node, SMALL)
    assert beds.wait(pk, "failed")["problem"]["code"] == "library_architecture"
    library.write_bytes(good)
    shown = beds.run(glibc_image, node, SMALL)
    assert environment_of(container_of(gpu_engine, shown))["LD_PRELOAD"].startswith("/libvgpu/build/libvgpu.so")


def test_a_slice_that_turns_out_to_be_none_is_stopped(
    beds: InstanceBed, node: int, gpu_engine: RealEngine, glibc_image: str, library: Path, gpu_standin: GpuStandIn
) -> None:
    good = library.read_bytes()
    shutil.copy(gpu_standin.idle_library / "libvgpu.so", library)
    shown = beds.wait(beds.create(glibc_image, node, SMALL), "exited")
    assert shown["problem"]["code"] == "slice_stopped" and "24576" in shown["problem"]["text"]
    assert not container_of(gpu_engine, shown)["State"]["Running"]
    library.write_bytes(good)
    assert beds.do("start", shown["id"], "running")["problem"] is None


def test_what_a_dead_worker_left_is_removed_by_the_sweep(
    beds: InstanceBed, node: int, gpu_engine: RealEngine, glibc_image: str, library: Path
) -> None:
    from nodes.engine import ContainerSpec, EngineEndpoint, connect

    shown = beds.run(glibc_image, node, SMALL)
    labels = {"imagelib.probe": "files", "imagelib.probe-until": "1700000000"}
    with connect(EngineEndpoint(gpu_engine.unix_url)) as connection:
        left = connection.create_container(ContainerSpec("", glibc_image, ("files",), labels=labels))
        wait_until("the sweep", lambda: connection.inspect_container(left) is None, timeout=60)
    assert beds.show(shown["id"])["state"] == "running"


def test_the_doctor_tells_what_is_well_and_what_is_not(
    beds: InstanceBed, node: int, gpu_engine: RealEngine, glibc_image: str, library: Path
) -> None:
    beds.entry(glibc_image)

    def levels() -> dict[str, str]:
        found = beds.post(f"/api/nodes/{node}/doctor/", 200)["findings"]
        assert not gpu_engine.get("/containers/json?all=1")
        return {one["code"]: one["level"] for one in found}

    well = levels()
    assert {level for code, level in well.items() if not code.startswith("image_")} == {"good"}
    assert well.keys() >= {"engine_answers", "devices_found", "library_fits", "image_fits"}
    library.chmod(0o640)
    assert levels()["library_not_readable"] == "bad"
    library.parent.rename(library.parent.with_name("away"))
    try:
        assert levels()["library_directory_missing"] == "bad"
    finally:
        library.parent.with_name("away").rename(library.parent)


def test_the_doctor_of_an_engine_that_has_no_cards(
    beds: InstanceBed, engine: RealEngine, glibc_image: str, tmp_path: Path
) -> None:
    engine.pull(glibc_image)
    pk = beds.node(engine, hami_core=str(tmp_path / "missing"))
    found = {one["code"] for one in beds.post(f"/api/nodes/{pk}/doctor/", 200)["findings"]}
    assert found == {"engine_answers", "no_device_support", "library_directory_missing"}
    assert not engine.get("/containers/json?all=1")
