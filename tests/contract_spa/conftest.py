"""Logins of the recordings cost little: without the limit of attempts and without the slow hash."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache

from tests.contract_spa.world import CONTAINER
from tests.support.tiny_engine import tiny_engine


@pytest.fixture(autouse=True)
def _many_logins(settings: Any) -> None:
    cache.clear()
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an engine with one container, which has a log."""
    with tiny_engine(tmp_path_factory.mktemp("engine"), unix=False) as engine:
        engine.answers[f"GET /containers/{CONTAINER}/json"] = lambda: (200, {"Config": {"Tty": True}})
        engine.answers[f"GET /containers/{CONTAINER}/logs"] = lambda: (200, "epoch 1\n第二\n".encode())
        yield engine.address
