"""What classic builders say."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.engine import BuildEvent, BuildEventKind, BuildStream, EngineError, EngineRejected
from nodes.engine.build_classic import ClassicDecoder
from nodes.engine.build_stream import MOST_PENDING
from tests.services.process import wait_until
from tests.support.build_streams import engines, recorded, replayed
from tests.unit.test_engine_following import Source

STEP, OUTPUT, CACHED, DONE, FAILED, PROGRESS, WARNING = (
    getattr(BuildEventKind, name) for name in ("STEP", "OUTPUT", "CACHED", "DONE", "FAILED", "PROGRESS", "WARNING")
)
every_engine = pytest.mark.parametrize("engine", engines())
END = ({"aux": {"ID": "sha256:1"}}, "Successfully built 0123456789ab\n")
RUNNING = " ---> Running in 0123456789ab\n"


def lines(*messages: Any) -> bytes:
    """Texts are what a builder says."""
    told = ({"stream": message} if isinstance(message, str) else message for message in messages)
    return b"".join(json.dumps(message).encode() + b"\r\n" for message in told)


def decode(*messages: Any) -> list[BuildEvent]:
    decoder = ClassicDecoder()
    return [*decoder.feed(lines(*messages)), *decoder.finish()]


def told(events: list[BuildEvent]) -> list[tuple[str, int, str]]:
    return [(event.kind, event.step, event.text) for event in events if event.kind != PROGRESS]


@every_engine
def test_a_build(engine: str) -> None:
    decoder = ClassicDecoder()
    events, error = replayed(decoder, recorded(f"{engine}-classic-success"))
    assert not error and decoder.image_id.startswith("sha256:")
    run = "RUN echo one; echo two >&2; printf 'three\\rfour\\n'"
    steps = [event.text for event in events if event.kind == STEP]
    assert steps[:5] == ["ARG BASE", "FROM ${BASE} AS first", run, "FROM first", "COPY file /file"]
    assert steps[5].startswith("RUN printf") and steps[6:] == ["LABEL a=b"]
    assert [event.step for event in events if event.kind == DONE] == list(range(1, 8))
    assert {event.steps for event in events} == {7}
    assert sorted(event.text for event in events if event.kind == OUTPUT and event.step == 3) == ["four", "one", "two"]
    assert next(event.text for event in events if event.kind == OUTPUT and event.step == 6) == "bold"
    assert [(event.step, event.text) for event in events if event.kind == WARNING] == [
        (7, "One or more build-args [UNUSED] were not consumed")
    ]
    layers = {event.layer for event in events if event.total}
    assert len(layers) >= 4 and all(event.kind == PROGRESS and event.step == 2 for event in events if event.layer)
    assert ("three", PROGRESS) in [(event.text, event.kind) for event in events]


@every_engine
def test_a_build_that_was_made_before(engine: str) -> None:
    events, error = replayed(ClassicDecoder(), recorded(f"{engine}-classic-cached"))
    assert not error
    assert [event.step for event in events if event.kind == CACHED] == [3, 5, 6, 7]
    assert [event.step for event in events if event.kind == DONE] == list(range(1, 8))
    assert OUTPUT not in {event.kind for event in events}


@every_engine
def test_a_step_that_fails(engine: str) -> None:
    events, error = replayed(ClassicDecoder(), recorded(f"{engine}-classic-failed-step"))
    assert error == "The command '/bin/sh -c echo before && exit 3' returned a non-zero code: 3"
    assert told(events)[-3:] == [(STEP, 3, "RUN echo before && exit 3"), (OUTPUT, 3, "before"), (FAILED, 3, "")]


@every_engine
def test_a_base_that_is_missing(engine: str) -> None:
    events, error = replayed(ClassicDecoder(), recorded(f"{engine}-classic-no-base"))
    assert "not found" in error
    assert told(events) == [(STEP, 1, "FROM 127.0.0.1:5000/team/nosuch:1"), (FAILED, 1, "")]


def test_times_are_those_between_the_messages() -> None:
    clock = iter([10.0, 12.5])
    decoder = ClassicDecoder(now=lambda: next(clock))
    events = list(decoder.feed(lines("Step 1/1 : FROM a", " ---> 0123456789ab\n")))
    assert [event.seconds for event in events if event.kind == DONE] == [2.5]


def test_a_program_cannot_speak_for_the_builder() -> None:
    lies = ["Step 2/9 : RUN lies\n", " ---> Using cache\n", " ---> 0123456789ab\n", "[Warning] of nothing\n"]
    events = decode(
        "Step 1/9 : RUN x", RUNNING, *lies, "Removing intermediate container ffffffffffff\n",
        "Removing intermediate container 0123456789ab\n", " ---> 0123456789ab\n", *END,
    )  # fmt: skip
    said = [event.text for event in events if event.kind == OUTPUT]
    assert said == [*(lie.rstrip("\n") for lie in lies), "Removing intermediate container ffffffffffff"]
    assert [event.kind for event in events if event.kind != OUTPUT] == [STEP, DONE]


def test_output_without_an_end_comes_before_the_end_of_its_step() -> None:
    events = decode("Step 1/1 : RUN x", RUNNING, "no end", "Removing intermediate container 0123456789ab\n", *END)
    assert told(events) == [(STEP, 1, "RUN x"), (OUTPUT, 1, "no end"), (DONE, 1, "")]
    decoder = ClassicDecoder()
    with pytest.raises(EngineRejected):
        events = []
        for event in decoder.feed(lines("Step 1/1 : RUN x", RUNNING, "no end", {"error": "failed"})):
            events.append(event)
    assert told(events)[1:] == [(OUTPUT, 1, "no end"), (FAILED, 1, "")]


def test_an_instruction_of_several_lines() -> None:
    events = decode("Step 1/1 : RUN <<EOF\necho\nEOF\n", *END)
    assert events[0].text == "RUN <<EOF\necho\nEOF"


def test_what_the_engine_warns_of_meanwhile() -> None:
    events = decode("Step 1/1 : RUN x", "\n", " ---> [Warning] IPv4 forwarding is disabled.\n", RUNNING, *END)
    assert (WARNING, 1, "IPv4 forwarding is disabled.") in told(events)


def test_the_id_of_a_stage_is_no_success() -> None:
    with pytest.raises(EngineError, match="without saying how it went"):
        decode("Step 1/2 : FROM a", " ---> 0123456789ab\n", END[0], "Step 2/2 : FROM b")


def test_a_stream_that_ends_too_early() -> None:
    decoder = ClassicDecoder()
    events = list(decoder.feed(lines("Step 1/1 : RUN x", RUNNING, "half")))
    with pytest.raises(EngineError, match="without saying how it went") as error:
        for event in decoder.finish():
            events.append(event)
    assert error.value.code == "engine_gone"
    assert events[-1].text == "half"


def test_a_slow_consumer_holds_the_build_up_and_loses_nothing() -> None:
    said = [lines(f"line {number}\n") for number in range(3 * MOST_PENDING)]
    source = Source([lines("Step 1/1 : RUN x", RUNNING), *said, lines(*END)])
    stream = BuildStream(source, ClassicDecoder(), tick=0.01)
    wait_until("the buffer to be full", lambda: len(stream._pending) == MOST_PENDING)
    assert source.read_so_far < len(said)
    events = [event.text for event in stream if event and event.kind == OUTPUT]
    assert events == [f"line {number}" for number in range(3 * MOST_PENDING)]
    assert stream.image_id == "sha256:1" and stream.ended_well


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["ID", "message", "current"]), inner),
    max_leaves=4,
)
words = st.sampled_from(
    [
        "Step 1/2 : FROM a",
        "Step 2/2 : RUN",
        RUNNING,
        "Removing intermediate container 0123456789ab\n",
        " ---> Using cache\n",
    ]
)
message = st.dictionaries(
    st.sampled_from(["stream", "aux", "status", "id", "progressDetail", "error", "errorDetail"]), words | anything
)


@given(st.lists(message | anything, max_size=8), st.binary(max_size=30))
def test_whatever_comes_nothing_but_engine_errors_is_raised(messages: list[Any], rubbish: bytes) -> None:
    decoder = ClassicDecoder()
    try:
        for chunk in (lines(*messages), rubbish, b"\n"):
            for event in decoder.feed(chunk):
                event.text.encode()
                assert "\0" not in event.text and (event.seconds is None or event.seconds >= 0)
        list(decoder.finish())
    except EngineError:
        pass
