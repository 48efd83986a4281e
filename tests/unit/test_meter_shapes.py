"""What the engines' particular ways come to in the meter's numbers, on real streams."""

from __future__ import annotations

import pytest

from nodes.engine.types import PullEvent
from pulls.meter import LayerPlan, LayerState, Meter, Phase, Progress
from tests.support.pull_streams import names, recording, replay

MB = 1_000_000


def picture_at(name: str, at: float) -> tuple[Meter, Progress]:
    stream = recording(name)
    meter, _ = replay(stream, plan=stream.plan, until=at)
    return meter, meter.progress(now=at)


def test_downloading_counts_bytes_of_both_phases():
    _, picture = picture_at("graph20-plain", 5.0)
    assert picture.phase is Phase.DOWNLOADING
    assert 100 * MB < picture.bytes_downloaded < 110 * MB  # 20 MB/s
    assert 74 * MB < picture.bytes_extracted < 75 * MB  # three layers
    share = (picture.bytes_downloaded + picture.bytes_extracted) / (2 * picture.bytes_total)
    assert picture.percent == int(share * 1000) / 10


def test_the_speed_is_that_of_the_link():
    for name in ("graph20-plain", "graph28-plain", "containerd28-plain", "containerd26-plain"):
        _, picture = picture_at(name, 7.0)
        assert 17 * MB < picture.speed_bps < 22 * MB, name


def test_the_end_falls_into_the_range_of_the_estimate():
    stream = recording("graph20-plain")
    end = stream.events[-1][0]
    for at in (3.0, 5.0, 7.0, 9.0):
        low, high = picture_at(stream.name, at)[1].eta_seconds
        assert at + low - 1 <= end <= at + high + 1


def test_no_estimate_is_wild():
    stream = recording("graph20-plain")
    for at, picture in replay(stream, plan=stream.plan)[1]:
        assert at < 1 or picture.eta_seconds is None or picture.eta_seconds[1] <= 15


def test_an_estimate_counts_the_extraction_after_the_download():
    _, picture = picture_at("containerd28-large", 18.0)
    assert picture.phase is Phase.EXTRACTING
    assert picture.speed_bps == 0
    low, high = picture.eta_seconds
    assert 1 <= low <= high <= 30  # it took 5.8 s more


@pytest.mark.parametrize("name", ["graph20-retrying", "graph28-retrying"])
def test_what_came_before_a_retry_counts_on(name):
    """After the cut the engine counts from 0 to what was left; the layers are where they were."""
    _, at_the_cut = picture_at(name, 9.0)
    assert {layer.state for layer in at_the_cut.layers[:3]} == {LayerState.RETRYING}
    assert at_the_cut.phase is Phase.DOWNLOADING
    _, after = picture_at(name, 11.1)
    counts = {event.layer: event for at, event in recording(name).events if at <= 11.1}
    for before, now in zip(at_the_cut.layers[:3], after.layers[:3], strict=True):
        assert now.state is LayerState.DOWNLOADING
        assert counts[now.id].total < now.size
        assert now.downloaded == now.size - counts[now.id].total + counts[now.id].current
        assert before.downloaded < now.downloaded < before.downloaded + 6 * MB


def test_a_layer_that_starts_again_does_not_take_bytes_back():
    _, cut = picture_at("composed-restart-from-zero", 7.0)
    meter, again = picture_at("composed-restart-from-zero", 8.5)
    assert again.bytes_downloaded == cut.bytes_downloaded
    assert meter.moved_at == pytest.approx(8.5)
    assert again.speed_bps > 0


def test_the_full_count_of_a_broken_connection_is_not_believed():
    """Every connection gave 3 MB and then died; the engine's last count of each says that the layer is whole."""
    stream = recording("graph20-dead-link")
    last = replay(stream, plan=stream.plan)[1][-1][1]
    assert not any(layer.state is LayerState.DOWNLOADED for layer in last.layers)
    for layer in last.layers:
        assert layer.downloaded < 6 * 3.1 * MB  # a first try and five more
    assert last.bytes_downloaded < 0.75 * last.bytes_total


def test_a_retry_that_brings_nothing_is_no_movement():
    meter, _ = picture_at("graph20-dead-link", 70.0)
    assert meter.moved_at < 51  # "Retrying in 25 seconds" came down to one since then


@pytest.mark.parametrize("name", ["graph20-stall", "containerd28-stall"])
def test_a_stall_is_seen_although_events_come(name):
    """The containerd store repeats its counts ten times a second while nothing comes."""
    meter, picture = picture_at(name, 11.5)
    assert meter.moved_at < 2
    assert picture.speed_bps == 0
    assert picture.eta_seconds is None
    assert picture.phase is Phase.DOWNLOADING
    meter, picture = picture_at(name, 12.5)
    assert meter.moved_at > 12
    assert picture.speed_bps > 0


@pytest.mark.parametrize("name", ["containerd28-resumed", "graph20-second-puller", "containerd28-second-puller"])
def test_bytes_that_were_there_before_do_not_make_the_link_fast(name):
    stream = recording(name)
    for at, picture in replay(stream, plan=stream.plan)[1]:
        assert at > 1 or (picture.speed_bps or 0) < 12 * MB  # links of 8 and 10 MB/s
    _, early = picture_at(name, 1.0)
    assert early.bytes_downloaded > 25 * MB


def test_seconds_of_extraction_move_the_pull_but_not_the_bar():
    meter, _ = picture_at("containerd28-large", 18.6)
    assert meter.moved_at < 17.7  # "1 s", repeated ever since
    meter, picture = picture_at("containerd28-large", 18.85)
    assert 18.7 < meter.moved_at < 18.85  # "2 s"
    largest = max(picture.layers, key=lambda layer: layer.size)
    assert (largest.state, largest.extracted) == (LayerState.EXTRACTING, 0)
    _, picture = picture_at("containerd28-large", 18.95)
    assert max(picture.layers, key=lambda layer: layer.size).extracted == largest.size


def test_a_silent_extraction_shows_as_extraction():
    _, picture = picture_at("containerd26-large", 20.0)
    assert picture.phase is Phase.EXTRACTING
    assert picture.bytes_downloaded == picture.bytes_total
    assert picture.bytes_extracted == 0
    assert picture.percent == 50.0
    assert picture.eta_seconds is None


def test_layers_that_are_never_named_count_as_present_once_the_others_are_there():
    stream = recording("composed-silent-extraction")
    _, downloading = picture_at(stream.name, 30.0)
    assert downloading.bytes_total == stream.size
    _, extracting = picture_at(stream.name, 60.0)
    assert extracting.phase is Phase.EXTRACTING
    assert extracting.bytes_total == stream.plan[1].size
    assert extracting.bytes_reused == stream.plan[0].size
    assert extracting.layers[0].state is LayerState.REUSED


def test_a_layer_that_was_taken_to_be_present_may_still_come():
    plan = [LayerPlan("sha256:" + "a" * 64, 100), LayerPlan("sha256:" + "b" * 64, 300)]
    meter = Meter(plan=plan, now=0)
    meter.feed(PullEvent("Download complete", "a" * 12), now=1)
    assert meter.progress(now=2).bytes_total == 400
    presumed = meter.progress(now=7)
    assert (presumed.bytes_total, presumed.bytes_reused, presumed.phase) == (100, 300, Phase.EXTRACTING)
    assert meter.feed(PullEvent("Pulling fs layer", "b" * 12), now=8)
    late = meter.progress(now=8)
    assert (late.bytes_total, late.bytes_reused, late.phase) == (400, 0, Phase.DOWNLOADING)
    assert late.percent == presumed.percent == 50.0


@pytest.mark.parametrize("name", ["graph20-shared", "containerd28-shared", "containerd26-shared"])
def test_shared_layers_are_reused(name):
    stream = recording(name)
    reused = sum(layer.size for layer in stream.plan if layer.reused)
    assert reused > 0
    for _, picture in replay(stream, plan=stream.plan)[1]:
        assert picture.bytes_reused == reused


def test_already_exists_takes_a_layer_out_of_the_total():
    stream = recording("graph20-after-crash")
    pictures = [picture for _, picture in replay(stream, plan=stream.plan)[1]]
    assert pictures[0].bytes_total == stream.size
    assert pictures[5].bytes_total == stream.size - sum(layer.size for layer in stream.plan[:3])
    assert [layer.state for layer in pictures[5].layers[:3]] == [LayerState.REUSED] * 3


def test_a_layer_thought_present_that_is_fetched_joins_the_total():
    stream = recording("graph20-plain")
    wrong = [LayerPlan(layer.digest, layer.size, reused=True) for layer in stream.plan[:4]] + list(stream.plan[4:])
    pictures = replay(stream, plan=wrong)[1]
    assert pictures[0][1].bytes_total == sum(layer.size for layer in stream.plan[4:])
    assert all(picture.bytes_total_exact for _, picture in pictures)
    assert pictures[-1][1].bytes_total == pictures[-1][1].bytes_downloaded == stream.size


@pytest.mark.parametrize("name", [name for name in names() if name.endswith(("up-to-date", "all-known"))])
def test_nothing_to_do(name):
    stream = recording(name)
    for plan in (stream.plan, stream.unknowing_plan):
        last = replay(stream, plan=plan)[1][-1][1]
        assert last.phase is Phase.VERIFYING
        assert (last.bytes_total, last.bytes_reused) == (0, stream.size)
    assert replay(stream, plan=None)[1][-1][1].bytes_total_exact


def test_kept_blobs_are_unpacked_without_a_download():
    stream = recording("containerd26-blobs-kept")
    meter, _ = replay(stream, plan=stream.plan, until=0.2)
    assert meter.progress(now=1.0).phase is Phase.WAITING
    unpacking = meter.progress(now=6.0)
    assert unpacking.phase is Phase.EXTRACTING
    assert (unpacking.bytes_total, unpacking.bytes_reused) == (0, stream.size)


def test_unpacking_a_kept_layer_is_movement_but_no_work_of_ours():
    stream = recording("composed-kept-layers")
    meter, _ = replay(stream, plan=stream.plan, until=2.35)
    assert meter.moved_at == pytest.approx(2.3)
    meter, pictures = replay(stream, plan=stream.plan)
    assert [layer.state for layer in pictures[-1][1].layers] == [LayerState.REUSED, LayerState.REUSED, LayerState.DONE]


@pytest.mark.parametrize("name", [name for name in names() if name.endswith("duplicate-layers")])
def test_a_layer_that_occurs_twice_counts_once(name):
    stream = recording(name)
    assert len(stream.plan) == 7
    pictures = replay(stream, plan=stream.plan)[1]
    assert len(pictures[0][1].layers) == 5
    assert pictures[0][1].bytes_total + pictures[0][1].bytes_reused == stream.size


def test_layers_arrive_without_the_word_complete():
    _, picture = picture_at("composed-transfer-service", 2.35)
    lower = picture.layers[0]
    assert (lower.state, lower.downloaded) == (LayerState.EXTRACTING, lower.size)


def test_a_trickle_has_a_speed_between_its_drops():
    for at in (100.0, 110.0, 119.0):  # half a MiB every 30 s
        meter, picture = picture_at("composed-trickle", at)
        assert 8_000 < picture.speed_bps < 20_000
        assert picture.eta_seconds is not None
    assert meter.moved_at == pytest.approx(90.0)
