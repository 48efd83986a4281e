"""The interface of accelerators: who is responsible, what a container without devices gets, and who knows a vendor."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from instances.accelerator import Demand, Grant, Refused, Share
from instances.accelerators.registry import CARDS, backend_for
from instances.cards import Card
from instances.placement import Candidate, Room, fit
from instances.recipes.template import Template
from instances.spec import Options, Wanted, container_spec

APP = Path(__file__).parents[2] / "instances"
OTHERS = ("core", "nodes", "pulls", "appimages", "builds", "imagelib")
VARIABLE = re.compile(r"NVIDIA_|CUDA_|GPU_CORE_|libvgpu|vgpulock")
VENDOR = re.compile(r"(?i:nvidia|cuda|libvgpu|\bhami(?!_core\b))|\bMIG\b|\bGPU-")
CARD = Card("GPU-a", 0, "A10", 24576)


def test_two_backends_and_the_devices_decide() -> None:
    assert {backend_for(devices=count).NAME for count in (1, 2, 16)} == {CARDS.NAME} == {"nvidia_hami"}
    assert backend_for(devices=0).NAME == "none"


def spec_of(grant: Grant, **options: str):
    return container_spec(Wanted("u1", "a", "ulrich", "nginx:1", grant, options=Options(environment=options)))


def test_a_spec_without_devices_is_placed_and_made_without_any() -> None:
    """Images that ask for all cards themselves get none of them."""
    demand = Demand(count=0)
    for node in (Candidate(1, "n1"), Candidate(2, "n2", (CARD,))):
        grant = fit(demand, Room(), node).grant
        made = spec_of(grant)
        assert dict(made.environment) == {"NVIDIA_VISIBLE_DEVICES": "void"}
        assert not made.device_requests and not made.mounts and not made.tmpfs
        assert set(made.labels) == {"imagelib.instance", "imagelib.name", "imagelib.owner"}


def test_without_devices_only_what_would_show_some_is_reserved() -> None:
    none = Grant((), None)
    with pytest.raises(Refused) as refusal:
        spec_of(none, NVIDIA_VISIBLE_DEVICES="all")
    assert (refusal.value.code, refusal.value.params) == ("reserved_variable", {"name": "NVIDIA_VISIBLE_DEVICES"})
    assert spec_of(none, CUDA_VISIBLE_DEVICES="").environment["CUDA_VISIBLE_DEVICES"] == ""
    with pytest.raises(Refused):
        spec_of(Grant(("GPU-a",), Share(24576, 100, True)), CUDA_VISIBLE_DEVICES="")


@pytest.mark.parametrize(
    ("path", "reserved"),
    [
        ("/libvgpu", "/libvgpu"),
        ("/libvgpu/build/libvgpu.so", "/libvgpu"),
        ("/tmp/vgpulock", "/tmp/vgpulock"),
        ("/tmp/vgpulock/lock", "/tmp/vgpulock"),
        ("/etc/ld.so.preload", "/etc/ld.so.preload"),
    ],
)
def test_templates_put_nothing_where_the_slicing_library_is(path: str, reserved: str) -> None:
    whole = Grant(("GPU-a",), Share(24576, 100, True))
    part = Grant(("GPU-a",), Share(8192, 33, False), sliced=True)
    for grant in (whole, part):
        for template in (Template("c", files={"/srv/ok": "", path: "x"}), Template("c", directories=(path,))):
            with pytest.raises(Refused) as refusal:
                container_spec(Wanted("u1", "a", "ulrich", "nginx:1", grant, template=template))
            assert (refusal.value.code, refusal.value.params) == ("reserved_path", {"path": path, "reserved": reserved})
    container_spec(Wanted("u1", "a", "ulrich", "nginx:1", Grant((), None), template=Template("c", files={path: "x"})))


def test_what_only_looks_like_a_reserved_path_is_the_templates() -> None:
    grant = Grant(("GPU-a",), Share(8192, 33, False), sliced=True)
    template = Template("c", files={"/libvgpu2": "", "/srv/libvgpu": "", "/etc/ld.so.preloads": ""})
    assert container_spec(Wanted("u1", "a", "ulrich", "nginx:1", grant, template=template))


def test_no_vendor_is_named_outside_its_backend() -> None:
    """Texts for people may name one, and so may migrations; the directory's column is named as the front end has it."""
    told = [
        f"{path.relative_to(APP)}:{number}: {line.strip()}"
        for path in sorted(APP.rglob("*.py"))
        if not {"accelerators", "migrations"}.intersection(path.parts) and not path.name.endswith("_texts.py")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if VENDOR.search(line)
    ]
    assert told == []


def test_what_decides_about_cards_is_set_nowhere_else_but_for_the_container_that_reads_disks() -> None:
    """That one is the gateway's own, which no app above can be asked for."""
    lines = {
        f"{app}/{path.relative_to(APP.parent / app)}": line.strip()
        for app in OTHERS
        for path in sorted((APP.parent / app).rglob("*.py"))
        for line in path.read_text().splitlines()
        if VARIABLE.search(line)
    }
    assert lines == {"nodes/engine/disk.py": '_NO_CARDS = {"NVIDIA_VISIBLE_DEVICES": "void"}'}
