"""The stored log of a build, for whoever reads it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from builds.log_buffer import Line
from builds.models import Build, LogChunk
from builds.notes import LEFT_OUT, NOTE, sentence
from core.jobs import FINAL_STATES

AT_ONCE = 500_000  # characters of an answer, and the rest of a chunk


def log_page(build: Build, *, start: int) -> dict[str, Any]:
    """Lines from number `start` on: `{"lines": [[seconds, step, kind, text]], "next": n, "complete": bool}`.

    Ask again with `next`; `complete` once nothing will come any more. Where lines were left out, one says how many.
    """
    lines: list[Line] = []
    size, position = 0, start
    for number, line in _numbered(build, start):
        if number > position:
            lines.append(_gap(line, number - position))
        lines.append(line)
        size += len(line[3]) + 24
        position = number + 1
        if size > AT_ONCE:
            break
    else:
        return {"lines": lines, "next": position, "complete": build.state in FINAL_STATES}
    return {"lines": lines, "next": position, "complete": False}


def log_text(build: Build) -> Iterator[str]:
    """The whole log as a file."""
    position = 0
    for number, line in _numbered(build, 0):
        if number > position:
            yield f"{_gap(line, number - position)[3]}\n"
        position = number + 1
        seconds, step, kind, text = line
        mark = {
            "step": f"#{step} ",
            "cached": f"#{step} CACHED",
            "done": f"#{step} DONE ",
            "failed": f"#{step} FAILED ",
        }
        yield f"[{seconds:9.1f}] {mark.get(kind, '')}{text}\n"


def last_lines(build: Build, count: int) -> list[Line]:
    """The end of it."""
    found: list[Line] = []
    for chunk in build.log.order_by("-first").iterator(chunk_size=20):
        found = [*map(_worded, chunk.lines[-count:]), *found]
        if len(found) >= count:
            break
    return found[-count:]


def _numbered(build: Build, start: int) -> Iterator[tuple[int, Line]]:
    chunks = LogChunk.objects.filter(build=build)
    holding = chunks.filter(first__lte=start).order_by("-first").values_list("first", flat=True).first()
    for chunk in chunks.filter(first__gte=holding or 0).order_by("first").iterator(chunk_size=20):
        offset = max(start - chunk.first, 0)
        for number, line in enumerate(islice(chunk.lines, offset, None), chunk.first + offset):
            yield number, _worded(line)


def _worded(line: Line) -> Line:
    seconds, step, kind, text = line
    return [seconds, step, kind, sentence(text) if kind == NOTE else text]


def _gap(line: Line, count: int) -> Line:
    return [line[0], 0, NOTE, sentence({"code": LEFT_OUT, "values": {"count": count}})]
