"""Databases as `migrate` and `ensure_admin` leave them: made by the commands once in a process, copied from then on.

The commands take longer than the server itself needs to start, and most files of tests have products of their own.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

_TEMPLATE = "prepared"
_sqlite: list[bytes] = []


def is_new(place: Path | str) -> bool:
    """Whether nothing is in it: a file of SQLite, which is not there yet, or a URL of PostgreSQL."""
    if isinstance(place, Path):
        return not place.exists()
    with psycopg.connect(place) as there:
        return there.execute("SELECT 1 FROM pg_tables WHERE schemaname = 'public' LIMIT 1").fetchone() is None


def copy_to(place: Path | str) -> bool:
    """Fill a new database. False: nothing has been kept yet."""
    if isinstance(place, str):
        return _copy_on_server(place)
    if _sqlite:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(_sqlite[0])
    return bool(_sqlite)


def keep(place: Path | str) -> None:
    """Remember what the commands have made there, to be copied to others. Nobody may use the database meanwhile."""
    if isinstance(place, str):
        with _server_of(place) as server:
            server.execute(_create(_TEMPLATE, _name_in(place)))
    else:
        with closing(sqlite3.connect(place)) as connection:
            _sqlite.append(connection.serialize())


def _copy_on_server(url: str) -> bool:
    name = _name_in(url)
    with _server_of(url) as server:
        if server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [_TEMPLATE]).fetchone() is None:
            return False
        server.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))
        server.execute(_create(name, _TEMPLATE))
    return True


def _create(name: str, template: str) -> sql.Composed:
    return sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))


def _server_of(url: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(urlsplit(url)._replace(path="/postgres").geturl(), autocommit=True)


def _name_in(url: str) -> str:
    return urlsplit(url).path.lstrip("/")
