"""Assignments of ARG and ENV."""

from __future__ import annotations

import pytest

from builds.dockerfiles import find_hints
from builds.dockerfiles.variables import assignments
from tests.support.patience import within


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('A=1 B="x y" C', [("A", "1"), ("B", '"x y"'), ("C", None)]),
        ("A=x\\ y\tB='a b'c", [("A", "x\\ y"), ("B", "'a b'c")]),
        ("1A=x -B=y C!", []),
        ('1A="x B=2" C=', [("C", "")]),
        ("A=\"x B='y", [("A", '"x'), ("B", "'y")]),
        ("", []),
    ],
)
def test_names_and_raw_values(text: str, found: list[tuple[str, str | None]]) -> None:
    assert assignments(text) == found


@pytest.mark.parametrize("word", ["a" * 90_000 + "!", "A=" + "'\"" * 45_000, "a=" * 45_000 + "!", "\\ " * 45_000])
def test_long_words_take_no_time(word: str) -> None:
    with within(seconds=120):
        assignments(word * 10)
        find_hints({"Dockerfile": f"ARG {word}\nFROM a:1\nENV {word}\n"}, arguments={}, base="a:1")
