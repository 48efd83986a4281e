"""One call for all threads that ask for the same thing at the same time, and for a moment afterwards."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class SharedCalls(Generic[T]):
    """What a call gave is good for `fresh_for` seconds; a failure only for those who were waiting for it."""

    def __init__(self, *, fresh_for: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._fresh_for, self._clock = fresh_for, clock
        self._lock = threading.Lock()
        self._running: dict[Hashable, Future[T]] = {}
        self._ended: dict[Hashable, tuple[float, Future[T]]] = {}  # the oldest first

    def known(self, key: Hashable) -> Future[T] | None:
        """What a call gave a moment ago."""
        with self._lock:
            self._forget()
            return self._ended[key][1] if key in self._ended else None

    def get(self, key: Hashable, call: Callable[[], T]) -> T:
        """What is known, what somebody is asking for already, or what `call` gives. Raises as that does."""
        with self._lock:
            self._forget()
            if key in self._ended:
                return self._ended[key][1].result()
            others = self._running.get(key)
            mine: Future[T] = Future()
            if others is None:
                self._running[key] = mine
        if others is not None:
            return others.result()
        try:
            mine.set_result(call())
        except BaseException as error:
            mine.set_exception(error)
            raise
        finally:
            with self._lock:
                del self._running[key]
                if not mine.exception():
                    self._ended[key] = (self._clock(), mine)
        return mine.result()

    def _forget(self) -> None:
        over = self._clock() - self._fresh_for
        for key in [key for key, (at, _result) in self._ended.items() if at <= over]:
            del self._ended[key]
