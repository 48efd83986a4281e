"""Django's PostgreSQL, whose connections are looked at before each request without asking the server."""

from __future__ import annotations

import select
from typing import Any

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    def close_if_health_check_failed(self) -> None:
        """A server that ends a connection says so on it, or its kernel does; as long as nothing has come, it is good.

        Django asks `SELECT 1`, with which every request waited once more. A network that swallows everything would
        not have told that question either.
        """
        if self.connection is not None and (self.connection.closed or _has_news(self.connection)):
            super().close_if_health_check_failed()


def _has_news(connection: Any) -> bool:
    """Whether there is something to read, or the end."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))
