"""Which cards a node has: what the short-lived container says, and what becomes of it in the rows."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from instances.accelerators.nvidia_hami import DISCOVERY, devices_in, seen_inside
from instances.discovery import IMAGES_TRIED, Inventory, look_for_devices, store_inventory
from instances.examining import LIFE
from instances.inventory import gpus_of
from instances.models import Gpu, GpuInventory
from nodes.engine import ContainerSpec, EngineError
from nodes.models import ComputeNode
from tests.api import make
from tests.support.fake_engine import FakeEngine
from tests.support.fake_programs import ERR, Program
from tests.support.fake_registry import FakeImage

CARD_A = "0, GPU-5f1e-a, NVIDIA A100-SXM4-40GB, 40960, 4, 550.107.02, Disabled"
CARD_B = "1, GPU-5f1e-b, NVIDIA A100-SXM4-40GB, 40960, 4, 550.107.02, Disabled"
BOTH = f"{CARD_A}\n{CARD_B}\n"


# --- what the command says --------------------------------------------------------------------------------------------


def test_two_lines_are_two_cards() -> None:  # P18
    first, second = devices_in(BOTH)
    assert (first.id, first.index, first.model, first.memory_mib) == ("GPU-5f1e-a", 0, "NVIDIA A100-SXM4-40GB", 40960)
    assert (second.id, second.index, second.driver_version) == ("GPU-5f1e-b", 1, "550.107.02")
    assert not first.partitioned and not second.partitioned


@pytest.mark.parametrize(
    ("line", "memory", "model", "partitioned"),
    [
        ("0, GPU-1, Tesla T4, 15360, 0, 550, [N/A]", 15360, "Tesla T4", False),
        ("0, GPU-1, Tesla T4, [N/A], [N/A], 550, [Not Supported]", 0, "Tesla T4", False),
        ("0, GPU-1, NVIDIA A100, 40960, 0, 550, Enabled", 40960, "NVIDIA A100", True),
        ("0, GPU-1, Odd, with a comma, 1024, 0, 550, Disabled", 1024, "Odd, with a comma", False),
        ("  0,GPU-1,Tight,1024,0,550,Disabled\r", 1024, "Tight", False),
    ],
)
def test_odd_values(line: str, memory: int, model: str, partitioned: bool) -> None:
    [device] = devices_in(line)
    assert (device.memory_mib, device.model, device.partitioned) == (memory, model, partitioned)


@pytest.mark.parametrize(
    "output",
    [
        "", "\n\n", "No devices were found\n", "Failed to initialize NVML: Unknown Error\n",
        "index, uuid, name, memory.total [MiB], memory.used [MiB], driver_version, mig.mode.current\n",
        "0, GPU-1, short, 1, 2, 3\n",
        "x, GPU-1, Tesla T4, 15360, 0, 550, [N/A]\n", "0, 0000-1, Tesla T4, 15360, 0, 550, [N/A]\n",
    ],
)  # fmt: skip
def test_what_is_no_card_is_left_out(output: str) -> None:
    assert devices_in(output) == []
    assert devices_in(f"{output}{CARD_A}\n")[0].id == "GPU-5f1e-a"


def test_what_is_seen_inside() -> None:
    assert seen_inside("8192\n 10240 \n\n[N/A]\nwarning\n") == [8192, 10240]


# --- asking -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def cards(engine: FakeEngine) -> FakeEngine:
    """An engine with two cards and no image."""
    engine.containers.device_drivers.add("nvidia")
    engine.containers.programs[DISCOVERY] = Program.saying(BOTH)
    return engine


def add(engine: FakeEngine, name: str, size: int) -> FakeImage:
    image = FakeImage.sized(f"127.0.0.1:1/{name}", "1", [size])
    engine.add_image(image)
    return image


def look(engine: FakeEngine, image: str = "") -> Inventory:
    with engine.connect() as connection:
        return look_for_devices(connection, image=image, now=timezone.now())


def test_a_container_asks_for_all_cards_and_goes(cards: FakeEngine) -> None:
    add(cards, "small", 1)
    assert [device.index for device in look(cards).devices] == [0, 1]
    [spec] = cards.containers.created
    [request] = spec.device_requests
    assert (request.driver, request.count, request.device_ids) == ("nvidia", -1, ())
    assert set(request.capabilities[0]) == {"gpu", "utility"}
    assert (spec.network_mode, spec.entrypoint) == ("none", ())
    assert "LD_PRELOAD" not in spec.environment
    assert not cards.containers.all and not cards.pulls


def test_without_an_image_nothing_is_pulled_and_nothing_is_known(cards: FakeEngine) -> None:
    assert look(cards) == Inventory(problem="no_probe_image")
    assert not cards.containers.created


def test_images_that_cannot_run_it_are_passed_over_smallest_first(cards: FakeEngine) -> None:
    sizes = {add(cards, name, size).reference: size for name, size in (("large", 9000), ("musl", 5), ("glibc", 70))}
    musl = Program(((ERR, "exec /usr/bin/nvidia-smi: no such file or directory\n"),), exit_code=1)

    def by_image(spec: ContainerSpec) -> Program:
        return musl if "musl" in spec.image else Program.saying(BOTH)

    cards.containers.programs[DISCOVERY] = by_image
    assert len(look(cards).devices) == 2
    assert [sizes[spec.image] for spec in cards.containers.created] == [5, 70]


def test_not_every_image_of_a_node_is_tried(cards: FakeEngine) -> None:
    for number in range(IMAGES_TRIED + 4):
        add(cards, f"musl{number}", number + 1)
    cards.containers.programs[DISCOVERY] = Program(((ERR, "not here"),), exit_code=1)
    found = look(cards)
    assert (found.problem, found.evidence) == ("gpus_unknown", "not here")
    assert len(cards.containers.created) == IMAGES_TRIED


def test_the_image_that_operators_chose_is_the_only_one(cards: FakeEngine) -> None:
    add(cards, "small", 1)
    chosen = add(cards, "probe", 50)
    look(cards, chosen.reference)
    assert [spec.image for spec in cards.containers.created] == [chosen.reference]


def test_silence_is_asked_again_and_then_unknown(cards: FakeEngine) -> None:
    add(cards, "small", 1)
    cards.containers.programs[DISCOVERY] = Program()
    assert look(cards).problem == "gpus_unknown"
    assert len(cards.containers.created) == 2


def test_an_engine_without_the_vendors_tools_has_no_cards(cards: FakeEngine) -> None:
    add(cards, "small", 1)
    add(cards, "other", 2)
    cards.containers.device_drivers.clear()
    found = look(cards)
    assert found.problem == "no_device_support" and "could not select device driver" in found.evidence
    assert len(cards.containers.created) == 1, "no other image would do better"
    assert not cards.containers.all


def test_what_a_dead_worker_left_is_removed_by_the_next_look(cards: FakeEngine) -> None:
    add(cards, "small", 1)
    look(cards)
    [spec] = cards.containers.created
    with cards.connect() as connection:
        connection.create_container(spec)
        look_for_devices(connection, now=timezone.now())
        assert len(cards.containers.all) == 1, "somebody may be looking"
        look_for_devices(connection, now=timezone.now() + 2 * LIFE)
    assert not cards.containers.all


def test_a_node_that_goes_away_meanwhile_is_not_an_inventory(cards: FakeEngine) -> None:
    add(cards, "small", 1)
    cards.containers.refuse("start", EngineError("engine_gone", "reset"))
    with pytest.raises(EngineError):
        look(cards)


# --- storing ----------------------------------------------------------------------------------------------------------


def store(node: Any, *lines: str, problem: str = "") -> None:
    store_inventory(node, Inventory(tuple(devices_in("\n".join(lines))), problem), held={}, now=timezone.now())
    node.refresh_from_db()


def cards_of(node: Any) -> list[tuple[str, int, bool]]:
    return [(gpu.device_id, gpu.index, gpu.is_missing) for gpu in Gpu.objects.filter(node=node).order_by("device_id")]


@pytest.mark.django_db
def test_cards_are_stored_and_the_node_shows_them() -> None:  # P18
    node, other = make.node(), make.node()
    store(node, CARD_A, CARD_B)
    assert cards_of(node) == [("GPU-5f1e-a", 0, False), ("GPU-5f1e-b", 1, False)]
    assert (node.gpu_count, node.gpu_memory_gb, node.gpu_name) == (2, 40, "NVIDIA A100-SXM4-40GB")
    assert GpuInventory.objects.get(node=node).problem == ""
    other.refresh_from_db()
    assert not cards_of(other) and other.gpu_count == 0


@pytest.mark.django_db
def test_a_card_is_the_same_card_in_another_place() -> None:
    node = make.node()
    store(node, CARD_A, CARD_B)
    row = Gpu.objects.get(device_id="GPU-5f1e-b")
    Gpu.objects.filter(pk=row.pk).update(is_cordoned=True)
    store(node, CARD_B.replace("1, ", "0, ", 1))
    assert cards_of(node) == [("GPU-5f1e-a", 0, True), ("GPU-5f1e-b", 0, False)]
    row.refresh_from_db()
    assert row.is_cordoned, "an operator's word stays"
    assert node.gpu_count == 1
    store(node, CARD_A, CARD_B)
    assert cards_of(node) == [("GPU-5f1e-a", 0, False), ("GPU-5f1e-b", 1, False)]


@pytest.mark.django_db
@pytest.mark.parametrize("problem", ["gpus_unknown", "no_probe_image"])
def test_what_is_unknown_is_never_none(problem: str) -> None:
    node = make.node()
    store(node, CARD_A, CARD_B)
    store(node, problem=problem)
    assert cards_of(node) == [("GPU-5f1e-a", 0, False), ("GPU-5f1e-b", 1, False)]
    assert node.gpu_count == 2
    assert GpuInventory.objects.get(node=node).problem == problem


@pytest.mark.django_db
def test_a_node_that_lost_its_support_has_no_cards_to_give() -> None:
    node = make.node()
    store(node, CARD_A)
    store(node, problem="no_device_support")
    assert cards_of(node) == [("GPU-5f1e-a", 0, True)] and node.gpu_count == 0


@pytest.mark.django_db
def test_a_node_that_was_never_asked_is_unknown(django_user_model: Any) -> None:
    node = make.node()
    shown = gpus_of(user=django_user_model.objects.create_user("u"), node=node.pk)
    assert (shown["checked_at"], shown["problem"]["code"], shown["gpus"]) == (None, "gpus_unknown", [])


@pytest.mark.django_db
def test_what_the_machine_before_told_is_not_stored() -> None:
    node = make.node()
    ComputeNode.objects.filter(pk=node.pk).update(connection_version=node.connection_version + 1)
    assert not store_inventory(node, Inventory(tuple(devices_in(BOTH))), held={}, now=timezone.now())
    assert not cards_of(node) and not GpuInventory.objects.exists()
