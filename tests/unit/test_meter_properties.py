"""The promises of the meter under streams that no engine has sent: stretched, thinned, doubled, shuffled, invented."""

from __future__ import annotations

import random
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from nodes.engine.types import PullEvent
from pulls.meter import LayerPlan, LayerState, Meter, Phase, Progress
from tests.support.pull_streams import Recording, TimedEvent, names, recording

IDS = [f"{number:012x}" for number in range(6)]
STATUSES = [
    "Pulling fs layer",
    "Waiting",
    "Downloading",
    "Pulling layer fs",
    "Verifying Checksum",
    "Download complete",
    "Extracting",
    "Pull complete",
    "Already exists",
    "Exists",
    "Retrying in 5 seconds",
    "Retrying in 1 second",
    "Pulling from team/image",
    "Something else",
    "",
]
COUNTS = st.none() | st.integers(-5, 3000) | st.sampled_from([0, 2**31, 2**63, 10**40])


class Watched:
    """A meter whose every snapshot is held against the one before it."""

    def __init__(self, plan: Sequence[LayerPlan] | None) -> None:
        self.plan = plan
        self.meter = Meter(plan=plan, now=0.0)
        self.now = 0.0
        self.moved_at = 0.0
        self.before = self.look()

    def feed(self, at: float, event: PullEvent) -> None:
        self.now = at
        self.meter.feed(event, now=at)

    def look(self) -> Progress:
        after = self.meter.progress(now=self.now)
        before = getattr(self, "before", after)
        assert before.percent <= after.percent
        assert (after.percent == 100) == (after.phase is Phase.DONE)
        assert before.bytes_downloaded <= after.bytes_downloaded <= after.bytes_total
        assert before.bytes_extracted <= after.bytes_extracted <= after.bytes_downloaded
        assert after.speed_bps is None or after.speed_bps >= 0
        assert after.eta_seconds is None or 0 <= after.eta_seconds[0] <= after.eta_seconds[1]
        assert self.moved_at <= self.meter.moved_at <= self.now
        wanted = [layer for layer in after.layers if layer.state is not LayerState.REUSED]
        assert after.bytes_total == sum(layer.size or 0 for layer in wanted)
        if self.plan is not None and after.bytes_total_exact and after.phase not in (Phase.VERIFYING, Phase.DONE):
            assert after.bytes_total + after.bytes_reused == sum(
                {layer.digest: layer.size for layer in self.plan}.values()
            )
        self.before, self.moved_at = after, self.meter.moved_at
        return after

    def finish(self) -> None:
        self.meter.verifying()
        end = self.look()
        assert end.bytes_downloaded == end.bytes_extracted == end.bytes_total
        assert end.percent == 99.9
        self.meter.verified()
        assert self.look().percent == 100


def distorted(stream: Recording, dice: random.Random, *, losing: float) -> list[TimedEvent]:
    """Any times, and events lost, repeated or out of order; only the end of the stream stays in its place."""
    *body, last = stream.events
    events = [event for _, event in body if dice.random() >= losing]
    events += [event for event in events if dice.random() < 0.1]
    for index in range(len(events) - 1):
        if dice.random() < 0.2:
            other = min(len(events) - 1, index + dice.randint(1, 8))
            events[index], events[other] = events[other], events[index]
    at, timed = 0.0, []
    for event in [*events, last[1]]:
        at += dice.choice((0.0, 0.001, 0.1, 0.1, 1.0, 7.0)) * dice.random()
        timed.append((at, event))
    return timed


@settings(max_examples=60)
@given(
    name=st.sampled_from(names()),
    seed=st.integers(0, 2**32),
    losing=st.sampled_from([0.0, 0.1, 0.5, 0.9]),
    kind=st.sampled_from(["plan", "unknowing", "none"]),
    every=st.integers(1, 5),
)
def test_distorted_streams(name, seed, losing, kind, every):
    stream = recording(name)
    plan = {"plan": stream.plan, "unknowing": stream.unknowing_plan, "none": None}[kind]
    watched = Watched(plan)
    for number, (at, event) in enumerate(distorted(stream, random.Random(seed), losing=losing)):
        watched.feed(at, event)
        if number % every == 0:
            assert watched.look().bytes_total_exact or kind == "none"
    watched.finish()


@settings(max_examples=40)
@given(name=st.sampled_from([name for name in names() if recording(name).succeeded]), factor=st.floats(0.01, 1000))
def test_a_complete_stream_at_any_pace_moves_exactly_its_bytes(name, factor):
    stream = recording(name)
    watched = Watched(stream.plan)
    for at, event in stream.events:
        watched.feed(at * factor, event)
        watched.look()
    assert watched.before.bytes_total + watched.before.bytes_reused == stream.size
    watched.finish()


PLANS = st.none() | st.lists(
    st.builds(
        LayerPlan,
        digest=st.sampled_from(IDS + IDS[:2]).map(lambda layer: "sha256:" + layer.ljust(64, "0")),
        size=st.integers(0, 3000),
        reused=st.booleans(),
    ).filter(lambda layer: layer.size or not layer.reused),
    max_size=6,
    unique_by=lambda layer: layer.digest,
)
SOUP = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.05, 0.3, 2.0, 9.0, 400.0]),
        st.builds(
            PullEvent,
            status=st.sampled_from(STATUSES),
            layer=st.sampled_from(["", *IDS]),
            current=COUNTS,
            total=COUNTS,
            units=st.sampled_from(["", "", "s"]),
        ),
    ),
    max_size=60,
)


@settings(max_examples=1000)
@given(plan=PLANS, soup=SOUP)
def test_any_soup_of_events(plan, soup):
    watched = Watched(plan)
    at = 0.0
    for pause, event in soup:
        at += pause
        watched.feed(at, event)
        picture = watched.look()
        assert picture.percent < 100
        assert picture.bytes_total < 2**63
    watched.finish()
