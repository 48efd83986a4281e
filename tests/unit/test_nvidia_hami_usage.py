"""Reading the region file: what is in use, and everything that is no such file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instances.accelerator import Grant, Share, SliceUsage, UsageUnreadable
from instances.accelerators.nvidia_hami import parts_of
from instances.accelerators.nvidia_hami.usage import READ_AT_MOST, SMALLEST, usage_file, usage_in
from tests.support.region_file import SIZE, region_file

GIB = 1024**3
MIB = 1024**2
A, B = ("GPU-a", 8 * GIB), ("GPU-b", 4 * GIB)


def test_all_processes_of_a_card_count_together() -> None:
    region = region_file(A, processes=[(11, {0: 6300 * MIB}), (12, {0: 500 * MIB})])
    assert usage_in(region) == [SliceUsage("GPU-a", 6800 * MIB, 8 * GIB)]


def test_cards_are_counted_apart() -> None:
    region = region_file(A, B, processes=[(11, {0: 5, 1: 7}), (12, {1: 11})])
    assert usage_in(region) == [SliceUsage("GPU-a", 5, 8 * GIB), SliceUsage("GPU-b", 18, 4 * GIB)]


def test_nothing_in_use() -> None:
    assert usage_in(region_file(A)) == [SliceUsage("GPU-a", 0, 8 * GIB)]
    assert usage_in(region_file()) == []


def test_places_that_are_not_taken_do_not_count() -> None:
    region = region_file(A, processes=[(11, {0: 5}), (0, {0: 70}), (12, {0: 11}), (13, {0: 900})], count=3)
    assert usage_in(region)[0].used == 16


def test_what_was_freed_twice_counts_as_nothing() -> None:
    assert usage_in(region_file(A, processes=[(11, {0: -4096}), (12, {0: 10})]))[0].used == 10


def test_the_last_place_and_the_last_card() -> None:
    cards = [(f"GPU-{number}", number) for number in range(16)]
    places = [(1, {})] * 1023 + [(7, {15: 42})]
    found = usage_in(region_file(*cards, processes=places))
    assert [one.limit for one in found] == list(range(16))
    assert [one.used for one in found] == [0] * 15 + [42]


@pytest.mark.parametrize(
    ("region", "word"),
    [
        (b"", "0 bytes"),
        (region_file(A)[: SMALLEST - 1], "bytes"),
        (region_file(A, magic=0), "magic"),
        (region_file(A, major=2), "version 2"),
        (region_file(A, device_count=17), "17 devices"),
        (region_file(A, count=1025), "1025 processes"),
        (region_file(A, count=-1), "-1 processes"),
    ],
)
def test_what_is_none(region: bytes, word: str) -> None:
    with pytest.raises(UsageUnreadable, match=word):
        usage_in(region)


@given(st.binary(max_size=200), st.integers(0, SIZE - 200))
def test_damage_is_refused_or_read_but_never_a_crash(damage: bytes, at: int) -> None:
    region = bytearray(region_file(A, B, processes=[(11, {0: 1})]))
    region[at : at + len(damage)] = damage
    try:
        found = usage_in(bytes(region))
    except UsageUnreadable:
        return
    assert all(one.used >= 0 for one in found)


def test_a_larger_file_than_todays_is_read_as_far_as_it_is_known() -> None:
    assert usage_in(region_file(A, processes=[(1, {0: 3})]) + b"\xff" * 1000)[0].used == 3
    assert SMALLEST < SIZE < READ_AT_MOST


def test_the_file_is_where_the_container_is_told_to_keep_it() -> None:
    grant = Grant(("GPU-a",), Share(8192, 33, exclusive=False), sliced=True)
    parts = parts_of(grant, directory="", image_environment={}, user_environment={}, cache="abc")
    assert parts.environment["CUDA_DEVICE_MEMORY_SHARED_CACHE"] == usage_file("abc")
