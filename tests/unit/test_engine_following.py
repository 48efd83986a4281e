"""Streams of values and terminals, over scripted sources."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator

import pytest

from nodes.engine import EngineError, EngineRejected, LogText, Terminal
from nodes.engine.following import MOST_PENDING, Following
from nodes.engine.log_decoder import LogDecoder
from nodes.engine.terminal import Shown
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


def said(text: str) -> LogText:
    return LogText("stdout", text)


def follow(source: Source) -> Following[LogText]:
    return Following(source, LogDecoder(framed=False), tick=0.01)


def test_values_ticks_and_the_end() -> None:
    go_on = threading.Event()
    stream = follow(Source([b"one", lambda: go_on.wait(60), b"tw\xc3", b"\xbc", b"\xe2"]))
    assert next(piece for piece in stream if piece) == said("one")
    assert next(stream) is None and not stream.ended
    go_on.set()
    assert "".join(piece.text for piece in stream if piece) == "twü\ufffd"
    assert stream.ended and list(stream) == []


@pytest.mark.parametrize("failure", [EngineRejected(404, "No such container: x"), EngineError("engine_gone", "reset")])
def test_failures_come_after_what_was_read(failure: EngineError) -> None:
    source = Source([b"one", failure])
    stream = follow(source)
    with pytest.raises(EngineError) as error:
        assert [piece for piece in stream if piece] == [said("one")]
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
    assert next(piece for piece in stream if piece) == said("x")
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


def announced(*chunks: bytes, ends: bool = False) -> tuple[Terminal, list[int]]:
    """A terminal whose shell tells its number first, and whom it hung up on."""
    hung_up: list[int] = []
    line = ScriptedLine(chunks, ends=ends)
    return Terminal(line, lambda columns, rows: None, hang_up=hung_up.append, tick=0.01), hung_up


class ScriptedLine(Source):
    """Shows the chunks, and waits until it is closed unless it `ends`."""

    def __init__(self, chunks: tuple[bytes, ...], *, ends: bool) -> None:
        super().__init__([*chunks, *([] if ends else [lambda: self.aborted.wait(60)])])

    def write(self, data: bytes) -> None:
        pass


@pytest.mark.parametrize("chunks", [(b"57\r\n# ",), (b"5", b"7\r", b"\n", b"# "), (b"57\n", b"# ")])
def test_the_number_of_a_shell_is_not_shown_and_ends_it(chunks: tuple[bytes, ...]) -> None:
    terminal, hung_up = announced(*chunks)
    assert next(chunk for chunk in terminal if chunk) == b"# "
    terminal.close()
    terminal.close()
    assert hung_up == [57]


@pytest.mark.parametrize(
    "chunks", [(b"OCI runtime exec failed: no such file\r\n",), (b"x" * 20, b"x" * 20), (b"57", b"x\n")]
)
def test_what_is_no_number_is_shown(chunks: tuple[bytes, ...]) -> None:
    terminal, hung_up = announced(*chunks)
    assert next(chunk for chunk in terminal if chunk) == b"".join(chunks)
    terminal.close()
    assert hung_up == []


def test_a_shell_that_ended_by_itself_is_left_alone() -> None:
    terminal, hung_up = announced(b"57\r\nexit\r\n", ends=True)
    assert b"".join(chunk for chunk in terminal if chunk) == b"exit\r\n"
    terminal.close()
    assert hung_up == []


class LateLine(ScriptedLine):
    """Tells its number only after somebody began to close it, unless it is cut off at once."""

    def __init__(self) -> None:
        super().__init__((b"57\r\n# ",), ends=False)
        self.closing = threading.Event()

    def read(self) -> Iterator[bytes]:
        self.closing.wait(60)
        self.aborted.wait(0.05)
        yield from super().read()


def test_a_shell_that_is_closed_before_it_told_its_number_is_ended() -> None:
    line, hung_up = LateLine(), list[int]()
    terminal = Terminal(line, lambda columns, rows: None, hang_up=hung_up.append, tick=0.01)
    line.closing.set()
    terminal.close()
    assert hung_up == [57]


def test_one_that_never_tells_it_is_closed_all_the_same() -> None:
    terminal, hung_up = announced()
    terminal.close()
    assert hung_up == [] and list(terminal) == []


def test_an_end_in_the_middle_of_the_first_line_shows_it() -> None:
    shown = Shown(announced=True)
    assert list(shown.feed(b"bash: no")) == [] and list(shown.finish()) == [b"bash: no"] and shown.process is None
