"""NVIDIA cards and HAMi-core slices: the worked table, the parser that reads our texts, and what users may not set."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instances.accelerator import Demand, DeviceRequest, Grant, Mount, Refused, Share, is_sliced
from instances.accelerators.nvidia_hami.cards import (
    MOST_PER_CARD,
    NOMINAL,
    SLACK,
    SMALLEST_SLICE,
    checked_directory,
    memory_text,
    parts_of,
    refuse_reserved,
    share_of,
)
from instances.cards import Card
from instances.placement import Candidate, Room, fit

GIB = 1024
MIB = 2**20


def as_hami_reads(text: str) -> int:
    """Bytes that the library's own parser makes of a limit (spec-vgpu.md §1.2): C's base detection, binary units."""
    scale = {"g": 2**30, "m": 2**20, "k": 2**10}.get(text[-1:].lower(), 1)
    found = re.match(r"\s*\+?(0x[0-9a-f]+|0[0-7]*|[1-9]\d*)", text, re.IGNORECASE)
    if found is None:
        return 0
    digits = found[1]
    base = 16 if digits.lower().startswith("0x") else 8 if digits.startswith("0") else 10
    return int(digits, base) * scale


def slice_of(gb: float, *, percent: int | None = None, count: int = 1) -> Demand:
    return Demand(count=count, memory_mib=int(gb * GIB), sliced=True, compute_percent=percent)


WORKED = [  # number, GB per card, card MiB, limit, SM, exclusive
    (1, 8, 24576, "8g", 33, False),
    (2, 12, 24576, "12g", 50, False),
    (3, 24, 24576, "24g", 100, True),
    (4, 8, 24564, "8g", 33, False),
    (5, 24, 24564, "24564m", 100, True),
    (6, 23, 24564, "23g", 95, False),
    (7, 1, 24564, "1g", 4, False),
    (8, 10, 40960, "10g", 25, False),
    (9, 20, 81920, "20g", 25, False),
    (10, 80, 81559, "81559m", 100, True),
    (11, 40, 81559, "40g", 50, False),
    (12, 8, 23028, "8g", 35, False),
    (13, 24, 23028, "23028m", 100, True),
    (14, 16, 15360, "15g", 100, True),
    (15, 1, 143771, "1g", 1, False),
    (17, 12, 24576, "12g", 50, False),
    (19, 0.5, 24576, "512m", 2, False),
    (21, 1.5, 24576, "1536m", 6, False),
]


@pytest.mark.parametrize(("number", "gb", "card", "limit", "percent", "exclusive"), WORKED)
def test_the_worked_table(number: int, gb: float, card: int, limit: str, percent: int, exclusive: bool) -> None:
    share = share_of(slice_of(gb), card)
    assert (memory_text(share.memory_mib), share.compute_percent, share.exclusive) == (limit, percent, exclusive)


def test_a_spec_may_name_its_computing_power() -> None:
    assert share_of(slice_of(8, percent=60), 24576).compute_percent == 60  # row 18
    assert share_of(slice_of(8, percent=100), 24576) == Share(8 * GIB, 100, False)
    assert share_of(slice_of(24, percent=60), 24576).compute_percent == 100  # a whole card is a whole card


@pytest.mark.parametrize(
    ("demand", "card", "code"),
    [
        (slice_of(48), 24564, "larger_than_card"),  # row 16
        (slice_of(0.25), 24576, "slice_too_small"),  # row 20
        (slice_of(8), 0, "card_memory_unknown"),  # row 22
        (slice_of(0), 24576, "slice_too_small"),  # row 23
        (slice_of(-1), 24576, "slice_too_small"),  # row 24
        (slice_of(1e9), 24576, "larger_than_card"),
        (Demand(count=1, memory_mib=48 * GIB), 24564, "larger_than_card"),
    ],
)
def test_what_no_card_can_give(demand: Demand, card: int, code: str) -> None:
    with pytest.raises(Refused) as refusal:
        share_of(demand, card)
    assert refusal.value.code == code


def test_without_slices_it_is_the_whole_card_whatever_the_spec_says() -> None:
    assert share_of(Demand(count=1, memory_mib=8 * GIB), 24576) == Share(24576, 100, True)
    assert share_of(Demand(count=1), 24576) == Share(24576, 100, True)


sizes = st.integers(SMALLEST_SLICE, 200_000)
cards = st.integers(4096, 200_000)


@given(wanted=sizes, card=cards)
def test_every_slice_is_a_part_of_its_card_that_the_library_reads_as_we_mean_it(wanted: int, card: int) -> None:
    demand = Demand(count=1, memory_mib=wanted, sliced=True)
    if wanted > card * NOMINAL:
        with pytest.raises(Refused):
            share_of(demand, card)
        return
    share = share_of(demand, card)
    assert 0 < share.memory_mib <= card
    assert 1 <= share.compute_percent <= 100
    assert share.exclusive is (wanted >= card)
    text = memory_text(share.memory_mib)
    assert re.fullmatch(r"[1-9]\d*[gm]", text)
    assert as_hami_reads(text) == share.memory_mib * MIB


@given(parts=st.lists(st.integers(SMALLEST_SLICE, 40_000), min_size=1, max_size=MOST_PER_CARD), card=cards)
def test_slices_whose_memory_fits_also_fit_in_computing_power(parts: list[int], card: int) -> None:
    if sum(parts) > card or len(parts) < 2:
        return
    shares = [share_of(Demand(count=1, memory_mib=part, sliced=True), card) for part in parts]
    assert sum(share.compute_percent for share in shares) <= 100


def test_three_slices_of_8_gb_fit_the_card_that_misses_by_a_little() -> None:
    assert 3 * 8 * GIB <= 24564 + SLACK


@pytest.mark.parametrize(("image", "spec", "sliced"), [(False, False, False), (True, False, False), (True, True, True)])
def test_image_and_spec_decide_together(image: bool, spec: bool, sliced: bool) -> None:
    assert is_sliced(image=image, spec=spec) is sliced


def test_an_image_without_support_is_refused() -> None:
    with pytest.raises(Refused) as refusal:
        is_sliced(image=False, spec=True)
    assert refusal.value.code == "image_without_slices"


# --- what goes into the container ---------------------------------------------------------------------------------

UUID = "GPU-5f1e2c6a-0000-4000-8000-00000000000a"


def parts(grant: Grant, **changes: object):
    values = {
        "directory": "/opt/hami/build", "image_environment": {}, "user_environment": {}, "cache": "x1", **changes,
    }  # fmt: skip
    return parts_of(grant, **values)  # type: ignore[arg-type]


def test_a_slice_gets_all_of_it_and_exactly_this() -> None:
    made = parts(Grant((UUID,), Share(8 * GIB, 33, False), sliced=True))
    assert dict(made.environment) == {
        "LD_PRELOAD": "/libvgpu/build/libvgpu.so",
        "CUDA_DEVICE_MEMORY_LIMIT": "8g",
        "CUDA_DEVICE_SM_LIMIT": "33",
        "CUDA_DEVICE_MEMORY_SHARED_CACHE": "/tmp/vgpu-x1.cache",
        "LIBCUDA_LOG_LEVEL": "1",
    }
    assert made.mounts == (Mount("/opt/hami/build", "/libvgpu/build"),)
    assert dict(made.tmpfs) == {"/tmp/vgpulock": "mode=1777"}
    assert made.device_requests == (DeviceRequest("nvidia", (UUID,), (("gpu", "compute", "utility"),), 0),)


@pytest.mark.parametrize(("_number", "gb", "card", "limit", "percent", "_exclusive"), WORKED)
def test_the_worked_table_as_it_is_sent(
    _number: int, gb: float, card: int, limit: str, percent: int, _exclusive: bool
) -> None:
    """A slice as large as the card is sent its limits too."""
    node = Candidate(1, "n1", (Card(UUID, 0, "A10", card),))
    made = parts(fit(slice_of(gb), Room(), node).grant)
    assert made.environment["CUDA_DEVICE_MEMORY_LIMIT"] == limit
    assert made.environment["CUDA_DEVICE_SM_LIMIT"] == str(percent)
    assert made.mounts and made.tmpfs


def test_whole_cards_are_pinned_and_nothing_is_preloaded() -> None:
    made = parts(Grant((UUID, UUID[:-1] + "b"), Share(24576, 100, True)))
    assert not made.environment and not made.mounts and not made.tmpfs
    assert made.device_requests[0].device_ids == (UUID, UUID[:-1] + "b")


def test_the_images_own_preload_is_kept_after_ours() -> None:
    grant = Grant((UUID,), Share(8 * GIB, 33, False), sliced=True)
    image, user = {"LD_PRELOAD": "/usr/lib/libjemalloc.so:/x.so /y.so"}, {"LD_PRELOAD": "/mine.so"}
    made = parts(grant, image_environment=image, user_environment=user)
    text = made.environment["LD_PRELOAD"]
    assert text.split(":") == ["/libvgpu/build/libvgpu.so", "/usr/lib/libjemalloc.so", "/x.so", "/y.so", "/mine.so"]


def test_what_an_image_sets_lifts_no_limit() -> None:
    grant = Grant((UUID,), Share(8 * GIB, 33, False), sliced=True)
    image = {
        "PATH": "/bin", "CUDA_DEVICE_MEMORY_LIMIT": "80g", "CUDA_DEVICE_MEMORY_LIMIT_0": "80g",
        "CUDA_DEVICE_SM_LIMIT_15": "100", "GPU_CORE_UTILIZATION_POLICY": "disable", "LD_AUDIT": "/x.so",
        "CUDA_REDIRECT": "/y.so", "CUDA_TASK_PRIORITY": "0", "NVIDIA_VISIBLE_DEVICES": "all",
        "NVIDIA_DRIVER_CAPABILITIES": "all", "CUDA_VISIBLE_DEVICES": "0",
    }  # fmt: skip
    usual = dict(parts(grant).environment)
    made = dict(parts(grant, image_environment=image).environment)
    assert {name: made[name] for name in usual} == usual
    assert {name: text for name, text in made.items() if name not in usual} == {
        "CUDA_DEVICE_MEMORY_LIMIT_0": "",
        "CUDA_DEVICE_SM_LIMIT_15": "",
        "GPU_CORE_UTILIZATION_POLICY": "",
        "LD_AUDIT": "",
        "CUDA_REDIRECT": "/libvgpu/build/libvgpu.so",
        "CUDA_TASK_PRIORITY": "1",
    }
    assert not parts(Grant((UUID,), Share(24576, 100, True)), image_environment=image).environment


def test_an_empty_directory_is_the_usual_one() -> None:
    made = parts(Grant((UUID,), Share(8 * GIB, 33, False), sliced=True), directory="")
    assert made.mounts[0].source == "/root/HAMi-core/build"


@pytest.mark.parametrize(
    "name",
    [
        "LD_AUDIT", "CUDA_DEVICE_MEMORY_LIMIT", "CUDA_DEVICE_MEMORY_LIMIT_0", "CUDA_DEVICE_SM_LIMIT",
        "CUDA_DEVICE_SM_LIMIT_15", "CUDA_DEVICE_MEMORY_SHARED_CACHE", "GPU_CORE_UTILIZATION_POLICY",
        "CUDA_TASK_PRIORITY", "CUDA_REDIRECT", "NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES",
        "CUDA_VISIBLE_DEVICES", "LIBCUDA_LOG_LEVEL",
    ],
)  # fmt: skip
def test_reserved_variables_are_refused_by_name(name: str) -> None:
    with pytest.raises(Refused) as refusal:
        refuse_reserved(["HOME", name])
    assert (refusal.value.code, refusal.value.params) == ("reserved_variable", {"name": name})
    with pytest.raises(Refused):
        parts(Grant((UUID,), Share(24576, 100, True)), user_environment={name: "1"})


def test_other_variables_are_the_users() -> None:
    refuse_reserved(["LD_PRELOAD", "LD_LIBRARY_PATH", "CUDA_HOME", "NVIDIA_REQUIRE_CUDA", "cuda_visible_devices"])


@pytest.mark.parametrize(
    "path", ["", "relative", "~/hami", "/a/../b", "/a/./b", "/a//b", "/a/", "/", "/a\n", "/a:ro", "/a\0", "./x", " /a"]
)
def test_only_a_clean_absolute_path_is_a_library_directory(path: str) -> None:
    with pytest.raises(Refused):
        checked_directory(path)


@pytest.mark.parametrize("path", ["/root/HAMi-core/build", "/opt/hami", "/a b/c"])
def test_clean_paths_are_accepted(path: str) -> None:
    assert checked_directory(path) == path
