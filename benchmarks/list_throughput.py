"""Lists under load: two web processes on one PostgreSQL with 100,000 images and 10,000 nodes, eight clients at once.

For each page: requests per second of the page, of an empty DRF view with the same authentication and middleware, and of
the page's two statements alone on two connections. The time that one of the two workers spends on a page is compared
with what it spends on the empty view plus the SQL.
"""

from __future__ import annotations

import argparse
import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import psycopg

from benchmarks.figures import load
from benchmarks.list_pages import CASES, FILL, Connection
from benchmarks.stage import Stage
from tests.integration.pull_bed import PullBed

WORKERS, CLIENTS = 2, 8
NODES = """INSERT INTO nodes_computenode (name, region, labels, cpu, memory, system_disk, data_disk, ssh_port, username,
  password, gpu_name, gpu_count, gpu_memory_gb, hami_core, docker_address, use_tls, ca_cert, client_cert, client_key,
  is_listed, remark, status, status_code, status_evidence, engine_version, storage_driver, platform,
  limits_system_disk, connection_version, disk_due_at, created_at, updated_at)
SELECT 'node-' || n, 'region-' || n % 7, '{}', 64, 512, 900, 4000, 22, '', '', 'A100', 8, 80, '/root/HAMi-core/build',
  '', false, '', '', '', n % 10 <> 0, '', 'connected', '', '', '28.5.2', 'overlay2', 'linux/amd64', false, 1, now(),
  now() - n * interval '1 minute', now() FROM generate_series(1, 10000) AS n"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=6.0)
    options = parser.parse_args()
    with Stage() as stage:
        first = stage.product("web", DJANGO_SETTINGS_MODULE="benchmarks.settings")
        beds = [first, stage.second_web(first)]
        with first.database() as cursor:
            cursor.execute(FILL["postgresql"])
            cursor.execute(NODES)
            cursor.execute("VACUUM ANALYZE imagelib_imageregistry")
            cursor.execute("VACUUM ANALYZE nodes_computenode")
        for case in CASES:
            empty = _requests(beds, "/benchmark/nothing", options.seconds)
            page = _requests(beds, case.path(), options.seconds)
            sql = _statements(first, case.statements("postgresql"), options.seconds)
            spent = [WORKERS / rate for rate in (page, empty, sql)]
            ratio = spent[0] / (spent[1] + spent[2])
            rates = f"{page:6.0f}/s, empty view {empty:6.0f}/s, SQL alone {sql:6.0f}/s"
            print(f"{case.name:22} {rates}; ratio {ratio:.2f}; {load()}", flush=True)
        for name, query in (("nodes, first page", "page=1"), ("nodes, last page", "page=1000")):
            rate = _requests(beds, f"/computeNode/getComputeNodeList?pageSize=10&{query}", options.seconds)
            print(f"{name:22} {rate:6.0f}/s")


def _requests(beds: Sequence[PullBed], path: str, seconds: float) -> float:
    """Answers per second of all clients together, spread over the web processes."""
    connections = [Connection(beds[number % len(beds)]) for number in range(CLIENTS)]
    with contextlib.ExitStack() as stack:
        for connection in connections:
            stack.callback(connection.close)
        return _rate([lambda client=connection: client.get(path) for connection in connections], seconds)


def _statements(bed: PullBed, statements: Sequence[tuple[str, Sequence[Any]]], seconds: float) -> float:
    with contextlib.ExitStack() as stack:
        cursors = [psycopg.ClientCursor(stack.enter_context(bed.database()).connection) for _worker in range(WORKERS)]
        asks = [lambda cursor=cursor: [cursor.execute(*one).fetchall() for one in statements] for cursor in cursors]
        return _rate(asks, seconds)


def _rate(asks: Sequence[Callable[[], Any]], seconds: float) -> float:
    done = [0] * len(asks)
    until = time.monotonic() + seconds

    def run(number: int) -> None:
        while time.monotonic() < until:
            asks[number]()
            done[number] += 1

    threads = [threading.Thread(target=run, args=[number]) for number in range(len(asks))]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done) / (time.monotonic() - started)


if __name__ == "__main__":
    main()
