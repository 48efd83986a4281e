"""Output in frames: whatever way it is cut, the same text comes out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.engine import EngineError, LogText
from nodes.engine.frames import STDERR, STDOUT, FrameReader, Tail, TextDecoder, as_text
from nodes.engine.log_decoder import LogDecoder


def frame(stream: int, payload: bytes) -> bytes:
    return bytes([stream, 0, 0, 0]) + len(payload).to_bytes(4, "big") + payload


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = sorted({place % (len(data) + 1) for place in places})
    return [data[start:end] for start, end in zip([0, *edges], [*edges, len(data)], strict=True)]


@given(
    st.lists(st.tuples(st.sampled_from([STDOUT, STDERR]), st.binary(max_size=40)), max_size=8),
    st.lists(st.integers(min_value=0), max_size=12),
)
def test_frames_may_be_cut_anywhere(parts: list[tuple[int, bytes]], places: list[int]) -> None:
    data = b"".join(frame(stream, payload) for stream, payload in parts)
    reader = FrameReader(framed=True)
    found = [part for chunk in cut(data, places) for part in reader.feed(chunk)]
    for stream in (STDOUT, STDERR):
        sent = b"".join(payload for number, payload in parts if number == stream)
        assert b"".join(payload for number, payload in found if number == stream) == sent
    order = [stream for stream, payload in parts if payload]
    assert _without_repeats([stream for stream, _ in found]) == _without_repeats(order)


def _without_repeats(streams: list[int]) -> list[int]:
    return [stream for number, stream in enumerate(streams) if number == 0 or streams[number - 1] != stream]


@given(st.text(max_size=30), st.text(max_size=30), st.integers(1, 5))
def test_characters_may_be_cut_by_frames_of_the_other_stream(out: str, err: str, size: int) -> None:
    outs, errs = out.encode(), err.encode()
    data = b""
    for start in range(0, max(len(outs), len(errs)), size):
        data += frame(STDOUT, outs[start : start + size]) + frame(STDERR, errs[start : start + size])
    parts = list(FrameReader(framed=True).feed(data))
    for stream, text in ((STDOUT, out), (STDERR, err)):
        assert as_text(part for part in parts if part[0] == stream) == text.replace("\0", "\ufffd")


def test_other_streams_than_the_two() -> None:
    data = frame(0, b"echo") + frame(3, b"the engine complains")
    assert list(FrameReader(framed=True).feed(data)) == [(STDOUT, b"echo"), (STDERR, b"the engine complains")]


def test_a_terminals_output_has_no_frames() -> None:
    reader = FrameReader(framed=False)
    assert list(reader.feed(frame(STDERR, b"x"))) == [(STDOUT, frame(STDERR, b"x"))]
    assert list(reader.feed(b"")) == []


@pytest.mark.parametrize("data", [b"plain text, not frames", b"\x01\x00\x00\x01\x00\x00\x00\x01x", b"\x04" + bytes(7)])
def test_what_is_no_frame(data: bytes) -> None:
    with pytest.raises(EngineError) as error:
        list(FrameReader(framed=True).feed(data))
    assert error.value.code == "engine_not_docker"


def test_what_is_no_text() -> None:
    decoder = TextDecoder()
    assert decoder.decode(STDOUT, b"a\0b\xff\xc3") == "a\ufffdb\ufffd"
    assert decoder.decode(STDERR, b"\xa4") == "\ufffd"
    assert decoder.decode(STDOUT, b"\xbc") == "ü"
    decoder.decode(STDERR, b"\xe2\x82")
    assert decoder.finish() == "\ufffd"


def test_a_log_as_text() -> None:
    decoder = LogDecoder(framed=True)
    data = frame(STDOUT, "ü".encode()[:1]) + frame(STDERR, b"!") + frame(STDOUT, "ü".encode()[1:]) + frame(1, b"\xe2")
    found = [text for byte in data for text in decoder.feed(bytes([byte]))]
    assert found == [LogText("stderr", "!"), LogText("stdout", "ü")]
    assert list(decoder.finish()) == [LogText("stdout", "\ufffd")]
    assert list(decoder.finish()) == []


def test_a_log_is_joined_where_nobody_else_speaks() -> None:
    parts = [(STDOUT, b"a"), (STDOUT, b"b"), (STDERR, b"!"), (STDOUT, b""), (STDERR, b"?")]
    data = b"".join(frame(*part) for part in parts)
    assert list(LogDecoder(framed=True).feed(data)) == [LogText("stdout", "ab"), LogText("stderr", "!?")]
    assert list(LogDecoder(framed=False).feed(b"x\r\n")) == [LogText("stdout", "x\r\n")]


@pytest.mark.parametrize(
    ("limit", "text"),
    [
        (100, "one\ntwo\nthree\n"),
        (14, "one\ntwo\nthree\n"),
        (13, "two\nthree\n"),
        (8, "three\n"),
        (3, "ee\n"),
        (0, ""),
    ],
)
def test_the_end_of_a_log(limit: int, text: str) -> None:
    tail = Tail(limit)
    for part in (b"one\n", b"two\nth", b"r", b"", b"ee\n"):
        tail.add(STDOUT, part)
    assert tail.text() == text
