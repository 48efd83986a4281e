"""Telling the web processes that a job's row changed, so that live progress need not look at the database often.

Only ever shortens a wait: who hears nothing looks by itself (`core.progress`). In the single process the listeners are
called directly; with Redis the word goes over one channel.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from time import monotonic

import redis
import structlog
from django.conf import settings
from django.db import transaction
from redis.exceptions import RedisError

from core.shutdown import stopping

logger = structlog.get_logger(__name__)
CHANNEL = "imagelib:changes"
AWAY_FOR = 5.0  # seconds without a new try after Redis failed
_listeners: list[Callable[[], None]] = []


class _Redis:
    """What this process last saw of Redis."""

    away_until = 0.0  # monotonic seconds


def announce() -> None:
    """Some job changed. Heard once the surrounding transaction has committed; never raises."""
    transaction.on_commit(_announce)


def _announce() -> None:
    if settings.EMBEDDED:
        _tell()
    elif monotonic() >= _Redis.away_until:
        try:
            _client().publish(CHANNEL, b"")
        except (RedisError, OSError) as error:
            _Redis.away_until = monotonic() + AWAY_FOR
            logger.warning("changes are not announced", reason=str(error))


def listen(listener: Callable[[], None]) -> None:
    """Call `listener`, from any thread, after changes anywhere. For the life of the process."""
    _listeners.append(listener)
    if not settings.EMBEDDED and len(_listeners) == 1:
        threading.Thread(target=_hear, name="changes", daemon=True).start()


def _hear() -> None:
    while not stopping.is_set():
        with suppress(RedisError, OSError), _client().pubsub(ignore_subscribe_messages=True) as channel:
            channel.subscribe(CHANNEL)
            while not stopping.is_set():
                if channel.get_message(timeout=10.0):
                    _tell()
        stopping.wait(AWAY_FOR)


def _tell() -> None:
    for listener in _listeners:
        listener()


@lru_cache(maxsize=1)
def _client() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)
