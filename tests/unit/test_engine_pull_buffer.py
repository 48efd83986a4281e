"""The buffer between reader and consumer of a pull: merges progress, loses no state."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.engine.pull_buffer import EventBuffer
from nodes.engine.types import PullEvent

A, B = "a" * 12, "b" * 12


def drain(buffer: EventBuffer) -> list[PullEvent]:
    events = []
    while (event := buffer.take(timeout=0)) is not None:
        events.append(event)
    return events


def test_progress_is_merged_and_states_are_kept() -> None:
    buffer = EventBuffer()
    for event in (
        PullEvent("Pulling fs layer", A),
        PullEvent("Downloading", A, 10, 99),
        PullEvent("Downloading", B, 1, 50),
        PullEvent("Downloading", A, 20, 99),
        PullEvent("Retrying in 5 seconds", A),
        PullEvent("Retrying in 4 seconds", A),
        PullEvent("Downloading", A, 5, 99),
        PullEvent("Downloading", B, 2, 50),
    ):
        assert buffer.put(event)
    assert drain(buffer) == [
        PullEvent("Pulling fs layer", A),
        PullEvent("Downloading", A, 20, 99),
        PullEvent("Downloading", B, 2, 50),
        PullEvent("Retrying in 4 seconds", A),
        PullEvent("Downloading", A, 5, 99),
    ]


def test_lines_without_a_layer_are_never_merged() -> None:
    buffer = EventBuffer()
    for _ in range(3):
        buffer.put(PullEvent("Status: the same"))
    assert len(drain(buffer)) == 3


STATES = st.sampled_from(["Pulling fs layer", "Downloading", "Retrying in 5 seconds", "Download complete"])
EVENTS = st.builds(PullEvent, STATES, st.sampled_from([A, B, ""]), st.integers(0, 100))


@given(st.lists(st.tuples(EVENTS, st.booleans()), max_size=60))
def test_each_layer_shows_its_states_in_order_and_its_newest_count(script: list[tuple[PullEvent, bool]]) -> None:
    """Whenever the consumer looks: the states of a layer are those sent, and its last event is the last one sent."""
    buffer, taken = EventBuffer(), []
    for event, consumer_looks in script:
        buffer.put(event)
        if consumer_looks:
            taken += drain(buffer)
    taken += drain(buffer)
    sent, seen = _by_layer([event for event, _ in script]), _by_layer(taken)
    assert sent.keys() == seen.keys()
    for layer in (A, B):
        assert _states(seen[layer]) == _states(sent[layer])
        assert seen[layer][-1:] == sent[layer][-1:]
    assert seen[""] == sent[""]


def _by_layer(events: list[PullEvent]) -> dict[str, list[PullEvent]]:
    layers: dict[str, list[PullEvent]] = defaultdict(list)
    for event in events:
        layers[event.layer].append(event)
    layers[A], layers[B], layers[""]
    return layers


def _states(events: list[PullEvent]) -> list[str]:
    return [state for state, _ in groupby(event.status for event in events)]


def test_a_full_buffer_makes_the_reader_wait() -> None:
    buffer = EventBuffer(limit=2)
    sent = threading.Event()

    def read() -> None:
        for number in range(3):
            buffer.put(PullEvent(f"line {number}"))
        sent.set()

    threading.Thread(target=read, daemon=True).start()
    assert not sent.wait(0.1)
    assert buffer.take(timeout=30) == PullEvent("line 0")
    assert sent.wait(30)
    assert drain(buffer) == [PullEvent("line 1"), PullEvent("line 2")]


def test_a_full_buffer_still_merges() -> None:
    buffer = EventBuffer(limit=1)
    assert buffer.put(PullEvent("Downloading", A, 1))
    assert buffer.put(PullEvent("Downloading", A, 2))
    assert drain(buffer) == [PullEvent("Downloading", A, 2)]


def test_close_frees_a_waiting_reader_and_a_waiting_consumer() -> None:
    full, empty = EventBuffer(limit=1), EventBuffer()
    full.put(PullEvent("line"))
    for buffer in (full, empty):
        threading.Timer(0.05, buffer.close).start()
    assert full.put(PullEvent("another")) is False
    with pytest.raises(StopIteration):
        empty.take(timeout=60)
    assert full.put(PullEvent("later")) is False


def test_the_end_comes_after_what_is_pending() -> None:
    buffer = EventBuffer()
    buffer.put(PullEvent("last"))
    buffer.finish(OSError("broken"))
    assert buffer.take(timeout=0) == PullEvent("last")
    for _ in range(2):
        with pytest.raises(OSError, match="broken"):
            buffer.take(timeout=0)


def test_silence_is_none_after_the_timeout() -> None:
    started = time.monotonic()
    assert EventBuffer().take(timeout=0.05) is None
    assert time.monotonic() - started > 0.04
