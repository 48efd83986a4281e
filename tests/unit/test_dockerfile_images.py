"""Which images a build takes from elsewhere."""

from __future__ import annotations

import pytest

from builds.dockerfiles import DockerfileError, external_images, foreign_syntax, leaves_doubt, read

ARGUMENTS = {"BASE_REGISTORY": "quay.io", "BASE_NAMESPACE": "jupyter", "BASE_IMAGE": "notebook", "BASE_TAG": "3.11"}
BASE = "quay.io/jupyter/notebook:3.11"
USUAL = "ARG BASE_REGISTORY\nARG BASE_NAMESPACE\nARG BASE_IMAGE\nARG BASE_TAG\n"
FROM_BASE = "FROM ${BASE_REGISTORY}/${BASE_NAMESPACE}/${BASE_IMAGE}:${BASE_TAG}\n"


@pytest.mark.parametrize(
    ("text", "images"),
    [
        (USUAL + FROM_BASE, [BASE]),
        ("ARG BASE_REGISTORY BASE_NAMESPACE=x BASE_IMAGE BASE_TAG=y\n" + FROM_BASE, [BASE]),
        ("ARG X=alpine:3\nARG Y=$X\nFROM $Y", ["docker.io/library/alpine:3"]),
        ("FROM --platform=linux/amd64 alpine", ["docker.io/library/alpine:latest"]),
        ('FROM "alpine"', ["docker.io/library/alpine:latest"]),
        ("FROM ${X:-r.example.com/a}:1", ["r.example.com/a:1"]),
        ("FROM a AS Build\nFROM build\nFROM scratch", ["docker.io/library/a:latest"]),
        ("FROM a\nFROM a", ["docker.io/library/a:latest"]),
        ("FROM later\nFROM a AS later", ["docker.io/library/later:latest", "docker.io/library/a:latest"]),
        (
            "FROM a AS x\nFROM b\nCOPY --from=x / /\nCOPY --from=0 / /",
            ["docker.io/library/a:latest", "docker.io/library/b:latest"],
        ),
        ("FROM a\nCOPY --from=r.example.com/c:1 / /", ["docker.io/library/a:latest", "r.example.com/c:1"]),
        ("FROM a\nCOPY --from=0 / /", ["docker.io/library/a:latest", "docker.io/library/0:latest"]),
        (
            "FROM a\nRUN --mount=type=bind,from=r.example.com/d,target=/x --mount=type=cache,target=/y z",
            ["docker.io/library/a:latest", "r.example.com/d:latest"],
        ),
        (
            'FROM a\nRUN --mount="type=bind,from=r.example.com/d" z',
            ["docker.io/library/a:latest", "r.example.com/d:latest"],
        ),
        ("FROM a\nCOPY --from=$BASE_REGISTORY/x / /", ["docker.io/library/a:latest", "quay.io/x:latest"]),
        ("ARG X=$NOBODY\nFROM a\nARG Y=1", ["docker.io/library/a:latest"]),
        ("FROM a\nRUN <<EOF\nFROM b\nEOF\n# FROM c", ["docker.io/library/a:latest"]),
        ("FROM a@sha256:" + "0" * 64, ["docker.io/library/a@sha256:" + "0" * 64]),
    ],
)
def test_images_from_elsewhere(text: str, images: list[str]) -> None:
    assert external_images(read(text), ARGUMENTS) == images


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("", "from_missing", 0),
        ("RUN x", "from_missing", 0),
        ("FROM", "image_invalid", 1),
        ("\nFROM a b", "image_invalid", 2),
        ("FROM a as b c", "image_invalid", 1),
        ("FROM A", "image_invalid", 1),
        ("FROM $X", "variable_unknown", 1),
        ("ARG X\nFROM $X", "variable_unknown", 2),
        # Only what is declared is known before the first FROM.
        ("FROM $BASE_IMAGE", "variable_unknown", 1),
        ("FROM a\nARG X=b\nFROM $X", "variable_unknown", 3),
        ("FROM a\nCOPY --from=$X / /", "variable_unknown", 2),
        ("FROM ${X%y}", "variable_form", 1),
    ],
)
def test_what_cannot_be_said_is_refused(text: str, code: str, line: int) -> None:
    with pytest.raises(DockerfileError) as refused:
        external_images(read(text), ARGUMENTS)
    assert (refused.value.code, refused.value.line) == (code, line)


@pytest.mark.parametrize(
    ("text", "image"),
    [
        ("FROM a", ""),
        ("# syntax=docker/dockerfile:1\nFROM a", ""),
        ("# syntax = docker.io/docker/dockerfile:1.7-labs\nFROM a", ""),
        ("# syntax=docker/dockerfile-upstream:master", ""),
        ("# escape=\\\n# Syntax=r.example.com/evil --x\nFROM a", "r.example.com/evil"),
        ("#!/x\n# syntax=r.example.com/evil\nFROM a", "r.example.com/evil"),
        ("\ufeff# syntax=r.example.com/evil\nFROM a", "r.example.com/evil"),
        ("# syntax=docker/dockerfilevil\nFROM a", "docker/dockerfilevil"),
        ("# syntax=docker/dockerfile:1\n# syntax=r.example.com/evil\nFROM a", "r.example.com/evil"),
        ("# other=1\n  # syntax=r.example.com/evil\nFROM a", "r.example.com/evil"),
        ("# x\n\n# syntax=r.example.com/evil\nFROM a", ""),
    ],
)
def test_a_builder_of_a_stranger_is_seen(text: str, image: str) -> None:
    assert foreign_syntax(read(text)) == image


@pytest.mark.parametrize(
    "text",
    [
        'FROM a\nRUN echo "x <<EOF y"\nFROM b',
        "FROM a\nRUN echo 'x <<EOF y'\nCOPY --from=b / /",
        "FROM a\nRUN true \\\n <<EOF\nFROM b",
        "FROM a\nRUN cat <\\\n<EOF\nFROM b",
        "FROM a\nRUN cat <\\\n# c\n<EOF\nFROM b",
        "# escape=`\nFROM a",
        "FROM a\nRUN x \x07",
        "FROM a\nRUN x \\\n\u3000\nFROM b",
        "\ufeff# x \\\nFROM b\nFROM a",
        "FROM a\nCOPY --fr''om=b / /",
        'FROM a\nCOPY --chmod="a b"x --from=b / /',
        "FROM a\nCOPY --chm\\od=1 --from=b / /",
        'FROM a\nRUN --mount=type=bind,"from=b",target=/x y',
        "FROM a\nARG X=b\nCOPY --from=$X / /",
        "FROM a AS x\nONBUILD COPY --from=b / /\nFROM x",
        "// syntax=r.example.com/evil\nFROM a",
        "// check=x\n// escape=\\\n// syntax=r.example.com/evil\nFROM a",
        '{"syntax": "r.example.com/evil"}',
        "FROM a\nRNU x",
        "FROM a\nCOPY --chown=\u00e0--from=b / /",  # bytes of the letter are spaces to some
        "FROM a # b",
        "FROM a AS x # b",
        "RUN x\nFROM a",
        # values that builders give by themselves, or only some of them
        "ARG B=${TARGETOS:+r.example.com/secret:1}\nFROM ${B:-r.example.com/listed:1}",
        "ARG B=${NOPE}\nFROM ${B-r.example.com/listed}${B+r.example.com/secret:1}",
        "ARG B=$NOPE\nFROM a",
        "ARG TARGETARCH=a\nFROM $TARGETARCH",
        "ARG BUILDOS\nFROM a",
        "ARG http_proxy=a\nFROM $http_proxy",
        "ARG X=:1\nARG X\nFROM a$X",
        "ARG X=a Y=b\nFROM a",
        "ARG X='a'\"b\"\nFROM $X",
        "ARG X=a\\b\nFROM a",
        "FROM ${X:-a}",
        "FROM ${X?a}",
        'FROM "a"',
        "FROM a\\b",
    ],
)
def test_what_builders_may_read_otherwise_leaves_doubt(text: str) -> None:
    assert leaves_doubt(read(text))


@pytest.mark.parametrize(
    "text",
    [
        USUAL + FROM_BASE + "COPY --chown=$NB_UID:$NB_GID --from=x a b\nRUN echo 'a' \"b\" \\\n  && pip install x\n",
        "# 说明\u3000注释\r\nFROM a\r\nRUN x \\\r\n\ty\r\n",
        "# syntax=docker/dockerfile:1\nFROM a\nRUN --mount=type=cache,target=$HOME/.cache pip install x",
        'ARG X=r.example.com/a:1\nARG Y="b:2"\n# c\nFROM ${X} as One\nFROM $Y\nCOPY --from=one --chmod=0755 a b',
        "FROM --platform=$BUILDPLATFORM a AS build\nFROM build\nHEALTHCHECK --interval=5s CMD true\nONBUILD RUN x",
    ],
)
def test_usual_files_leave_none(text: str) -> None:
    assert not leaves_doubt(read(text))


def test_no_name_with_a_registry_is_a_stage() -> None:
    assert external_images(read("FROM a AS r.example.com/b:1\nFROM r.example.com/b:1"), {})[1:] == ["r.example.com/b:1"]


def test_an_instruction_in_two_lines_is_one() -> None:
    assert external_images(read("FR\\\nOM a\nCO\\\nPY --from=r.example.com/b / /"), {})[1:] == [
        "r.example.com/b:latest"
    ]


def test_stages_may_be_named_by_their_place() -> None:
    text = "FROM a\nFROM b\n" + "COPY --from={} / /\n" * 4
    taken = external_images(read(text.format("0", "1", "00", "9" * 50)), {})
    assert [name.rpartition("/")[2] for name in taken] == [
        "a:latest",
        "b:latest",
        "1:latest",
        "00:latest",
        "9" * 50 + ":latest",
    ]
