"""Word of changed jobs over a real Redis, which may be restarted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from core import changes
from tests.services.process import wait_until
from tests.services.redis import RedisServer

pytestmark = pytest.mark.real


@pytest.fixture
def heard(redis_server: RedisServer, settings: Any) -> Iterator[list[int]]:
    settings.EMBEDDED, settings.REDIS_URL = False, redis_server.url_for(5)
    changes._client.cache_clear()
    calls: list[int] = []

    def listener() -> None:
        calls.append(1)

    changes.listen(listener)
    yield calls
    changes._listeners.remove(listener)


def _is_heard(heard: list[int]) -> None:
    heard.clear()

    def announced() -> bool:
        changes._announce()
        return bool(heard)

    wait_until("word of the change", announced, timeout=30, step=0.1)


def test_it_travels_from_one_process_to_another_and_survives_a_restart_of_redis(
    heard: list[int], redis_server: RedisServer
) -> None:
    _is_heard(heard)
    redis_server.stop()
    changes._announce()  # fails quietly
    redis_server.start()
    _is_heard(heard)
