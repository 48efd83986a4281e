"""What a `.dockerignore` leaves out: the same as the SDK says, whatever the patterns, and without its patience."""

from __future__ import annotations

import pytest
from docker.utils.build import PatternMatcher
from docker.utils.fnmatch import fnmatch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nodes.engine.globs import Glob
from nodes.engine.ignoring import sent
from tests.support.patience import within

PATTERNS = st.lists(st.sampled_from(["*", "**", "**/", "?", "a", "b", "/", "[ab]", "[!a]", "."]), max_size=8)
PATHS = st.text(alphabet="abA/.", min_size=1, max_size=10)


@settings(max_examples=1500)
@given(PATTERNS.map("".join), PATHS)
@example("***", "a/b")
@example("a**b", "ab")
@example("**/****/a", "x/a")
@example("[!a]b", "/b")
@example("[]a]", "]")
@example("[^a]", "^")
@example("[a", "[a")
def test_the_rules_are_those_of_the_sdk(pattern: str, path: str) -> None:
    assert Glob(pattern).matches(path) == fnmatch(path, pattern)


@settings(max_examples=500)
@given(st.lists(st.tuples(st.booleans(), PATTERNS.map("".join)), max_size=4), st.lists(PATHS, max_size=4))
def test_so_is_what_is_left_out(rules: list[tuple[bool, str]], texts: list[str]) -> None:
    patterns = [("!" if but else "") + text for but, text in rules]
    paths = ["/".join(part for part in text.split("/") if part.strip(".")) or "a" for text in texts]
    matcher = PatternMatcher(patterns)
    assert sent(paths, "\n".join(patterns)) == [path for path in paths if not matcher.matches(path)]


def test_a_range_that_is_none_takes_nothing() -> None:
    assert not Glob("[b-a]").matches("a")


@pytest.mark.parametrize("pattern", ["*a" * 40 + "*b", "**/*a" * 40 + "/b", "**a" * 40 + "b"])
def test_many_stars_take_no_time(pattern: str) -> None:
    with within(seconds=60):
        assert sent(["a" * 4000, "a/" * 1000 + "a"], pattern) == ["a" * 4000, "a/" * 1000 + "a"]


def test_somebody_looks_between_the_paths() -> None:
    looks: list[int] = []
    sent(["a", "b", "c"], "a", glance=lambda: looks.append(1))
    assert len(looks) == 3
