"""Lines from the output of programs."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.engine.build_lines import LONGEST, ByteLineReader, Line, LineReader, shown


def read(*pieces: str) -> list[tuple[str, bool]]:
    reader = LineReader()
    return told([line for piece in pieces for line in reader.feed(piece)] + list(reader.finish()))


def told(lines: Iterable[Line]) -> list[tuple[str, bool]]:
    return [(line.text, line.stays) for line in lines]


def kept(*pieces: str) -> list[str]:
    return [line for line, stays in read(*pieces) if stays]


@pytest.mark.parametrize(
    ("pieces", "lines"),
    [
        (["one\ntwo\n"], ["one", "two"]),
        (["o", "ne\n", "\n", "t"], ["one", "", "t"]),
        (["one\r\ntwo\r", "\nthree"], ["one", "two", "three"]),
        (["\x1b[91merr\n\x1b[0m"], ["err"]),
        (["\x1b[1;", "31mred\x1b[0m\n"], ["red"]),
        (["\x1b]0;title\x07a\x1b[2K\x08b\n"], ["ab"]),
        (["a\tb\0c\ud800\n"], ["a\tb\ufffdc?"]),
        ([""], []),
        (["\r"], []),
    ],
)
def test_lines(pieces: list[str], lines: list[str]) -> None:
    assert kept(*pieces) == lines


def test_what_is_overwritten_does_not_stay() -> None:
    assert read("  1%\r 50%\r", "100%\r\nnext\rlast") == [
        ("  1%", False), (" 50%", False), ("100%", True), ("next", False), ("last", True),
    ]  # fmt: skip


def test_a_progress_bar_is_told_while_it_moves() -> None:
    reader = LineReader()
    assert told(reader.feed("1%\r2")) == [("1%", False)]
    assert list(reader.feed("%\r")) == []
    assert told(reader.feed("3%\r4%")) == [("2%", False), ("3%", False)]


def test_a_long_line_comes_in_pieces_and_whole() -> None:
    text = "".join(chr(97 + number % 26) for number in range(3 * LONGEST + 5))
    for pieces in ([text + "\n"], [text[:LONGEST], text[LONGEST:], "\n"], list(text)):
        lines = kept(*pieces)
        assert "".join(lines) == text and max(map(len, lines)) == LONGEST
        reader = LineReader()
        found = [line for piece in pieces for line in reader.feed(piece)] + list(reader.finish())
        assert [line.goes_on for line in found] == [True, True, True, False]


@given(st.text(alphabet="ab\n\r é"), st.lists(st.integers(0, 60)))
def test_it_does_not_matter_where_pieces_end(text: str, cuts: list[int]) -> None:
    ends = sorted({0, len(text), *(min(cut, len(text)) for cut in cuts)})
    assert read(*(text[start:end] for start, end in pairwise(ends))) == read(text)


@given(st.binary(max_size=60), st.lists(st.integers(0, 60)))
def test_bytes_may_end_within_a_character(data: bytes, cuts: list[int]) -> None:
    ends = sorted({0, len(data), *(min(cut, len(data)) for cut in cuts)})
    reader = ByteLineReader()
    lines = [line for start, end in pairwise(ends) for line in reader.feed_bytes(data[start:end])]
    assert told([*lines, *reader.finish()]) == read(data.decode("utf-8", "replace"))


@given(st.text())
def test_what_is_shown_can_be_stored(text: str) -> None:
    found = shown(text)
    assert "\0" not in found and "\x1b" not in found
    found.encode()
