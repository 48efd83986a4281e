"""The log of a build on its way into the database, and out again."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from builds.log_buffer import LogBuffer, size_of
from builds.models import Build, LogChunk
from builds.reading import last_lines, log_page, log_text
from core.jobs import JobState
from tests.api import make


def line(number: int, size: int = 10) -> list[Any]:
    return [float(number), 1, "output", f"{number:0{size}}"]


def stored(sizes: list[int], *, limit: int, every: int) -> tuple[dict[int, list[list[Any]]], int]:
    """What is left in the database of so many lines, written after every so many."""
    buffer, chunks = LogBuffer(first=0, limit=limit), dict[int, list[list[Any]]]()
    for number, size in enumerate(sizes):
        buffer.add(line(number, size))
        if number % every == every - 1 or number == len(sizes) - 1:
            batch = buffer.batch()
            assert batch is not None
            chunks[batch.first] = batch.lines
            for first in batch.leaving:
                del chunks[first]
            buffer.stored(batch)
    return chunks, buffer.count


@given(st.lists(st.integers(1, 400), max_size=200), st.integers(1, 20))
def test_the_limit_is_kept_with_the_beginning_and_the_end(sizes: list[int], every: int) -> None:
    limit = 4000
    chunks, count = stored(sizes, limit=limit, every=every)
    assert count == len(sizes)
    kept = [(first + offset, text) for first in sorted(chunks) for offset, text in enumerate(chunks[first])]
    assert all(float(number) == text[0] for number, text in kept), "a number means another line"
    largest = max((sum(len(str(text[3])) + 24 for text in lines) for lines in chunks.values()), default=0)
    assert sum(len(str(text[3])) + 24 for _number, text in kept) <= limit + largest
    if sizes:
        assert kept[-1][0] == len(sizes) - 1
    if sum(size + 24 for size in sizes) <= limit // 2:
        assert len(kept) == len(sizes)


def test_lines_that_could_not_be_stored_wait() -> None:
    buffer = LogBuffer(first=5, limit=1_000_000)
    buffer.add(line(5))
    assert buffer.batch() is not None
    buffer.add(line(6))
    batch = buffer.batch()
    assert batch is not None and (batch.first, len(batch.lines)) == (5, 2)
    buffer.stored(batch)
    assert buffer.batch() is None and not buffer.waiting


@given(st.lists(st.integers(1, 400), min_size=1, max_size=200), st.integers(1, 5))
def test_the_limit_is_that_of_all_attempts_together(sizes: list[int], attempts: int) -> None:
    limit, chunks, number = 4000, dict[int, list[list[Any]]](), 0
    for _attempt in range(attempts):
        buffer = LogBuffer(
            first=number, limit=limit, kept=[(first, size_of(chunks[first])) for first in sorted(chunks)]
        )
        for size in sizes:
            buffer.add(line(number, size))
            number += 1
            batch = buffer.batch()
            assert batch is not None
            chunks[batch.first] = batch.lines
            for first in batch.leaving:
                del chunks[first]
            buffer.stored(batch)
    assert sum(map(size_of, chunks.values())) <= limit + max(map(size_of, chunks.values()))
    assert max(chunks) == number - 1, "the newest line stays"


def test_a_flood_leaves_out_what_came_first_of_it() -> None:
    buffer = LogBuffer(first=0, limit=20_000)
    for number in range(1000):
        buffer.add(line(number, 100))
    batch = buffer.batch()
    assert batch is not None and batch.first > 0 and batch.first + len(batch.lines) == 1000 and batch.size <= 10_000


@pytest.fixture
def build(django_user_model: Any) -> Build:
    job = make.build(by=django_user_model.objects.create_user("ulrich"), state=JobState.RUNNING)
    for first, count in ((0, 3), (3, 2), (50, 2)):
        LogChunk.objects.create(build=job, first=first, lines=[line(first + number) for number in range(count)])
    Build.objects.filter(pk=job.pk).update(log_lines=52)
    job.refresh_from_db()
    return job


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("start", "seconds", "missing"),
    [
        (0, [0, 1, 2, 3, 4, 50, 50, 51], 45),
        (2, [2, 3, 4, 50, 50, 51], 45),
        (3, [3, 4, 50, 50, 51], 45),
        (20, [50, 50, 51], 30),
        (50, [50, 51], None),
        (51, [51], None),
        (52, [], None),
        (99, [], None),
    ],
)
def test_readers_go_on_where_they_were_and_see_what_is_missing(
    build: Build, start: int, seconds: list[int], missing: int | None
) -> None:
    with translation.override("en"):
        page = log_page(build, start=start)
    assert [text[0] for text in page["lines"]] == seconds
    told = [text[3] for text in page["lines"] if text[2] == "note"]
    assert told == ([f"{missing} lines were left out."] if missing else [])
    assert page["next"] == max(start, 52) and page["complete"] is False


@pytest.mark.django_db
def test_a_log_is_complete_once_the_build_has_ended(build: Build) -> None:
    build.state = JobState.FAILED
    assert log_page(build, start=0)["complete"] is True
    LogChunk.objects.create(build=build, first=52, lines=[line(52, 600_000), line(53)])
    first = log_page(build, start=0)
    assert (first["next"], first["complete"]) == (53, False)
    second = log_page(build, start=first["next"])
    assert (len(second["lines"]), second["next"], second["complete"]) == (1, 54, True)


@pytest.mark.django_db
def test_the_whole_log_as_a_file_and_its_end(build: Build) -> None:
    with translation.override("en"):
        text = "".join(log_text(build))
    assert text.count("\n") == 8 and "45 lines were left out" in text and text.endswith("0000000051\n")
    assert [one[0] for one in last_lines(build, 3)] == [4, 50, 51]
