"""Pushes as engines tell of them, and streams whose other end raises anything."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.engine import EngineError, EngineRejected, PushEvent, PushStream
from nodes.engine.build_stream import PushDecoder
from tests.support.build_streams import engines, pieces, recorded

every_engine = pytest.mark.parametrize("engine", engines())


class Source:
    """A `PullSource`."""

    def __init__(self, *steps: bytes | Exception) -> None:
        self._steps = steps
        self.aborted = False

    def read(self) -> Iterator[bytes]:
        for step in self._steps:
            if isinstance(step, Exception):
                raise step
            yield step

    def abort(self) -> None:
        self.aborted = True


def line(**message: Any) -> bytes:
    return json.dumps(message).encode() + b"\r\n"


def played(data: bytes) -> tuple[list[PushEvent], PushStream]:
    stream = PushStream(Source(*pieces(data, 100)), tick=0.01)
    return [event for event in stream if event is not None], stream


@every_engine
def test_a_push(engine: str) -> None:
    events, stream = played(recorded(f"{engine}-push-success"))
    assert stream.digest.startswith("sha256:") and len(stream.digest) == 71 and stream.size > 1000
    assert events[0] == PushEvent("The push refers to repository [127.0.0.1:5001/me/app]")
    prepared = {event.layer for event in events if event.status in ("Preparing", "Waiting")}
    ended = {event.layer for event in events if event.status in ("Pushed", "Layer already exists")}
    ended |= {event.layer for event in events if event.status.startswith("Mounted from ")}
    assert ended >= prepared and ended and all(len(layer) == 12 for layer in ended)


@every_engine
def test_a_push_of_what_is_there(engine: str) -> None:
    events, stream = played(recorded(f"{engine}-push-existing"))
    assert stream.digest and "Layer already exists" in {event.status for event in events}
    assert "Pushed" not in {event.status for event in events}


@every_engine
def test_a_push_without_rights(engine: str) -> None:
    with pytest.raises(EngineRejected, match="no basic auth credentials") as error:
        played(recorded(f"{engine}-push-unauthorized"))
    assert error.value.status is None


def test_how_much_is_through() -> None:
    data = line(status="Pushing", progressDetail={"current": 512, "total": 2000}, progress="[=>]", id="0123456789ab")
    assert list(PushDecoder().feed(data)) == [PushEvent("Pushing", "0123456789ab", 512, 2000)]


@pytest.mark.parametrize(
    "last",
    ["1: digest: sha256:0123 size: 5", "1: digest: md5:" + 32 * "0" + " size: 5", "Pushed", ""],
)
def test_a_push_that_does_not_say_how_it_went(last: str) -> None:
    with pytest.raises(EngineError) as error:
        played(line(status=last))
    assert error.value.code == "engine_gone"


@pytest.mark.parametrize("failure", [ValueError("x"), KeyError("x"), EngineError("engine_gone")])
def test_whatever_goes_wrong_is_for_the_one_who_waits(failure: Exception) -> None:
    source = Source(line(status="Preparing"), failure)
    stream = PushStream(source, tick=0.01)
    with pytest.raises(type(failure)) as error:
        list(stream)
    assert error.value is failure and source.aborted


@given(st.lists(st.dictionaries(st.sampled_from(["status", "id", "aux", "progressDetail"]), st.text() | st.none())))
def test_whatever_comes_nothing_but_engine_errors_is_raised(messages: list[dict[str, Any]]) -> None:
    decoder = PushDecoder()
    try:
        for message in messages:
            for event in decoder.feed(line(**message)):
                event.status.encode()
        list(decoder.finish())
    except EngineError:
        pass
