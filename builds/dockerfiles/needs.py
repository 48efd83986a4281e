"""Whether only BuildKit can build a Dockerfile."""

from __future__ import annotations

import re
from collections.abc import Mapping

from builds.dockerfiles.reading import Dockerfile, Instruction
from builds.dockerfiles.variables import assignments

# What the classic builder knows of these instructions; every other flag is BuildKit's.
_CLASSIC_FLAGS: Mapping[str, frozenset[str]] = {
    "ADD": frozenset({"chown"}),
    "COPY": frozenset({"chown", "from"}),
    "RUN": frozenset(),
}
_GIVEN = re.compile(r"(?:TARGET|BUILD)(?:PLATFORM|OS|ARCH|VARIANT)")  # arguments with values that only BuildKit gives


def needs_buildkit(document: Dockerfile) -> bool:
    return bool(document.syntaxes) or any(map(_needs_it, document.instructions))


def _needs_it(item: Instruction) -> bool:
    if item.keyword == "FROM":
        return _GIVEN.search(item.value) is not None
    if item.keyword == "ARG":
        return any(value is None and _GIVEN.fullmatch(name) for name, value in assignments(item.value))
    done = item.triggered
    known = _CLASSIC_FLAGS.get(done.keyword)
    if known is None:
        return False
    return bool(item.heredocs) or done.rest.startswith("--") or any(name not in known for name, _ in done.flags)


def in_heredoc(document: Dockerfile, line: int) -> bool:
    """Whether the line with this number is part of a here-document."""
    documents = (found for item in document.instructions for found in item.heredocs)
    return any(found.first <= line <= found.first + len(found.lines) for found in documents)
