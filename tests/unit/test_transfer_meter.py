"""The numbers of a transfer: never back, never early, never invented."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nodes.engine.types import LoadEvent
from pulls.meter import Phase
from pulls.transfer_meter import MOST_LAYERS, TransferMeter

MB = 1_000_000


def unpacking(layer: str, current: int | None, total: int = 10 * MB) -> LoadEvent:
    return LoadEvent(status="Loading layer", layer=layer, current=current, total=total)


def test_the_phases_of_a_transfer() -> None:
    meter = TransferMeter(size=10 * MB, exact=False, now=0)
    first = meter.progress(now=1)
    assert (first.phase, first.percent, first.bytes_total, first.bytes_total_exact) == (
        Phase.WAITING,
        0,
        10 * MB,
        False,
    )
    meter.feed(None, moved=5 * MB, all_moved=False, now=2)
    half = meter.progress(now=2)
    assert (half.phase, half.percent, half.bytes_downloaded) == (Phase.DOWNLOADING, 25, 5 * MB)
    meter.feed(None, moved=12 * MB, all_moved=True, now=3)
    moved = meter.progress(now=3)
    assert (moved.phase, moved.percent, moved.bytes_total, moved.bytes_total_exact) == (
        Phase.EXTRACTING, 50, 12 * MB, True,
    )  # fmt: skip
    meter.feed(unpacking("a", 6 * MB), moved=12 * MB, all_moved=True, now=4)
    assert meter.progress(now=4).percent == 75
    meter.verifying()
    last = meter.progress(now=5)
    assert (last.phase, last.percent, last.bytes_extracted) == (Phase.VERIFYING, 99.9, 12 * MB)
    meter.verified()
    assert (meter.progress(now=5).phase, meter.progress(now=5).percent) == (Phase.DONE, 100)


def test_a_total_that_is_a_minimum_grows_and_an_exact_one_is_known_at_once() -> None:
    least, exact = TransferMeter(size=5, exact=False, now=0), TransferMeter(size=50, exact=True, now=0)
    for meter in (least, exact):
        meter.feed(None, moved=20, all_moved=False, now=1)
    assert (least.progress(now=1).bytes_total, least.progress(now=1).bytes_total_exact) == (20, False)
    assert (exact.progress(now=1).bytes_total, exact.progress(now=1).bytes_total_exact) == (50, True)


def test_time_left_is_told_only_of_an_exact_total() -> None:
    for exact in (False, True):
        meter = TransferMeter(size=100 * MB, exact=exact, now=0)
        for second in range(1, 11):
            meter.feed(None, moved=second * MB, all_moved=False, now=float(second))
        found = meter.progress(now=10)
        assert found.speed_bps == MB
        assert found.eta_seconds == ((90, 90) if exact else None)


def test_movement_is_bytes_or_further_unpacking() -> None:
    meter = TransferMeter(size=10 * MB, exact=True, now=0)
    assert (meter.moved_at, meter.last_byte_at) == (0, None)
    meter.feed(None, moved=MB, all_moved=False, now=1)
    meter.feed(None, moved=MB, all_moved=False, now=2)
    assert (meter.moved_at, meter.last_byte_at) == (1, 1)
    meter.feed(None, moved=10 * MB, all_moved=True, now=3)
    meter.feed(unpacking("a", 5), moved=10 * MB, all_moved=True, now=4)
    assert (meter.moved_at, meter.last_byte_at) == (4, 3)
    for event in (unpacking("a", 5), unpacking("a", 3), unpacking("a", None), unpacking("", 9), LoadEvent("x")):
        meter.feed(event, moved=10 * MB, all_moved=True, now=9)
    assert meter.moved_at == 4


def test_names_without_end_are_not_kept() -> None:
    meter = TransferMeter(size=10 * MB, exact=True, now=0)
    for number in range(2 * MOST_LAYERS):
        meter.feed(unpacking(str(number), 1), moved=10 * MB, all_moved=True, now=1)
    assert meter.progress(now=1).bytes_extracted == MOST_LAYERS


_steps = st.lists(
    st.tuples(
        st.integers(0, 3 * MB),
        st.booleans(),
        st.one_of(st.none(), st.builds(unpacking, st.sampled_from("abc"), st.integers(-1, 1 << 60))),
        st.floats(0, 100),
    ),
    max_size=30,
)


@given(st.integers(0, 20 * MB), st.booleans(), _steps)
def test_nothing_falls_and_nothing_is_complete_early(size: int, exact: bool, steps: list) -> None:  # type: ignore[type-arg]
    meter = TransferMeter(size=size, exact=exact, now=0)
    moved, now, before = 0, 0.0, meter.progress(now=0)
    for more, ended, event, seconds in steps:
        moved, now = moved + more, now + seconds
        meter.feed(event, moved=moved, all_moved=ended, now=now)
        found = meter.progress(now=now)
        assert before.percent <= found.percent < 100
        assert found.bytes_downloaded >= before.bytes_downloaded
        assert found.bytes_downloaded <= found.bytes_total and found.bytes_extracted <= found.bytes_total
        before = found
    meter.verified()
    assert meter.progress(now=now).percent == 100
