"""Streams of values and terminals, over scripted sources."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator

import pytest

from nodes.engine import EngineError, EngineRejected, Terminal
from nodes.engine.following import MOST_PENDING, Following
from nodes.engine.log_decoder import LogDecoder
from tests.support.fake_programs import FakeLine


class Source:
    """A `PullSource` of chunks, errors, and functions to call in between."""

    def __init__(self, steps: Iterable[bytes | EngineError | Callable[[], object]]) -> None:
        self._steps = steps
        self.aborted = threading.Event()
        self.read_so_far = 0

    def read(self) -> Iterator[bytes]:
        for step in self._steps:
            if isinstance(step, EngineError):
                raise step
            if callable(step):
                step()
            elif not self.aborted.is_set():
                self.read_so_far += 1
                yield step

    def abort(self) -> None:
        self.aborted.set()


def follow(source: Source) -> Following[str]:
    return Following(source, LogDecoder(framed=False), tick=0.01)


def test_values_ticks_and_the_end() -> None:
    go_on = threading.Event()
    stream = follow(Source([b"one", lambda: go_on.wait(60), b"tw\xc3", b"\xbc", b"\xe2"]))
    assert next(text for text in stream if text) == "one"
    assert next(stream) is None and not stream.ended
    go_on.set()
    assert "".join(text for text in stream if text) == "twü\ufffd"
    assert stream.ended and list(stream) == []


@pytest.mark.parametrize("failure", [EngineRejected(404, "No such container: x"), EngineError("engine_gone", "reset")])
def test_failures_come_after_what_was_read(failure: EngineError) -> None:
    source = Source([b"one", failure])
    stream = follow(source)
    with pytest.raises(EngineError) as error:
        assert [text for text in stream if text] == ["one"]
    assert error.value is failure
    assert source.aborted.is_set()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_reader_that_dies_ends_the_iteration() -> None:
    def die() -> None:
        raise SystemExit  # threads end by it without a word

    stream = follow(Source([die]))
    with pytest.raises(EngineError) as error:
        list(stream)
    stream._reader.join()
    assert error.value.code == "engine_gone"


def test_a_slow_consumer_holds_the_engine_up() -> None:
    source = Source([b"x"] * (3 * MOST_PENDING))
    stream = follow(source)
    assert next(text for text in stream if text) == "x"
    while source.read_so_far < MOST_PENDING:
        pass
    assert source.read_so_far <= MOST_PENDING + 2
    assert len([text for text in stream if text]) == 3 * MOST_PENDING - 1


def test_closing_wakes_everybody_up() -> None:
    source = Source([b"x"] * (3 * MOST_PENDING))
    stream = follow(source)
    next(stream)
    with stream:
        pass
    assert list(stream) == []
    assert source.aborted.is_set()
    assert not stream._reader.is_alive()


def test_a_terminal() -> None:
    line = FakeLine({"id": "root"})
    sizes: list[tuple[int, int]] = []
    terminal = Terminal(line, lambda columns, rows: sizes.append((columns, rows)), tick=0.01)
    terminal.resize(columns=132, rows=50)
    terminal.write(b"id\n")
    terminal.write(b"exit\n")
    assert b"root" in b"".join(chunk for chunk in terminal if chunk)
    assert sizes == [(132, 50)] and line.written == [b"id\n", b"exit\n"]
    with pytest.raises(EngineError) as gone:
        terminal.write(b"id\n")
    assert gone.value.code == "engine_gone" and len(line.written) == 2
