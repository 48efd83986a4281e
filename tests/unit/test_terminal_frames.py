"""Frames of a terminal: what a browser may send, and no character in two frames."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instances.models import TerminalEnd
from instances.terminals.frames import LONGEST_FRAME, BadFrame, Characters, Input, Resize, read_frame
from instances.terminals.words import ENDS, FRAMES


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ({"type": "input", "data": "ls\r"}, Input(b"ls\r")),
        ({"type": "input", "data": "中"}, Input("中".encode())),
        ({"type": "input", "data": ""}, Input(b"")),
        ({"type": "input", "data": "\ud800"}, Input(b"?")),
        ({"type": "input", "data": "x", "more": 1}, Input(b"x")),
        ({"type": "resize", "cols": 1, "rows": 1000}, Resize(1, 1000)),
    ],
)
def test_frames_that_are_understood(sent: object, read: object) -> None:
    assert read_frame(json.dumps(sent)) == read


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (None, "binary"),
        ("x" * (LONGEST_FRAME + 1), "long"),
        ("ls", "json"),
        ("[" * 100_000, "json"),
        ('"input"', "type"),
        ("[]", "type"),
        ('{"type": ["input"]}', "type"),
        ('{"type": "input"}', "data"),
        ('{"type": "input", "data": null}', "data"),
        ('{"type": "resize", "cols": 80}', "size"),
        ('{"type": "resize", "cols": 80, "rows": 0}', "size"),
        ('{"type": "resize", "cols": 1001, "rows": 24}', "size"),
        ('{"type": "resize", "cols": true, "rows": 24}', "size"),
        ('{"type": "resize", "cols": 80.0, "rows": 24}', "size"),
        ('{"type": "resize", "cols": 1e999, "rows": 24}', "size"),
    ],
)
def test_frames_that_are_not(sent: str | None, code: str) -> None:
    with pytest.raises(BadFrame) as bad:
        read_frame(sent)
    assert bad.value.code == code
    assert str(FRAMES[code])


def test_every_end_that_a_browser_lives_to_see_has_a_close_code() -> None:
    unseen = {TerminalEnd.LEFT, TerminalEnd.REFUSED}
    assert set(TerminalEnd) - unseen == set(ENDS)
    assert all(code == 1000 or str(words) for code, words in ENDS.values())


@given(st.text(), st.lists(st.integers(0, 400)))
def test_texts_come_out_whole_however_they_are_cut(text: str, places: list[int]) -> None:
    data, characters = text.encode(errors="replace"), Characters()
    edges = [0, *sorted(place for place in places if place < len(data)), len(data)]
    frames = [characters.feed(data[start:end]) for start, end in pairwise(edges)]
    assert [frame.decode() for frame in frames] and characters.left() == b""
    assert b"".join(frames) == data


@given(st.binary(), st.binary())
def test_what_is_no_text_passes_too(first: bytes, second: bytes) -> None:
    """And at most the beginning of one character waits."""
    characters = Characters()
    frames = [characters.feed(first), characters.feed(second)]
    left = characters.left()
    assert b"".join([*frames, left]) == first + second and len(left) <= 3
    assert characters.left() == b""


@pytest.mark.parametrize(
    ("chunk", "kept"),
    [
        (b"a\xe4", b"\xe4"),
        (b"a\xe4\xb8", b"\xe4\xb8"),
        (b"\xf0\x9f\x99", b"\xf0\x9f\x99"),
        (b"\xe4\xb8\xad", b""),
        (b"\x80\x80\x80\x80", b""),
        (b"\xff", b""),
        (b"\xc3\xa9x", b""),
    ],
)
def test_what_waits(chunk: bytes, kept: bytes) -> None:
    characters = Characters()
    characters.feed(chunk)
    assert characters.left() == kept
