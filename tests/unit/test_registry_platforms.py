"""Which entry of an index an engine takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagelib.registry import Platform
from imagelib.registry.platforms import choose, normalize, runnable

parse = Platform.parse


def chosen(wanted: str, *offered: str) -> str | None:
    position = choose([parse(text) if text else None for text in offered], parse(wanted))
    return None if position is None else offered[position] or "(none)"


@pytest.mark.parametrize(
    ("wanted", "offered", "expected"),
    [
        # the same platform in another spelling, as an engine 20.10 took them
        ("linux/amd64", ["linux/arm64", "linux/amd64"], "linux/amd64"),
        ("linux/amd64", ["linux/amd64/v1"], "linux/amd64/v1"),
        ("linux/amd64", ["linux/x86_64"], "linux/x86_64"),
        ("linux/x86_64", ["linux/amd64"], "linux/amd64"),
        ("linux/aarch64", ["linux/arm64/v8"], "linux/arm64/v8"),
        ("linux/arm64/v8", ["linux/arm64"], "linux/arm64"),
        ("linux/arm", ["linux/arm/v7"], "linux/arm/v7"),
        ("linux/armv7l", ["linux/arm/7"], "linux/arm/7"),
        ("Linux/AMD64", ["linux/amd64"], "linux/amd64"),
        # what the processor also runs; the better one wins whatever the order
        ("linux/amd64", ["linux/386", "linux/amd64"], "linux/amd64"),
        ("linux/amd64", ["linux/386"], "linux/386"),
        ("linux/amd64/v3", ["linux/amd64", "linux/amd64/v2"], "linux/amd64/v2"),
        ("linux/amd64/v3", ["linux/amd64"], "linux/amd64"),
        ("linux/arm64", ["linux/arm/v6", "linux/arm/v7"], "linux/arm/v7"),
        ("linux/arm64/v9", ["linux/arm64/v8"], "linux/arm64/v8"),
        ("linux/arm/v7", ["linux/arm/v5", "linux/arm/v6"], "linux/arm/v6"),
        ("linux/arm/v6", ["linux/armel"], "linux/armel"),
        # what it does not run
        ("linux/amd64", ["linux/amd64/v2"], None),
        ("linux/amd64", ["windows/amd64"], None),
        ("linux/amd64", ["linux/arm64", "linux/s390x"], None),
        ("linux/arm/v6", ["linux/arm/v7"], None),
        ("linux/386", ["linux/amd64"], None),
        ("linux/ppc64le", ["linux/ppc64le"], "linux/ppc64le"),
        ("linux/amd64", [], None),
        # an entry that does not say: only when it is the only one
        ("linux/amd64", [""], "(none)"),
        ("linux/amd64", ["", "linux/arm64"], None),
        ("linux/amd64", ["", "linux/amd64"], "linux/amd64"),
    ],
)
def test_the_choice(wanted: str, offered: list[str], expected: str | None) -> None:
    assert chosen(wanted, *offered) == expected


def test_of_equal_entries_the_first_is_taken() -> None:
    assert choose([parse("linux/arm64"), parse("linux/amd64"), parse("linux/amd64/v1")], parse("linux/amd64")) == 1


part = st.sampled_from(["amd64", "arm64", "arm", "386", "x86_64", "armhf", "mips"])
variant = st.sampled_from(["", "v1", "v2", "v5", "v7", "v8", "8", "softfloat"])
some_platform = st.builds(Platform, st.sampled_from(["linux", "Linux", "windows"]), part, variant)


@given(some_platform)
def test_normal_form_is_final_and_what_runs_is_listed_once(platform: Platform) -> None:
    assert normalize(normalize(platform)) == normalize(platform)
    accepted = list(runnable(platform))
    assert accepted[0] == normalize(platform)
    assert len(set(accepted)) == len(accepted)
    assert accepted == [normalize(item) for item in accepted]
