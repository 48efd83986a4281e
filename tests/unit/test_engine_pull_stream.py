"""A pull as its consumer sees it, with scripted engines."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from nodes.engine.errors import EngineError, EngineRejected
from nodes.engine.pull_stream import PullStream
from nodes.engine.types import PullEvent

LAYER = "0123456789ab"


def line(status: str, **more: Any) -> bytes:
    return json.dumps({"status": status, **more}).encode() + b"\r\n"


ENDING = line("Digest: sha256:12") + line("Status: Downloaded newer image for x:1")


class Source:
    """Plays `script`: bytes to send, seconds to wait, exceptions to raise, functions to call."""

    def __init__(self, *script: bytes | float | Exception | Callable[[], object]) -> None:
        self.script = script
        self.aborted = threading.Event()
        self.ended = threading.Event()

    def read(self) -> Iterator[bytes]:
        try:
            for step in self.script:
                if isinstance(step, bytes):
                    yield step
                elif isinstance(step, Exception):
                    raise step
                elif callable(step):
                    step()
                elif self.aborted.wait(step):
                    return
        finally:
            self.ended.set()

    def abort(self) -> None:
        self.aborted.set()


def test_a_good_pull() -> None:
    source = Source(line("Pulling from x", id="1"), line("Pull complete", id=LAYER), ENDING)
    with PullStream(source) as stream:
        assert stream.digest == ""
        statuses = [event.status for event in stream if event]
    assert statuses[:2] == ["Pulling from x", "Pull complete"]
    assert (stream.digest, stream.status_line) == ("sha256:12", "Downloaded newer image for x:1")
    assert list(stream) == []


def test_silence_is_ticks() -> None:
    with PullStream(Source(line("Pulling from x"), 60.0), tick=0.05) as stream:
        assert next(event for event in stream if event) == PullEvent("Pulling from x")
        started = time.monotonic()
        assert [next(stream) for _ in range(4)] == [None] * 4
        assert time.monotonic() - started > 0.15


def test_the_end_without_a_status_line_is_a_broken_connection() -> None:
    layer_like = line("Status: of a layer", id=LAYER)
    with PullStream(Source(line("Pulling from x"), layer_like)) as stream, pytest.raises(EngineError) as error:
        list(stream)
    assert (error.value.code, error.value.transient) == ("engine_gone", True)


def test_an_empty_stream_is_a_broken_connection() -> None:
    with PullStream(Source()) as stream, pytest.raises(EngineError, match="engine_gone"):
        list(stream)


@pytest.mark.parametrize("failure", [EngineRejected(404, "manifest unknown"), EngineError("engine_gone", "EOF")])
def test_failures_of_the_source_reach_the_consumer(failure: EngineError) -> None:
    with PullStream(Source(line("Pulling from x"), failure)) as stream:
        assert next(event for event in stream if event) == PullEvent("Pulling from x")
        with pytest.raises(EngineError) as error:
            list(stream)
    assert error.value is failure


def test_an_error_event_stops_the_reading() -> None:
    source = Source(line("Pulling from x") + b'{"error":"unknown blob"}\n', 60.0)
    with PullStream(source) as stream, pytest.raises(EngineRejected, match="unknown blob"):
        list(stream)
    assert source.ended.wait(30)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_bug_in_the_reader_does_not_leave_the_consumer_waiting() -> None:
    with PullStream(Source(ZeroDivisionError("bug"))) as stream, pytest.raises(EngineError, match="engine_gone"):
        list(stream)


def test_close_ends_everything_and_may_be_repeated() -> None:
    source = Source(line("Pulling from x"), 60.0)
    stream = PullStream(source)
    next(stream)
    stream.close()
    stream.close()
    assert source.ended.wait(30)
    assert list(stream) == []
    assert stream.status_line == ""


def test_close_before_the_first_event() -> None:
    source = Source(60.0)
    PullStream(source).close()
    assert source.ended.wait(30)


def test_close_from_another_thread() -> None:
    stream = PullStream(Source(120.0), tick=120)
    threading.Timer(0.1, stream.close).start()
    started = time.monotonic()
    assert list(stream) == []
    assert time.monotonic() - started < 60


def test_close_does_not_wait_for_a_reader_that_is_stuck() -> None:
    release = threading.Event()
    source = Source(lambda: release.wait(60))
    PullStream(source).close()
    assert not source.ended.is_set()
    release.set()


def test_leaving_the_block_closes() -> None:
    source = Source(60.0)
    with pytest.raises(RuntimeError), PullStream(source):
        raise RuntimeError
    assert source.ended.wait(30)


def test_a_slow_consumer_sees_every_state_and_the_newest_count() -> None:
    counts = [line("Downloading", id=LAYER, progressDetail={"current": n, "total": 5000}) for n in range(5001)]
    source = Source(line("Pulling fs layer", id=LAYER), *counts, line("Download complete", id=LAYER), ENDING)
    with PullStream(source) as stream:
        assert source.ended.wait(60)  # nobody has read anything so far
        events = [event for event in stream if event and event.layer]
    assert events == [
        PullEvent("Pulling fs layer", LAYER),
        PullEvent("Downloading", LAYER, 5000, 5000),
        PullEvent("Download complete", LAYER),
    ]
