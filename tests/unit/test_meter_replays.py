"""Every recorded stream through the meter: what must hold at every moment of any pull."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from pulls.meter import LayerState, Phase, Progress
from tests.support.pull_streams import Recording, names, recording, replay

PLANS = ("plan", "unknowing", "none")


def plan_of(stream: Recording, kind: str):
    return {"plan": stream.plan, "unknowing": stream.unknowing_plan, "none": None}[kind]


@pytest.mark.parametrize("kind", PLANS)
@pytest.mark.parametrize("name", names())
def test_nothing_falls_and_nothing_exceeds_the_total(name, kind):
    stream = recording(name)
    _meter, pictures = replay(stream, plan=plan_of(stream, kind))
    for (_, before), (_, after) in pairwise(pictures):
        assert 0 <= before.percent <= after.percent <= 99.9
        assert before.bytes_downloaded <= after.bytes_downloaded <= after.bytes_total
        assert before.bytes_extracted <= after.bytes_extracted <= after.bytes_downloaded
        assert after.speed_bps is None or after.speed_bps >= 0
        assert after.eta_seconds is None or 0 <= after.eta_seconds[0] <= after.eta_seconds[1]


@pytest.mark.parametrize("name", names())
def test_with_a_plan_the_total_is_exact_at_every_moment(name):
    stream = recording(name)
    for _, picture in replay(stream, plan=stream.plan)[1]:
        assert picture.bytes_total_exact
        assert picture.bytes_total + picture.bytes_reused == stream.size


@pytest.mark.parametrize("name", [name for name in names() if recording(name).succeeded])
@pytest.mark.parametrize("kind", PLANS)
def test_a_complete_stream_ends_with_everything_done(name, kind):
    stream = recording(name)
    meter, pictures = replay(stream, plan=plan_of(stream, kind))
    last = pictures[-1][1]
    assert last.phase is Phase.VERIFYING
    assert last.percent == 99.9
    assert last.bytes_downloaded == last.bytes_extracted == last.bytes_total
    assert {layer.state for layer in last.layers} <= {LayerState.DONE, LayerState.REUSED}
    meter.verified()
    done = meter.progress(now=pictures[-1][0])
    assert (done.phase, done.percent) == (Phase.DONE, 100.0)


@pytest.mark.parametrize("name", [name for name in names() if not recording(name).succeeded])
def test_an_incomplete_stream_is_not_taken_for_a_complete_one(name):
    stream = recording(name)
    last = replay(stream, plan=stream.plan)[1][-1][1]
    assert last.phase in (Phase.WAITING, Phase.DOWNLOADING)
    assert last.bytes_extracted < last.bytes_total
    assert last.percent < 99.9


@pytest.mark.parametrize("name", [name for name in names() if recording(name).succeeded])
def test_without_a_plan_the_engine_tells_the_same_total(name):
    """Small layers of the containerd store may come without any count; elsewhere the total becomes exact."""
    stream = recording(name)
    with_plan = replay(stream, plan=stream.plan)[1][-1][1]
    without = replay(stream, plan=None)[1][-1][1]
    if without.bytes_total_exact:
        assert without.bytes_total == with_plan.bytes_total
    else:
        assert without.bytes_total < with_plan.bytes_total
        assert "containerd" in name


@pytest.mark.parametrize("name", names())
def test_a_plan_that_does_not_know_what_the_node_has_is_put_right(name):
    stream = recording(name)
    right = replay(stream, plan=stream.plan)[1][-1][1]
    corrected = replay(stream, plan=stream.unknowing_plan)[1][-1][1]
    if stream.succeeded:
        assert corrected.bytes_total == right.bytes_total
        assert corrected.bytes_reused == right.bytes_reused


@pytest.mark.parametrize("name", ["graph20-plain", "graph28-plain", "graph20-many-layers", "containerd28-large"])
def test_phases_come_in_order(name):
    stream = recording(name)
    phases = [picture.phase for _, picture in replay(stream, plan=stream.plan)[1]]
    assert sorted(phases, key=list(Phase).index) == phases
    assert set(phases) == {Phase.WAITING, Phase.DOWNLOADING, Phase.EXTRACTING, Phase.VERIFYING}


def test_the_snapshot_is_plain_json():
    stream = recording("graph20-shared")
    picture: Progress = replay(stream, plan=stream.plan, until=1.0)[1][-1][1]
    told = json.loads(json.dumps(picture.as_dict()))
    assert told == picture.as_dict()
    assert list(told) == [
        "phase",
        "percent",
        "bytes_total",
        "bytes_total_exact",
        "bytes_downloaded",
        "bytes_extracted",
        "bytes_reused",
        "speed_bps",
        "eta_seconds",
        "layers",
    ]
    assert told["phase"] == "downloading"
    assert isinstance(told["eta_seconds"], list)
    assert told["layers"][0] == {
        "id": "c71b5c3a162d",
        "size": 1094407,
        "downloaded": 0,
        "extracted": 0,
        "state": "reused",
    }
    assert told["layers"][-1]["state"] == "downloading"
    assert 0 < told["layers"][-1]["downloaded"] < told["layers"][-1]["size"]
