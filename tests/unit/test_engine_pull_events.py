"""From the bytes of a pull stream to events."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.engine.errors import EngineError, EngineRejected
from nodes.engine.pull_events import MAX_LINE, EventDecoder
from nodes.engine.types import PullEvent

LAYER = "0123456789ab"


def line(**message: Any) -> bytes:
    return json.dumps(message).encode() + b"\r\n"


def decode(*chunks: bytes) -> list[PullEvent]:
    decoder = EventDecoder()
    return [event for chunk in chunks for event in decoder.feed(chunk)]


@pytest.mark.parametrize(
    ("message", "event"),
    [
        ({"status": "Pulling from team/mid", "id": "1"}, PullEvent("Pulling from team/mid")),
        ({"status": "Pulling from team/mid", "id": LAYER}, PullEvent("Pulling from team/mid")),  # a tag like a layer
        ({"status": "Pulling fs layer", "progressDetail": {}, "id": LAYER}, PullEvent("Pulling fs layer", LAYER)),
        (
            {"status": "Downloading", "progressDetail": {"current": 5, "total": 9}, "progress": "[=>", "id": LAYER},
            PullEvent("Downloading", LAYER, 5, 9),
        ),
        (
            {"status": "Downloading", "progressDetail": {"current": 5, "total": -1}, "id": LAYER},
            PullEvent("Downloading", LAYER, 5, None),
        ),
        (
            {"status": "Extracting", "progressDetail": {"current": 3, "units": "s"}, "id": LAYER},
            PullEvent("Extracting", LAYER, 3, None, "s"),
        ),
        (
            {"status": "Pull complete", "progressDetail": {"hidecounts": True}, "id": LAYER},
            PullEvent("Pull complete", LAYER),
        ),
        ({"status": "Digest: sha256:00"}, PullEvent("Digest: sha256:00")),
        ({"status": 3, "id": None, "progressDetail": []}, PullEvent("")),
        (
            {"status": "Downloading", "progressDetail": {"current": True, "total": "9"}, "id": LAYER.upper()},
            PullEvent("Downloading"),
        ),
        ({}, PullEvent("")),
    ],
)
def test_events(message: dict[str, Any], event: PullEvent) -> None:
    assert decode(line(**message)) == [event]


@given(st.lists(st.integers(1, 60), max_size=20))
def test_chunks_may_end_anywhere(cuts: list[int]) -> None:
    stream = b"".join(line(status="Downloading", id=LAYER, progressDetail={"current": n}) for n in range(9)) + b"\r\n"
    chunks, position = [], 0
    for cut in cuts:
        chunks.append(stream[position : position + cut])
        position += cut
    chunks.append(stream[position:])
    assert decode(*chunks) == [PullEvent("Downloading", LAYER, n) for n in range(9)]


def test_an_unfinished_line_is_no_event() -> None:
    assert decode(line(status="a"), b'{"status":"b') == [PullEvent("a")]


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"errorDetail": {"message": "unknown blob"}, "error": "unknown"}, "unknown blob"),
        ({"error": "unknown blob"}, "unknown blob"),
        ({"error": "", "errorDetail": {"code": 1}}, "the engine reports an error without a text"),
        ({"status": "Downloading", "errorDetail": {"message": "late\nfailure"}}, "late failure"),
    ],
)
def test_an_error_event_comes_after_the_events_before_it(message: dict[str, Any], text: str) -> None:
    events = EventDecoder().feed(line(status="first") + line(**message) + line(status="never"))
    assert next(events) == PullEvent("first")
    with pytest.raises(EngineRejected) as error:
        next(events)
    assert (error.value.status, error.value.evidence) == (None, text)


@pytest.mark.parametrize("garbage", [b"<html>\n", b"[1]\n", b'"text"\n', b"\xff\xfe\n", b"x" * (MAX_LINE + 1)])
def test_what_is_no_event_stream(garbage: bytes) -> None:
    with pytest.raises(EngineError) as error:
        decode(garbage)
    assert error.value.code == "engine_not_docker"
    assert not isinstance(error.value, EngineRejected)
