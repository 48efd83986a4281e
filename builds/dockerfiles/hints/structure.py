"""Instructions: known ones, in an order that a builder takes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence

from builds.dockerfiles.hints.kinds import Hint
from builds.dockerfiles.reading import KEYWORDS, Dockerfile, Instruction

_ONCE = ("CMD", "ENTRYPOINT", "HEALTHCHECK")
_MAY_BE_LISTS = ("RUN", "CMD", "ENTRYPOINT", "SHELL", "VOLUME", "COPY", "ADD")


def hints_of_structure(document: Dockerfile) -> Iterator[Hint]:
    started = False
    for item in document.instructions:
        yield from _hints_of_instruction(item)
        if item.keyword in KEYWORDS and not started and item.keyword not in ("FROM", "ARG"):
            yield Hint("instruction_before_from", item.line, params={"name": item.keyword})
        started = started or item.keyword == "FROM"
    for line in document.empty_continuations:
        yield Hint("empty_continuation", line)
    for stage in document.stages:
        yield from _hints_of_stage(stage)
    yield from _repeated_stages(document)


def _hints_of_instruction(item: Instruction) -> Iterator[Hint]:
    if item.keyword not in KEYWORDS:
        yield Hint("instruction_unknown", item.line, params={"name": item.keyword[:40]})
        return
    if not item.value:
        yield Hint("argument_missing", item.line, params={"name": item.keyword})
    if item.keyword == "MAINTAINER":
        yield Hint("maintainer", item.line)
    if item.keyword == "WORKDIR" and item.value and item.value.strip("'\"")[:1] not in ("/", "$"):
        yield Hint("workdir_relative", item.line, params={"path": item.value})
    if item.keyword in _MAY_BE_LISTS and _is_broken_list(item.rest):
        yield Hint("list_quotes", item.line, params={"name": item.keyword})
    for document in item.heredocs:
        if not document.closed:
            yield Hint("heredoc_open", item.line, params={"name": document.name})


def _is_broken_list(text: str) -> bool:
    """`CMD ['sh']`: a builder takes it for a command of the shell. `RUN [ -f x ]` is one."""
    if not text.startswith(("['", '["')) or not text.endswith("]"):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return True
    return False


def _hints_of_stage(stage: Sequence[Instruction]) -> Iterator[Hint]:
    count = Counter(item.keyword for item in stage)
    for keyword in _ONCE:
        if count[keyword] > 1:
            last = [item for item in stage if item.keyword == keyword][-1]
            yield Hint("instruction_repeated", last.line, params={"name": keyword})


def _repeated_stages(document: Dockerfile) -> Iterator[Hint]:
    names: set[str] = set()
    for stage in document.stages:
        words = stage[0].rest.split()
        if len(words) == 3 and words[1].lower() == "as":
            name = words[2].lower()
            if name in names:
                yield Hint("stage_repeated", stage[0].line, params={"name": words[2]})
            names.add(name)
