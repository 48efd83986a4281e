"""Connections to PostgreSQL as requests find them: good ones are used as they are, ended ones replaced."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import environ
import psycopg
import pytest
from django.db.utils import ConnectionHandler

from tests.services.postgres import PostgresServer
from tests.services.process import wait_until

pytestmark = pytest.mark.django_db  # which lets connections be made


@pytest.fixture
def own(postgres: PostgresServer) -> Iterator[Any]:
    """A connection as the product makes them, to a database of its own."""
    url = postgres.create_database("connections")
    settings = environ.Env.db_url_config(url) | {"ENGINE": "core.postgresql", "CONN_MAX_AGE": 600}
    settings["CONN_HEALTH_CHECKS"] = True
    wrapper: Any = ConnectionHandler({"default": settings})["default"]
    yield wrapper
    wrapper.close()
    postgres.drop_database("connections")


def asked(wrapper: Any, statement: str = "SELECT pg_backend_pid()") -> Any:
    """In a new request."""
    wrapper.close_if_unusable_or_obsolete()
    with wrapper.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0]


def test_a_good_connection_is_not_asked_first(own: Any, postgres: PostgresServer) -> None:
    process = asked(own)
    own.close_if_unusable_or_obsolete()
    own.close_if_health_check_failed()
    with psycopg.connect(postgres.url) as other:
        last = other.execute("SELECT query FROM pg_stat_activity WHERE pid = %s", [process]).fetchone()
    assert last == ("SELECT pg_backend_pid()",)
    assert asked(own) == process


def test_a_connection_that_the_server_ended_is_replaced(own: Any, postgres: PostgresServer) -> None:
    process = asked(own)
    with psycopg.connect(postgres.url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [process])
        gone = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s"
        wait_until("the process to be gone", lambda: other.execute(gone, [process]).fetchone() == (0,), timeout=60)
    assert asked(own) != process


def test_a_connection_that_is_told_something_is_kept(own: Any, postgres: PostgresServer) -> None:
    process = asked(own)
    with own.cursor() as cursor:
        cursor.execute("LISTEN news")
    with psycopg.connect(postgres.url_for("connections"), autocommit=True) as other:
        other.execute("NOTIFY news")
    assert asked(own) == process
