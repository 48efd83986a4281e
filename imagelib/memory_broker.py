"""The broker of the single process: kombu's in-memory transport, which wakes its readers instead of letting them look.

kombu's own sleeps between two looks. Looking often costs an idle process its CPU, looking seldom makes every pull start
late; a condition variable costs nothing and is immediate.
"""

from __future__ import annotations

import threading
from time import monotonic
from typing import Any

from kombu.transport import memory


class _Arrivals:
    """Counts messages, so that one that arrives between a look and the waiting is not slept through."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self.count = 0

    def announce(self) -> None:
        with self._condition:
            self.count += 1
            self._condition.notify_all()

    def wait(self, *, beyond: int, timeout: float) -> None:
        """Until more than `beyond` messages have come, or `timeout` seconds have passed."""
        with self._condition:
            self._condition.wait_for(lambda: self.count > beyond, timeout)


_arrivals = _Arrivals()  # for every connection of this process, as the queues themselves


class Channel(memory.Channel):
    def _put(self, queue: str, message: Any, **options: Any) -> None:
        super()._put(queue, message, **options)
        _arrivals.announce()

    def _put_fanout(self, exchange: str, message: Any, **options: Any) -> None:
        super()._put_fanout(exchange, message, **options)
        _arrivals.announce()


class Transport(memory.Transport):
    """What `memory://` means once `imagelib.celery` is imported.

    What no message announces, such as room in a worker that was full, is noticed by looking after all: every
    `polling_interval` seconds.
    """

    Channel = Channel

    def drain_events(self, connection: Any, timeout: float | None = None) -> None:
        """Deliver one message. Raises `TimeoutError` when none came within `timeout` seconds."""
        until = float("inf") if timeout is None else monotonic() + timeout
        while True:
            seen = _arrivals.count
            try:
                return super().drain_events(connection, timeout=0)
            except TimeoutError:
                left = until - monotonic()
                if left <= 0:
                    raise
                _arrivals.wait(beyond=seen, timeout=min(left, self.polling_interval))
