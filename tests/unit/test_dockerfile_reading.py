"""Dockerfiles as builders read them: instructions with lines, commands with places."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builds.dockerfiles.errors import DockerfileError
from builds.dockerfiles.reading import read
from builds.dockerfiles.shell import Command, Script, read_script
from builds.dockerfiles.variables import assignments, substitute


def script(text: str) -> Script:
    return read_script(read(text).instructions[0])


def words(command: Command) -> list[str]:
    return [word.text for word in command.words]


def test_instructions_have_their_lines() -> None:
    document = read("# first\n\narg A\nFROM x AS y\nRUN a \\\n  # in between\n  b \\\n\n  c\nCMD d\n")
    found = [(item.keyword, item.line, item.end, item.value) for item in document.instructions]
    assert found == [
        ("ARG", 3, 3, "A"),
        ("FROM", 4, 4, "x AS y"),
        ("RUN", 5, 9, "a   b   c"),
        ("CMD", 10, 10, "d"),
    ]
    assert document.empty_continuations == (8,)
    assert [[item.keyword for item in stage] for stage in document.stages] == [["FROM", "RUN", "CMD"]]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("RUN a \\  \n b", "a  b"),
        ("RUN a \\\r\n b\r\n", "a  b"),
        ("RUN a\\\\\nb", "a\\\\"),
        ("RUN \\\n a", "a"),
        ("RUN a \\", "a"),
        ("RUN", ""),
        ("\ufeffRUN a", "a"),
        ("# escape=`\nRUN a `\n b", "a  b"),
        ("# escape=`\nRUN a \\\nCMD b", "a \\"),
        ("#!/usr/bin/env x\n# escape=`\nRUN a `\nCMD b", "a `"),
        ("# other=1\n# escape=`\nRUN a `\nCMD b", "a `"),
        ("# syntax=docker/dockerfile:1\n  # escape=`\nRUN a `\n b", "a  b"),
        ("# escape=`x\nRUN a \\\n b", "a  b"),
        ("RU\\\nN a \\\n b", "a  b"),
        ("\\\nRUN a", "a"),
        ("#\n# escape=`\nRUN a `\nCMD b", "a `"),
    ],
)
def test_lines_are_continued(text: str, value: str) -> None:
    assert read(text).instructions[0].value == value


def test_flags_come_first() -> None:
    item = read("RUN --mount=type=cache,target=/x \\\n  --network=none --mount=a pip --no-cache install").instructions[
        0
    ]
    assert item.flags == (("mount", "type=cache,target=/x"), ("network", "none"), ("mount", "a"))
    assert item.rest == "pip --no-cache install"
    assert read("COPY --link a b").instructions[0].flags == (("link", ""),)


@pytest.mark.parametrize(
    ("text", "line", "name"),
    [
        ("ARG A=1\n#\x0cFROM scratch\n", 2, "U+000C"),
        ("ARG A=1\n\n# \u2028FROM scratch", 3, "U+2028"),
        *((f"FROM a\nRUN x{sign}", 2, f"U+{ord(sign):04X}") for sign in "\x00\x0b\x1c\x1d\x1e\x1f\x85\u2029"),
        ("FROM a\r\nRUN x \\\r \nFROM b", 2, "U+000D"),
        ("FROM a\r\r\n", 1, "U+000D"),
    ],
)
def test_what_ends_a_line_for_some_only_is_refused(text: str, line: int, name: str) -> None:
    with pytest.raises(DockerfileError) as refused:
        read(text)
    assert (refused.value.code, refused.value.line, refused.value.value) == ("character_odd", line, name)


def test_usual_ends_of_lines_are_none() -> None:
    assert [item.value for item in read("\ufeffFROM a\r\nRUN\tx \\\r\n y\r").instructions] == ["a", "x  y"]


def test_a_file_that_nobody_wrote_by_hand_is_refused() -> None:
    assert read("#" * 200_000).instructions == ()
    with pytest.raises(DockerfileError, match="too_large"):
        read("#" * 200_001)


def test_heredocs_are_no_instructions() -> None:
    document = read("RUN <<EOF\nFROM x\n\tEOF\nEOF\nCOPY <<-'A' <<\"B\" /x/\na\n\tA\nFROM y\nB\nENV C=<<EOF\nCMD z")
    assert [(item.keyword, item.line, item.end) for item in document.instructions] == [
        ("RUN", 1, 4),
        ("COPY", 5, 9),
        ("ENV", 10, 10),
        ("CMD", 11, 11),
    ]
    run, copy, *_ = document.instructions
    assert [(found.name, found.first, found.lines, found.closed) for found in (*run.heredocs, *copy.heredocs)] == [
        ("EOF", 2, ("FROM x", "\tEOF"), True),
        ("A", 6, ("a",), True),
        ("B", 8, ("FROM y",), True),
    ]


@pytest.mark.parametrize("text", ["RUN <<EOF\nx", "ONBUILD RUN <<EOF\nx"])
def test_a_heredoc_may_stay_open(text: str) -> None:
    (item,) = read(text).instructions
    assert [found.closed for found in item.heredocs] == [False]


@pytest.mark.parametrize("text", ["RUN cat <<<EOF", "RUN echo $((1<<2))", "ONBUILD", "ENV A=<<EOF"])
def test_not_everything_with_signs_is_a_heredoc(text: str) -> None:
    assert read(text).instructions[0].heredocs == ()


@pytest.mark.parametrize(
    ("text", "commands"),
    [
        ("RUN a b && c || d; e | f & g", [["a", "b"], ["c"], ["d"], ["e"], ["f"], ["g"]]),
        ('RUN a \'b  c\' "d && \\" e" f\\ g', [["a", "b  c", 'd && \\" e', "f g"]]),
        ("RUN if [ -f x ]; then pip install y; fi", [["[", "-f", "x", "]"], ["pip", "install", "y"], ["fi"]]),
        ("RUN (a $(b; c) ${D:-e f} > /dev/null 2>&1) <x", [["a", "$(b; c)", "${D:-e f}"]]),
        ("RUN LANG=C sudo apt-get update", [["apt-get", "update"]]),
        ("RUN a \\\n  # b \\\n  c", [["a", "c"]]),
        ("RUN a b\\\nc", [["a", "bc"]]),
        ("RUN a 'b", [["a", "'b"]]),
        ('RUN ["a", "b && c"]', [["a", "b && c"]]),
        ("RUN [ -f x ]", [["[", "-f", "x", "]"]]),
        ('RUN ["a", 1]', [["[a,", "1]"]]),
        ("RUN --network=none a", [["a"]]),
        ("RUN <<EOF\na b\n# c\nd \\\n  e\nEOF", [["a", "b"], ["d", "e"]]),
        ("RUN bash <<EOF\na\nEOF", [["a"]]),
        ("RUN python3 <<EOF\na\nEOF", [["python3"]]),
        ("RUN a # b && c", [["a"]]),
        ("RUN A=1", []),
        ("RUN", []),
    ],
)
def test_a_run_is_commands(text: str, commands: list[list[str]]) -> None:
    assert [words(command) for command in script(text).commands] == commands


def test_words_know_where_they_stand() -> None:
    text = "RUN --network=none apt-get install \\\n   # x \\\n  'git' vi\\\nm \\\n  && rm x"
    lines = text.split("\n")
    first, second = script(text).commands
    places = [(word.line, lines[word.line - 1][slice(*word.columns)]) for word in (*first.words, *second.words)]
    assert places == [(1, "apt-get"), (1, "install"), (3, "'git'"), (4, "m"), (5, "rm"), (5, "x")]
    assert (first.ends, second.ends) == (5, 6)
    assert (first.program, second.line) == ("apt-get", 5)


def test_a_comment_behind_a_command_takes_the_next_lines_along() -> None:
    assert script("RUN a \\\n b # c \\\n d").swallowing == (2,)
    assert script("RUN a \\\n b # c").swallowing == ()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$A-${B}", "a-"),
        ("${A:-x}${B:-x}${C:-x}", "axx"),
        ("${A-x}${B-x}${C-x}", "ax"),
        ("${A:+x}${B:+x}${C:+x}", "x"),
        ("${B+x}${C+x}", "x"),
        ("${A:?x}${A?x}", "aa"),
        ("${C:-${A}/${C:-d}}", "a/d"),
        ("\\$A '$A' \"$A\" 'a'b", "$A $A a ab"),
        ("x\\", "x"),
    ],
)
def test_variables_are_put_in(text: str, value: str) -> None:
    assert substitute(text, {"A": "a", "B": ""}, line=1) == value


@pytest.mark.parametrize(
    ("text", "code", "value"),
    [
        ("$C", "variable_unknown", "$C"),
        ("${C}", "variable_unknown", "$C"),
        ("${C:?no}", "variable_unknown", "$C"),
        ("${C?no}", "variable_unknown", "$C"),
        ("${B:?no}", "variable_unknown", "$B"),
        ("${A#x}", "variable_form", "${A#x}"),
        ("${}", "variable_form", "${}"),
        ("${A", "variable_form", "${A"),
        ("$", "variable_form", "$"),
        ("${C:-" * 12 + "}" * 12, "variable_form", "${C:-}"),
    ],
)
def test_what_cannot_be_put_in_is_said(text: str, code: str, value: str) -> None:
    with pytest.raises(DockerfileError) as refused:
        substitute(text, {"A": "a", "B": ""}, line=7)
    assert (refused.value.code, refused.value.line, refused.value.value) == (code, 7, value)


def test_assignments_keep_their_quotes() -> None:
    assert assignments("A=1 B=\"x y\" C D='z'\\ e f-g=1") == [
        ("A", "1"),
        ("B", '"x y"'),
        ("C", None),
        ("D", "'z'\\ e"),
    ]


texts = st.lists(
    st.sampled_from(
        ["RUN", " ", "\\", "\n", "#", "<<EOF", "EOF", "'", '"', "&&", "$(", ")", "a", "--x=", "FROM", "\r", "["]
    )
    | st.text(max_size=3),
    max_size=30,
).map("".join)


@given(texts)
def test_any_text_can_be_read(text: str) -> None:
    try:
        document = read(text)
    except DockerfileError as error:
        assert error.code == "character_odd" and 0 < error.line <= text.count("\n") + 1
        return
    assert "\n".join(document.lines) == text
    ends = [(item.line, item.end) for item in document.instructions]
    assert all(line <= end for line, end in ends)
    assert all(end < line for (_, end), (line, _) in pairwise(ends))
    for item in document.instructions:
        for command in read_script(item).commands:
            assert item.line <= command.line < command.ends + 1 <= item.end + 2
