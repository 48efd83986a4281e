"""What lies between the thread that reads a pull stream and its consumer. Pure."""

from __future__ import annotations

import threading
from collections import deque

from .types import PullEvent

# 127 layers, the most an image may have, pass through about eight states each. The limit holds the memory of a stream
# with a sleeping consumer below a megabyte; engines are not held up by a reader that waits.
MAX_PENDING = 2048


class EventBuffer:
    """A bounded queue that merges what a slow consumer would only skip.

    An event replaces a pending one of the same layer in the same state (`Downloading` 10 % by `Downloading` 20 %), in
    that one's place. Changes of state are never merged, so a consumer sees every state of every layer, in order.
    When even so `MAX_PENDING` events lie here, `put` waits.
    """

    def __init__(self, *, limit: int = MAX_PENDING) -> None:
        self._limit = limit
        self._changed = threading.Condition()
        self._pending: deque[list[PullEvent]] = deque()  # cells of one event, so that one can be replaced in place
        self._newest: dict[str, list[PullEvent]] = {}  # layer -> its last pending cell
        self._failure: Exception | None = None
        self._finished = False
        self._closed = False

    def put(self, event: PullEvent) -> bool:
        """Add an event; waits while the buffer is full. False when nobody wants it any more."""
        with self._changed:
            cell = self._newest.get(event.layer)
            if cell is not None and _state(cell[0]) == _state(event):
                cell[0] = event
                return not self._closed
            self._changed.wait_for(lambda: self._closed or len(self._pending) < self._limit)
            if self._closed:
                return False
            cell = [event]
            self._pending.append(cell)
            if event.layer:
                self._newest[event.layer] = cell
            self._changed.notify_all()
            return True

    def finish(self, failure: Exception | None) -> None:
        """No more events: the stream ended, or broke with `failure`. What is pending can still be taken."""
        with self._changed:
            self._finished = True
            self._failure = failure
            self._changed.notify_all()

    def close(self) -> None:
        """Forget what is pending, wake everybody up."""
        with self._changed:
            self._closed = True
            self._pending.clear()
            self._newest.clear()
            self._changed.notify_all()

    def take(self, *, timeout: float) -> PullEvent | None:
        """The next event, or None when none came in `timeout` seconds.

        Raises StopIteration after the last one and after `close`, and the failure of a broken stream in its place.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._pending or self._finished or self._closed, timeout)
            if self._closed:
                raise StopIteration
            if self._pending:
                return self._pop()
            if not self._finished:
                return None
            if self._failure is not None:
                raise self._failure
            raise StopIteration

    def _pop(self) -> PullEvent:
        cell = self._pending.popleft()
        event = cell[0]
        if self._newest.get(event.layer) is cell:
            del self._newest[event.layer]
        self._changed.notify_all()
        return event


def _state(event: PullEvent) -> str:
    """The countdown of a retry ("Retrying in 5 seconds", "… in 4 seconds") is one state."""
    return "Retrying" if event.status.startswith("Retrying") else event.status
