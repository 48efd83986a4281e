"""Progress of builds and pushes."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from builds.meter import BuildMeter
from nodes.engine import BuildEvent, BuildEventKind, PushEvent

K = BuildEventKind


def feed(meter: BuildMeter, *events: BuildEvent | PushEvent) -> dict[str, Any]:
    for event in events:
        if isinstance(event, BuildEvent):
            meter.feed_build(event, text=event.text, now=1.0)
        else:
            meter.feed_push(event, now=1.0)
    return meter.picture()


def test_steps_count_with_their_times_and_what_came_from_the_cache() -> None:
    meter = BuildMeter(moved_at=0.0)
    meter.begin("building", now=0.0)
    shot = feed(
        meter,
        BuildEvent(K.STEP, 1, 4, "FROM x"), BuildEvent(K.DONE, 1, 4, seconds=2.0),
        BuildEvent(K.STEP, 2, 4, "RUN a"), BuildEvent(K.CACHED, 2, 4), BuildEvent(K.DONE, 2, 4, seconds=0.0),
        BuildEvent(K.STEP, 3, 4, "RUN b"), BuildEvent(K.FAILED, 3, 4, seconds=1.5),
    )  # fmt: skip
    assert [(step["state"], step["seconds"]) for step in shot["timings"]] == [
        ("done", 2.0), ("cached", None), ("failed", 1.5),
    ]  # fmt: skip
    assert (shot["step"], shot["steps"], shot["phase"]) == (3, 4, "building")
    assert 60 < shot["percent"] < 61


def test_a_push_counts_bytes_and_what_is_there_already() -> None:
    meter = BuildMeter(moved_at=0.0)
    meter.begin("pushing", now=0.0)
    preparing = [PushEvent("Preparing", layer) for layer in "abc"]
    shot = feed(meter, *preparing, PushEvent("Layer already exists", "a"), PushEvent("Pushing", "b", 50, 100))
    assert (shot["layers"], shot["layers_done"], shot["layers_reused"]) == (3, 1, 1)
    assert (shot["bytes_total"], shot["bytes_pushed"]) == (100, 50)
    assert shot["percent"] == 89.0  # the middle: one of three layers, and half of another
    more = PushEvent("Pushing", "b", 300, 100), PushEvent("Mounted from x", "c"), PushEvent("Pushed", "b")
    shot = feed(meter, *more, PushEvent("1: digest: sha256:1 size: 1", "1"))
    assert (shot["layers"], shot["layers_done"], shot["bytes_pushed"], shot["percent"]) == (3, 3, 100, 98.0)
    meter.begin("verifying", now=2.0)
    assert meter.picture()["percent"] == 99.0 and meter.moved_at == 2.0


_builds = st.builds(
    BuildEvent, st.sampled_from(list(K)), st.integers(0, 5), st.one_of(st.none(), st.integers(1, 6)), st.just("x")
)
_pushes = st.builds(
    PushEvent,
    st.sampled_from(["Preparing", "Waiting", "Pushing", "Pushed", "Layer already exists", "Mounted from a", "x"]),
    st.sampled_from(["", "a", "b", "c"]),
    st.one_of(st.none(), st.integers(0, 2000)),
    st.one_of(st.none(), st.integers(0, 1000)),
)


@given(st.lists(_builds, max_size=30), st.lists(_pushes, max_size=30))
def test_percent_never_falls_and_never_reaches_the_end(builds: list[BuildEvent], pushes: list[PushEvent]) -> None:
    meter, seen = BuildMeter(moved_at=0.0), [0.0]
    meter.begin("building", now=0.0)
    for event in builds:
        seen.append(feed(meter, event)["percent"])
    meter.begin("pushing", now=0.0)
    for push in pushes:
        shot = feed(meter, push)
        seen.append(shot["percent"])
        assert shot["bytes_pushed"] <= (shot["bytes_total"] or 0)
    meter.begin("verifying", now=0.0)
    seen.append(meter.picture()["percent"])
    assert seen == sorted(seen) and seen[-1] < 100
