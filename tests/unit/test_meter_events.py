"""Single events: what counts as a change, and what is noise."""

from __future__ import annotations

import tracemalloc

import pytest

from nodes.engine.types import PullEvent
from pulls.meter import LayerPlan, LayerState, Meter, Phase
from pulls.meter_stack import MOST_LAYERS

A, B = "a" * 12, "b" * 12
PLAN = (LayerPlan("sha256:" + "a" * 64, 1000), LayerPlan("sha256:" + "b" * 64, 3000))


def meter(plan: tuple[LayerPlan, ...] | None = PLAN) -> Meter:
    return Meter(plan=plan, now=0.0)


def test_before_the_first_event_the_total_is_known():
    picture = meter().progress(now=0.0)
    assert (picture.phase, picture.percent) == (Phase.WAITING, 0.0)
    assert (picture.bytes_total, picture.bytes_total_exact) == (4000, True)
    assert (picture.speed_bps, picture.eta_seconds) == (None, None)
    assert [(layer.id, layer.size, layer.state) for layer in picture.layers] == [
        (A, 1000, LayerState.WAITING),
        (B, 3000, LayerState.WAITING),
    ]


def test_without_a_plan_nothing_is_known():
    picture = meter(None).progress(now=0.0)
    assert (picture.bytes_total, picture.bytes_total_exact, picture.layers) == (0, False, ())


def test_an_empty_plan_is_complete():
    assert meter(()).progress(now=0.0).bytes_total_exact


def test_changes_of_state_are_worth_telling_and_bytes_are_not():
    m = meter()
    steps = [
        (PullEvent("Pulling from team/image", ""), False),
        (PullEvent("Pulling fs layer", A), False),  # known from the plan
        (PullEvent("Waiting", A), False),
        (PullEvent("Downloading", A, 100, 1000), True),
        (PullEvent("Downloading", A, 200, 1000), False),
        (PullEvent("Retrying in 5 seconds", A), True),
        (PullEvent("Retrying in 4 seconds", A), False),
        (PullEvent("Downloading", A, 10, 800), True),
        (PullEvent("Verifying Checksum", A), True),
        (PullEvent("Download complete", A), True),
        (PullEvent("Download complete", A), False),
        (PullEvent("Extracting", A, 300, 1000), True),
        (PullEvent("Extracting", A, 600, 1000), False),
        (PullEvent("Pull complete", A), True),
        (PullEvent("Pull complete", A), False),
        (PullEvent("Already exists", B), True),
        (PullEvent("Already exists", B), False),
        (PullEvent("Digest: sha256:00", ""), False),
        (PullEvent("Status: Downloaded newer image for team/image:1", ""), True),
        (PullEvent("Status: Downloaded newer image for team/image:1", ""), False),
    ]
    for number, (event, worth) in enumerate(steps):
        assert m.feed(event, now=float(number)) is worth, event


def test_what_moves_the_pull():
    m = meter()
    moves = [
        (PullEvent("Pulling from team/image", ""), True),
        (PullEvent("Pulling fs layer", A), True),
        (PullEvent("Waiting", A), False),
        (PullEvent("Downloading", A), False),  # the connection is open, no byte has come
        (PullEvent("Downloading", A, 100, 1000), True),
        (PullEvent("Downloading", A, 100, 1000), False),
        (PullEvent("Downloading", A, 1000, 1000), False),
        (PullEvent("Retrying in 5 seconds", A), False),
        (PullEvent("Downloading", A, 900, 900), False),
        (PullEvent("Downloading", A, 50, 900), True),
        (PullEvent("Download complete", A), True),
        (PullEvent("Downloading", A, 60, 900), False),
        (PullEvent("Extracting", A, 1, None, "s"), True),
        (PullEvent("Extracting", A, 1, None, "s"), False),
        (PullEvent("Extracting", A, 2, None, "s"), True),
        (PullEvent("Retrying in 5 seconds", A), False),
        (PullEvent("Pull complete", A), True),
        (PullEvent("Already exists", B), True),
        (PullEvent("Extracting", B, 1, None, "s"), True),
        (PullEvent("Pull complete", B), True),
        (PullEvent("Digest: sha256:00", ""), False),
        (PullEvent("Status: Downloaded newer image for team/image:1", ""), True),
    ]
    for number, (event, moved) in enumerate(moves, start=1):
        m.feed(event, now=float(number))
        assert (m.moved_at == number) is moved, event


@pytest.mark.parametrize(
    "event",
    [
        PullEvent("Downloading", ""),
        PullEvent("Downloading", A, -5, 1000),
        PullEvent("Downloading", A, 5, -1),
        PullEvent("Downloading", A, 5000, 1000),
        PullEvent("Downloading", A, 5000, None),
        PullEvent("Downloading", A, 10**30, 10**31),
        PullEvent("Extracting", A, 10**30, 10**31),
        PullEvent("Extracting", A, -1, 1000),
        PullEvent("Retrying in 3 seconds", ""),
        PullEvent("", A),
        PullEvent("Some new word", A, 7, 9),
    ],
)
def test_noise_counts_nothing(event):
    m = meter()
    m.feed(event, now=1.0)
    picture = m.progress(now=1.0)
    assert (picture.bytes_total, picture.bytes_extracted) == (4000, 0)
    assert picture.layers[0].downloaded in (0, 1000)  # extracting says that it is downloaded


def test_a_total_of_zero_is_no_total():
    m = meter()
    m.feed(PullEvent("Downloading", A, 5, 0), now=1.0)
    assert m.progress(now=1.0).bytes_downloaded == 5


def test_a_layer_outside_the_plan_makes_the_total_a_minimum():
    m = meter()
    m.feed(PullEvent("Downloading", "c" * 12, 100, 500), now=1.0)
    picture = m.progress(now=1.0)
    assert (picture.bytes_total, picture.bytes_total_exact, picture.bytes_downloaded) == (4500, False, 100)
    assert picture.eta_seconds is None
    m.feed(PullEvent("Download complete", "c" * 12), now=2.0)
    m.verifying()
    picture = m.progress(now=2.0)
    assert (picture.bytes_total, picture.bytes_total_exact, picture.bytes_reused) == (500, True, 4000)


def test_without_a_plan_the_total_is_a_minimum_until_every_layer_has_begun():
    m = meter(None)
    for layer in (A, B):
        m.feed(PullEvent("Pulling fs layer", layer), now=0.0)
    m.feed(PullEvent("Downloading", A, 100, 1000), now=1.0)
    picture = m.progress(now=1.0)
    assert (picture.bytes_total, picture.bytes_total_exact) == (1000, False)
    assert picture.percent == 2.5  # the layer without a size is taken to be as large as the other
    m.feed(PullEvent("Downloading", B, 0, 3000), now=1.0)
    picture = m.progress(now=1.0)
    assert (picture.bytes_total, picture.bytes_total_exact) == (4000, True)
    assert picture.percent == 2.5


def test_without_a_total_there_is_a_speed_but_no_estimate():
    m = meter(None)
    m.feed(PullEvent("Pulling fs layer", B), now=0.0)
    for second in range(1, 6):
        m.feed(PullEvent("Downloading", A, second * 100, 1000), now=float(second))
    picture = m.progress(now=5.0)
    assert (picture.speed_bps, picture.eta_seconds) == (100, None)
    m.feed(PullEvent("Downloading", B, 0, 3000), now=5.0)
    assert m.progress(now=5.0).eta_seconds == (35, 35)


def test_without_a_plan_a_layer_may_come_without_any_count():
    m = meter(None)
    m.feed(PullEvent("Pulling fs layer", A), now=0.0)
    m.feed(PullEvent("Downloading", A, 40), now=0.5)
    assert m.moved_at == 0.5
    m.feed(PullEvent("Download complete", A), now=1.0)
    picture = m.progress(now=1.0)
    assert (picture.phase, picture.bytes_total, picture.bytes_total_exact) == (Phase.EXTRACTING, 0, False)
    m.feed(PullEvent("Extracting", A, 500, 700), now=2.0)
    picture = m.progress(now=2.0)
    assert (picture.bytes_total, picture.bytes_downloaded, picture.bytes_extracted) == (700, 700, 500)
    assert picture.bytes_total_exact


def test_without_a_plan_a_size_may_come_last():
    m = meter(None)
    m.feed(PullEvent("Extracting", A), now=1.0)
    m.feed(PullEvent("Pull complete", B), now=1.0)
    m.feed(PullEvent("Extracting", A, 100, 700), now=2.0)
    m.feed(PullEvent("Extracting", B, 100, 900), now=2.0)
    picture = m.progress(now=2.0)
    assert (picture.bytes_total, picture.bytes_downloaded, picture.bytes_extracted) == (1600, 1600, 1000)


def test_without_a_plan_an_image_that_is_there_needs_nothing():
    m = meter(None)
    m.feed(PullEvent("Already exists", A), now=1.0)
    picture = m.progress(now=1.0)
    assert (picture.bytes_total, picture.bytes_reused, picture.layers[0].state) == (0, 0, LayerState.REUSED)


def test_already_exists_after_bytes_means_downloaded():
    m = meter()
    m.feed(PullEvent("Downloading", A, 100, 1000), now=1.0)
    assert m.feed(PullEvent("Already exists", A), now=2.0)
    assert not m.feed(PullEvent("Already exists", A), now=3.0)
    picture = m.progress(now=3.0)
    assert (picture.bytes_total, picture.bytes_downloaded) == (4000, 1000)
    assert picture.layers[0].state is LayerState.DOWNLOADED


def test_digests_that_begin_alike_keep_their_bytes():
    twins = (LayerPlan("sha256:" + "a" * 64, 1000), LayerPlan("sha256:" + "a" * 12 + "b" * 52, 500))
    m = meter(twins)
    m.feed(PullEvent("Pull complete", A), now=1.0)
    picture = m.progress(now=1.0)
    assert (picture.bytes_total, picture.bytes_downloaded) == (1500, 1000)


def test_a_size_below_zero_is_none_at_all():
    assert meter((LayerPlan("sha256:" + "a" * 64, -4),)).progress(now=0.0).bytes_total == 0


def test_one_hundred_only_after_the_image_was_seen():
    m = meter()
    for layer in (A, B):
        m.feed(PullEvent("Pull complete", layer), now=1.0)
    assert m.progress(now=1.0).percent == 99.9
    m.verifying()
    picture = m.progress(now=2.0)
    assert (picture.phase, picture.percent) == (Phase.VERIFYING, 99.9)
    m.verified()
    picture = m.progress(now=3.0)
    assert (picture.phase, picture.percent, picture.speed_bps, picture.eta_seconds) == (Phase.DONE, 100.0, 0, None)


def test_events_after_the_end_change_nothing():
    m = meter()
    m.verifying()
    assert not m.feed(PullEvent("Downloading", A, 1, 1000), now=5.0)
    assert m.moved_at == 0.0


def test_a_pull_of_any_length_needs_the_same_memory():
    m = meter((LayerPlan("sha256:" + "a" * 64, 10**12), *PLAN[1:]))

    def feed(first: int, last: int) -> None:
        for number in range(first, last):
            m.feed(PullEvent("Downloading", A, number * 1_000_000, 10**12), now=number / 40)
            m.feed(PullEvent("Downloading", f"{number:012x}", 1, 10), now=number / 40)

    feed(0, 5_000)
    tracemalloc.start()
    feed(5_000, 75_000)
    grown, _peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 20_000
    assert len(m.progress(now=2000.0).layers) == MOST_LAYERS


def test_only_bytes_from_the_registry_count_as_data():
    m = meter()
    assert m.last_byte_at is None
    steps = [
        (PullEvent("Pulling from team/image", ""), None),
        (PullEvent("Pulling fs layer", A), None),
        (PullEvent("Downloading", A, 100, 1000), 3.0),
        (PullEvent("Downloading", A, 100, 1000), 3.0),
        (PullEvent("Download complete", A), 5.0),  # the remaining 900
        (PullEvent("Extracting", A, 500, 1000), 5.0),
        (PullEvent("Pull complete", A), 5.0),
        (PullEvent("Already exists", B), 5.0),
        (PullEvent("Status: Downloaded newer image for team/image:1", ""), 5.0),
    ]
    for number, (event, expected) in enumerate(steps, start=1):
        m.feed(event, now=float(number))
        assert m.last_byte_at == expected, event
    assert m.moved_at == len(steps)
