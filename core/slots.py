"""How many may do something at the same time in this process. Who comes too many is told so at once, nobody queues."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import Any

from django.utils.translation import gettext_lazy as _

from core.errors import DomainError


class Busy(DomainError):
    """Nothing is wrong with the request, it comes at a bad moment."""

    code = "server_busy"
    http_status = 503
    title = _("Too much is asked at the same time")


class Slots:
    """`most` together, `most_each` for the same key; `full` and `full_each` are the sentences for more."""

    def __init__(self, *, most: int, most_each: int, full: Any, full_each: Any, retry_after: int) -> None:
        self._most, self._most_each = most, most_each
        self._full, self._full_each, self._retry_after = full, full_each, retry_after
        self._lock = threading.Lock()
        self._held: Counter[Hashable] = Counter()

    @contextmanager
    def held(self, key: Hashable) -> Iterator[None]:
        """One of them, as long as the block lasts. Raises `Busy`."""
        with self._lock:
            if self._held[key] >= self._most_each:
                raise Busy(self._full_each, retry_after=self._retry_after)
            if self._held.total() >= self._most:
                raise Busy(self._full, retry_after=self._retry_after)
            self._held[key] += 1
        try:
            yield
        finally:
            with self._lock:
                self._held[key] -= 1
                self._held += Counter()  # forgets what is zero
