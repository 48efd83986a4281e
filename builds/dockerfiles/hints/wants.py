"""Files of requirements."""

from __future__ import annotations

import re
from collections.abc import Iterator

from builds.dockerfiles.hints.kinds import Hint
from builds.dockerfiles.requirements import Requirement, read_requirements

_INDEX = ("-i", "--index-url")
_WITH_ADDRESS = (*_INDEX, "--extra-index-url", "-f", "--find-links")
_GLUED = re.compile(r"[=<>!~]=")


def hints_of_requirements(path: str, text: str) -> Iterator[Hint]:
    index = 0
    for item in read_requirements(text):
        yield from _hints_of_line(path, item)
        if item.option in _INDEX:
            if index:
                yield Hint("requirements_index_repeated", item.line, path, {"line": str(index)})
            index = item.line


def _hints_of_line(path: str, item: Requirement) -> Iterator[Hint]:
    """An address with a version in it had a line break too few: `--index-url https://…/whl/cu118torch==1.12`."""
    if item.option in _WITH_ADDRESS and _GLUED.search(item.value.partition("?")[0]):
        yield Hint("requirements_option_glued", item.line, path, {"option": item.option})
    elif not item.is_readable:
        yield Hint("requirement_unreadable", item.line, path)
    elif not item.is_pinned:
        yield Hint("requirements_unpinned", item.line, path, {"package": item.text[:80]})
