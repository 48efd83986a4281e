"""Dockerfiles that must not reach an engine."""

from __future__ import annotations

import pytest

from nodes.engine import has_base


@pytest.mark.parametrize(
    "text",
    [
        "FROM a",
        "\ufefffrom a\n",
        "ARG X=1\n  From ${X}\nRUN true",
        "# FROM x\n\nARG A=\\\n# a comment\n\n  b\nFROM a",
        "# syntax=x\n# escape=`\nARG A=b`\n  c\nFROM d",
        "# escape=`\nARG PATH=c:\\\nFROM a",
    ],
)
def test_a_base_is_found(text: str) -> None:
    assert has_base(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ARG FROM=a",
        "# FROM a",
        "ARG X=\\\nFROM a",
        "FROMAGE a",
        "ARG A=1\n\n# x\\\n",
        "# escape=`\nARG A=b`\nFROM d",
        "ARG A=1\n# escape=`\nARG B=\\\nFROM d",
        "\\\n\\\n",
    ],
)
def test_none_is_found(text: str) -> None:
    assert not has_base(text)
