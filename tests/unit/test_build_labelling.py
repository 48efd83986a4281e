"""The labels of an image as one step of a classic builder."""

from __future__ import annotations

import pytest

from builds.contexts import Context, context_of
from builds.labelling import NAME, labelled
from builds.trees import entries_of
from nodes.engine import BUILDKIT, CLASSIC, BuildSpec

LABELS = {"org.opencontainers.image.title": "lab 1", "org.opencontainers.image.source": "https://git.test/a?b#c=(d)"}
LINE = "LABEL org.opencontainers.image.title='lab 1' org.opencontainers.image.source='https://git.test/a?b#c=(d)'\n"


def context(dockerfile: str = "FROM x", **files: str) -> Context:
    return context_of(entries_of({"Dockerfile": dockerfile, **files}), limit=1 << 20)


def files_of(context: Context) -> dict[str, str]:
    return {entry.path: entry.read().decode() for entry in context.entries}


def spec(labels: dict[str, str] = LABELS, builder: str = CLASSIC) -> BuildSpec:
    return BuildSpec("h/n:1", labels=labels, builder=builder)


@pytest.mark.parametrize("dockerfile", ["FROM x", "FROM x\n# no more \n# of it\n\n", "", "FROM x\r\nRUN a\\b\r\n"])
def test_one_instruction_has_them_all_and_the_files_stay_as_they_are(dockerfile: str) -> None:
    before = context(dockerfile, words="hello")
    wanted, after = labelled(spec(), before)
    assert (wanted.labels, wanted.dockerfile, wanted.tag) == ({}, NAME, "h/n:1")
    assert files_of(after) == {
        **files_of(before),
        NAME: f"{dockerfile}\n{LINE}",
        ".dockerignore": f".dockerignore\n{NAME}\n",  # the builder takes both out
    }
    assert after.size == before.size and b"".join(after.chunks()) == b"".join(after.chunks())


@pytest.mark.parametrize("value", ["it's", 'a"b', "a\\b", "a`b", "$HOME", "a\nb", "ü", "a\x7fb"])
@pytest.mark.parametrize("good", ["value", "key"])
def test_what_builders_might_read_otherwise_is_given_beside(value: str, good: str) -> None:
    labels = {"a": value} if good == "key" else {value: "a"}
    asked, before = spec(labels), context()
    assert labelled(asked, before) == (asked, before)


@pytest.mark.parametrize("key", ["", "with space", "a=b", "-a", "A"])
def test_so_is_what_may_be_no_key(key: str) -> None:
    asked, before = spec({key: "x"}), context()
    assert labelled(asked, before) == (asked, before)


@pytest.mark.parametrize(
    "dockerfile",
    [
        "FROM x\nRUN a \\",
        "FROM x\nRUN a \\  \n\n",
        "FROM x\nRUN a \\\n# a comment\n\n",
        "# escape=`\nFROM x\nRUN a `\r\n",
        "FROM x\nRUN a \\\n# a comment \\",
        "\\",
    ],
)
def test_nothing_comes_behind_an_instruction_that_may_go_on(dockerfile: str) -> None:
    asked, before = spec(), context(dockerfile)
    assert labelled(asked, before) == (asked, before)


@pytest.mark.parametrize("path", [".dockerignore", NAME])
def test_no_file_of_the_users_is_written_over(path: str) -> None:
    asked, before = spec(), context(**{path: "x"})
    assert labelled(asked, before) == (asked, before)


def test_only_classic_builders_need_it() -> None:
    before = context()
    for asked in (spec(builder=BUILDKIT), spec(labels={})):
        assert labelled(asked, before) == (asked, before)
