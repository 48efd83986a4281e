"""People and clients of the API tests. Everybody logs in through the real endpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from imagelib.models import ImageRegistry
from tests.api.kuscia_client import TOKEN, Kuscia
from tests.api.make import PASSWORD


@pytest.fixture(autouse=True)
def _many_logins(settings: Any) -> None:
    """Every test logs in several times: without the limit (it has a test of its own) and without the slow hash."""
    cache.clear()
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def still_clock() -> Iterator[None]:
    """All of a test happens within the same minute, however long it takes."""
    with time_machine.travel(timezone.now(), tick=False):
        yield


@pytest.fixture
def operator(db: None) -> User:
    return User.objects.create_user("olga", password=PASSWORD, is_staff=True)


@pytest.fixture
def user(db: None) -> User:
    return User.objects.create_user("ulrich", password=PASSWORD)


@pytest.fixture
def other(db: None) -> User:
    return User.objects.create_user("otto", password=PASSWORD)


@pytest.fixture
def client_of() -> Callable[[User | None], APIClient]:
    """`client_of(user)`: a client that is logged in as that user; `client_of(None)` is anonymous.

    Clients check CSRF as a server does and get the 500 of a crash instead of its exception.
    """

    def make(who: User | None) -> APIClient:
        client = APIClient(enforce_csrf_checks=True, raise_request_exception=False, HTTP_ACCEPT_LANGUAGE="en")
        if who is not None:
            answer = client.post("/api/token/", {"username": who.username, "password": PASSWORD})
            assert answer.status_code == 200, answer.content
            client.credentials(HTTP_AUTHORIZATION=f"Bearer {answer.json()['access']}")
        return client

    return make


@pytest.fixture
def as_operator(client_of: Any, operator: User) -> APIClient:
    return client_of(operator)


@pytest.fixture
def as_user(client_of: Any, user: User) -> APIClient:
    return client_of(user)


@pytest.fixture
def as_other(client_of: Any, other: User) -> APIClient:
    return client_of(other)


@pytest.fixture
def anonymous(client_of: Any, db: None) -> APIClient:
    return client_of(None)


@pytest.fixture
def broken_images(db: None) -> str:
    """The table of images is away (until the test's rollback), so that reading it crashes. Gives the table's name."""
    table = ImageRegistry._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO away")
    return table


@pytest.fixture
def kuscia(db: None, settings: Any) -> Kuscia:
    """Comes with the token of the configuration."""
    settings.KUSCIA_TOKEN = TOKEN
    return Kuscia()
