"""`getImageRegistryList` over 100,000 rows, page of 10, against the unavoidable: the SQL itself and an empty view.

Through the real server. Every round asks for a list page, for an empty DRF view with the same authentication and
middleware, and sends the two statements of the list (written by hand: count and page) on a connection of its own. A
round's unavoidable cost is the sum of the latter two; compared are the 95th percentiles of all rounds.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import psycopg

from benchmarks.figures import load, median, quantile
from benchmarks.stage import Stage
from tests.integration.pull_bed import PullBed
from tests.services.ports import LOOPBACK

LAST = 10_000
COLUMNS = "id, created_at, updated_at, name, address, description, source, is_listed, supports_vgpu, remark"
_TEXTS = """'image-' || {n}, 'registry.example.com/team/image-' || {n} || ':v1', 'What image ' || {n} || ' is for',
  'built', {n} % 2 = 0, {n} % 10 <> 0, 'remark'"""
_INTO = "INSERT INTO imagelib_imageregistry (name, address, description, source, supports_vgpu, is_listed, remark,"
FILL = {
    "postgresql": f"{_INTO} created_at, updated_at) SELECT {_TEXTS.format(n='n')}, now() - n * interval '1 minute',"
    " now() FROM generate_series(1, 100000) AS n",
    "sqlite": "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 100000)"
    f" {_INTO} created_at, updated_at) SELECT {_TEXTS.format(n='n')},"
    " datetime('2026-11-22', '-' || n || ' minutes'), datetime('2026-11-22') FROM t",
}


@dataclass(frozen=True)
class Case:
    """A page as the front end asks for it, and the same in SQL. `{mark}` is the database's placeholder."""

    name: str
    query: dict[str, Any]
    where: str = ""
    values: Sequence[Any] = ()

    def path(self) -> str:
        return "/imageRegistry/getImageRegistryList?" + urlencode({"pageSize": 10, **self.query})

    def statements(self, database: str) -> list[tuple[str, Sequence[Any]]]:
        text = "UPPER(name) LIKE UPPER({mark})" if database == "postgresql" else "name LIKE {mark}"
        where = self.where.replace("{like}", text).replace("{mark}", "%s" if database == "postgresql" else "?")
        offset = (self.query["page"] - 1) * 10
        table = f"FROM imagelib_imageregistry {where}"
        page = f"SELECT {COLUMNS} {table} ORDER BY created_at DESC, id DESC LIMIT 10 OFFSET {offset}"
        return [(f"SELECT count(*) {table}", self.values), (page, self.values)]


CASES = [
    Case("all, first page", {"page": 1}),
    Case("all, last page", {"page": LAST}),
    Case("name, first page", {"page": 1, "name": "age-123"}, "WHERE {like}", ["%age-123%"]),
    Case("name, last page", {"page": 112, "name": "age-123"}, "WHERE {like}", ["%age-123%"]),
    Case("unlisted, first page", {"page": 1, "isOnShelf": "false"}, "WHERE NOT is_listed"),
    Case("unlisted, last page", {"page": 1000, "isOnShelf": "false"}, "WHERE NOT is_listed"),
]


@dataclass
class Times:
    """Seconds of each part of each round."""

    page: list[float] = field(default_factory=list)
    empty: list[float] = field(default_factory=list)
    sql: list[float] = field(default_factory=list)

    @property
    def unavoidable(self) -> list[float]:
        return [one + other for one, other in zip(self.empty, self.sql, strict=True)]

    def line(self) -> str:
        parts = {"page": self.page, "empty": self.empty, "sql": self.sql}
        texts = [f"{name} {median(t) * 1e3:.1f}/{quantile(t, 0.95) * 1e3:.1f}" for name, t in parts.items()]
        p95 = quantile(self.page, 0.95) / quantile(self.unavoidable, 0.95)
        middle = median(self.page) / median(self.unavoidable)
        return f"{', '.join(texts)} ms; ratio of p95 {p95:.2f}, of medians {middle:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--database", choices=["postgresql", "sqlite"], default="postgresql")
    parser.add_argument("--rounds", type=int, default=120)
    options = parser.parse_args()
    with Stage() as stage:
        mode = "web" if options.database == "postgresql" else "embedded"
        bed = stage.product(mode, DJANGO_SETTINGS_MODULE="benchmarks.settings")
        with bed.database() as cursor:
            cursor.execute(FILL[options.database])
            cursor.execute("VACUUM ANALYZE imagelib_imageregistry" if mode == "web" else "ANALYZE")
        print(f"{options.database}, {options.rounds} rounds, median/p95 in ms")
        for clients in (1, 4):
            for case in CASES:
                times = _measure(bed, case, options.database, clients, options.rounds)
                print(f"{clients} client(s), {case.name:20} {times.line()}; {load()}", flush=True)
        if options.database == "postgresql":
            _count_queries(stage, bed)


def _measure(bed: PullBed, case: Case, database: str, clients: int, rounds: int) -> Times:
    times = Times()

    def client() -> None:
        with contextlib.closing(Connection(bed)) as connection, bed.database() as cursor:
            if database == "postgresql":
                cursor = psycopg.ClientCursor(cursor.connection)  # values in the text, as Django sends them
            ask = {
                "page": lambda: connection.get(case.path()),
                "empty": lambda: connection.get("/benchmark/nothing"),
                "sql": lambda: [cursor.execute(*one).fetchall() for one in case.statements(database)],
            }
            for number in range(rounds // clients + 3):
                taken = {name: _time(action) for name, action in ask.items()}
                if number >= 3:
                    with lock:
                        for name, seconds in taken.items():
                            getattr(times, name).append(seconds)

    lock = threading.Lock()
    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times


class Connection:
    """One kept-alive connection of a logged-in client."""

    def __init__(self, bed: PullBed) -> None:
        self._connection = http.client.HTTPConnection(LOOPBACK, bed.product.port, timeout=60)
        self._headers = {"x-token": bed.product.token()}

    def get(self, path: str) -> bytes:
        self._connection.request("GET", path, headers=self._headers)
        response = self._connection.getresponse()
        body = response.read()
        assert response.status == 200 and body.startswith(b'{"code":0'), body[:300]
        return body

    def close(self) -> None:
        self._connection.close()


def _time(action: Callable[[], Any]) -> float:
    started = time.monotonic()
    action()
    return time.monotonic() - started


def _count_queries(stage: Stage, bed: PullBed) -> None:
    """What the server itself counts."""
    with psycopg.connect(stage.postgres.url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET log_statement = 'all'")
        connection.execute("SELECT pg_reload_conf()")
    time.sleep(1)
    client = Connection(bed)
    cases = [*CASES, Case("100 rows a page", {"page": 1, "pageSize": 100})]
    counts = {case.name: _queries(stage, client, case.path()) for case in cases}
    counts["the empty view"] = _queries(stage, client, "/benchmark/nothing")
    print("queries:", ", ".join(f"{name} {count}" for name, count in counts.items()))
    client.close()


def _queries(stage: Stage, client: Connection, path: str) -> int:
    start = stage.postgres.log_file.size()
    client.get(path)
    time.sleep(0.3)
    statements = re.findall(r"LOG:  (?:statement|execute)[^:]*: (.*)", stage.postgres.log_file.text(start))
    return len([text for text in statements if not text.startswith(("BEGIN", "COMMIT"))])


if __name__ == "__main__":
    main()
