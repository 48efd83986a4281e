"""What a Dockerfile needs of an engine: a base always, BuildKit sometimes."""

from __future__ import annotations

import pytest

from builds.dockerfiles import in_heredoc, needs_buildkit, read


@pytest.mark.parametrize(
    "text",
    [
        "FROM a",
        "\ufefffrom a\n",
        "ARG X=1\n  From ${X}\nRUN true",
        "# FROM x\n\nARG A=\\\n# a comment\n\n  b\nFROM a",
        "# syntax=x\n# escape=`\nARG A=b`\n  c\nFROM d",
        "# escape=`\nFROM a\nCOPY x c:\\\nRUN y",
        "FR\\\nOM a",
        "\\\nFROM a",
        "ARG A=`x`\nFROM a",
    ],
)
def test_a_base_is_found(text: str) -> None:
    assert read(text).has_base


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ARG FROM=a",
        "# FROM a",
        "ARG X=\\\nFROM a",
        "ARG X=1 \\\n\u3000# c\nFROM a",
        "ARG X=1 \\\n\u3000\nFROM a",
        "FROMAGE a",
        "FROM\u3000a",
        "ARG A=1\n\n# x\\\n",
        "ARG A=1\n# escape=`\nARG B=\\\nFROM d",
        "\\\n\\\n",
        # the sign that continues a line is another one for builders of another age
        "# escape=`\nARG PATH=c:\\\nFROM a",
        "# escape=`\nARG A=b`\nFROM d",
        "# other=1\n# escape=`\nARG A=1 \\\nFROM a",
        "# other=1\n# escape=`\nARG A=1 `\nFROM a",
        "# check=x\n#\u3000escape=`\nARG A=1 \\\nFROM a",
        "#!/x\n# escape=`\nARG A=1 \\\nFROM a",
    ],
)
def test_none_is_found(text: str) -> None:
    assert not read(text).has_base


@pytest.mark.parametrize(
    "text",
    [
        "RUN --mount=type=cache,target=/x y",
        "RUN \\\n --mount=type=cache,target=/x y",
        "RUN \\\n# c\n\n --mount=type=cache,target=/x y",
        "R\\\nUN --network=none y",
        "run --security=insecure y",
        "RUN --device=nvidia.com/gpu=all x",
        "RUN --mount=\"type=cache\",target='/x' y",
        "COPY --chmod=755 a b",
        "COPY --link a b",
        "COPY --from=x --exclude=a . /",
        "COPY --parents a b",
        "ADD --checksum=sha256:x https://a.example.com /b",
        "ADD --keep-git-dir=true a b",
        "ADD --from=x a b",
        "ADD <<E /x\nE",
        "COPY <<-'E' /x\nE",
        "RUN <<E\nx\nE",
        "RUN a \\\n && cat <<E\nx\nE",
        "ONBUILD RUN --mount=type=cache,target=/x y",
        "ONBUILD COPY <<E /x\nE",
        "ARG TARGETARCH\nRUN curl https://a.example.com/$TARGETARCH",
        "FROM --platform=$BUILDPLATFORM b",
    ],
)
@pytest.mark.parametrize("before", ["FROM a\n", ""])
def test_what_only_buildkit_can_do_needs_it(text: str, before: str) -> None:
    assert needs_buildkit(read(before + text))


@pytest.mark.parametrize(
    "text",
    [
        "# syntax=docker/dockerfile:1\nFROM a",
        "\ufeff# syntax = docker/dockerfile:1\nFROM a",
        "# check=skip=all\n# syntax=docker/dockerfile:1\nFROM a",
        "#!/x\n#syntax=docker/dockerfile:1\nFROM a",
    ],
)
def test_a_syntax_line_needs_it(text: str) -> None:
    assert needs_buildkit(read(text))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "FROM --platform=linux/amd64 a\nCOPY --chown=a:b --from=x a b\nADD --chown=a a b",
        "FROM a\nRUN docker run --network=host x --mount=y",
        "FROM a\nRUN cat <<<x && echo $((1<<2))",
        "FROM a\n# RUN --mount=x\nHEALTHCHECK --interval=5s CMD x\nLABEL a=--mount=x",
        "FROM a\nARG TARGETARCH=amd64\nARG A=1\nONBUILD RUN x\nONBUILD",
        "FROM a\n# syntax=docker/dockerfile:1",
    ],
)
def test_everything_else_does_not(text: str) -> None:
    assert not needs_buildkit(read(text))


def test_lines_of_a_heredoc_are_known() -> None:
    document = read("FROM a\nRUN <<E\nb\nc\nE\nRUN d\nCOPY <<F <<G /\nF\ne\nG")
    assert [line for line in range(12) if in_heredoc(document, line)] == [3, 4, 5, 8, 9, 10]
