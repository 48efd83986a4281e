"""Waiting for a database that restarts: what was done elsewhere is not done again for that."""

from __future__ import annotations

from collections.abc import Callable

from django.db import InterfaceError, OperationalError, connection

from pulls.tools import Tools

DATABASE_PATIENCE = 600.0  # seconds that finished work waits for a database that went away


def when_database_answers(action: Callable[[], None], tools: Tools) -> None:
    """Do it as soon as the database takes it; the reaper takes over when the process ends meanwhile."""
    deadline = tools.monotonic() + DATABASE_PATIENCE
    while True:
        try:
            return action()
        except (OperationalError, InterfaceError):
            connection.close()
            if tools.monotonic() > deadline or tools.interrupted():
                raise
            tools.sleep(1.0)
