"""The lines of a build's log between the engine and the database: few writes, whatever comes, and a limit. Pure.

Lines are numbered from 0. What is too much is left out in the middle: the beginning stays, and so does the end, which
moves on while lines come. Who reads sees from the numbers how many lines are missing, see `builds.reading`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

Line = list[Any]  # [seconds since the start of the attempt, step, kind, text]
MOST_WAITING: Final = 1_000_000  # characters that wait for a write
_ASIDE: Final = 24  # what a line costs besides its text


@dataclass(frozen=True, slots=True)
class Batch:
    """Lines to be stored together; `first` is the number of the first one. `leaving`: the same of those to delete."""

    first: int
    lines: list[Line]
    size: int
    leaving: tuple[int, ...]


def size_of(lines: Iterable[Line]) -> int:
    return sum(len(str(line[3])) + _ASIDE for line in lines)


class LogBuffer:
    """`first`: the number of the next line. `limit`: characters that stay, of all attempts together. `kept`: number of
    the first line and size of each batch that earlier attempts left, in order."""

    def __init__(self, *, first: int, limit: int, kept: Iterable[tuple[int, int]] = ()) -> None:
        self._half = limit // 2
        self._most_waiting = min(MOST_WAITING, self._half)
        self._waiting: deque[tuple[Line, int]] = deque()
        self._waiting_size = 0
        self._next = first
        self._head = 0
        self._tail: deque[tuple[int, int]] = deque()  # number of the first line and size of each batch
        self._tail_size = 0
        for number, size in kept:
            self._place(number, size)

    @property
    def count(self) -> int:
        """Lines so far."""
        return self._next

    @property
    def waiting(self) -> bool:
        return bool(self._waiting)

    def add(self, line: Line) -> None:
        size = size_of([line])
        self._waiting.append((line, size))
        self._waiting_size += size
        self._next += 1
        while self._waiting_size > self._most_waiting and len(self._waiting) > 1:
            self._waiting_size -= self._waiting.popleft()[1]

    def batch(self) -> Batch | None:
        """What waits. It goes on waiting until `stored` says that it need not."""
        if not self._waiting:
            return None
        first = self._next - len(self._waiting)
        leaving, size = [], self._tail_size + self._waiting_size
        if self._goes_behind(self._waiting_size):
            for number, its_size in self._tail:
                if size <= self._half:
                    break
                leaving.append(number)
                size -= its_size
        return Batch(first, [line for line, _size in self._waiting], self._waiting_size, tuple(leaving))

    def stored(self, batch: Batch) -> None:
        if self._goes_behind(batch.size):
            for _number in batch.leaving:
                self._tail_size -= self._tail.popleft()[1]
        self._place(batch.first, batch.size)
        self._waiting.clear()
        self._waiting_size = 0

    def _place(self, first: int, size: int) -> None:
        if self._goes_behind(size):
            self._tail.append((first, size))
            self._tail_size += size
        else:
            self._head += size

    def _goes_behind(self, size: int) -> bool:
        """Whether so much no longer fits into the beginning."""
        return bool(self._tail) or self._head + size > self._half
