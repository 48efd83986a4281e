"""`query` and `create` of Kuscia's API beside 10,000 AppImages, against an empty DRF view.

Through the real server. Every round asks for an AppImage, creates one, and asks an empty view with the same token,
middleware and kind of answer; compared are the 95th percentiles of all rounds. Pages and batches are told besides.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import random
import threading
import time
from collections import defaultdict
from typing import Any

from benchmarks.figures import load, median, quantile
from benchmarks.stage import PRODUCTION, Stage
from tests.api.kuscia_example import EXAMPLE
from tests.integration.pull_bed import PullBed
from tests.services.ports import LOOPBACK

STORED = 10_000
AT = "/api/v1/appimage/"
EMPTY = "/benchmark/nothing-of-kuscia"
_COLUMNS = "INSERT INTO appimages_appimage (name, image_name, image_tag, document, version, created_at, updated_at)"
FILL = {
    "postgresql": f"{_COLUMNS} SELECT 'app-' || n, image_name, image_tag, document, 1, now(), now()"
    f" FROM appimages_appimage, generate_series(1, {STORED}) AS n WHERE name = 'model'",
    "sqlite": f"WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < {STORED})"
    f" {_COLUMNS} SELECT 'app-' || n, image_name, image_tag, document, 1, created_at, updated_at"
    " FROM appimages_appimage, t WHERE name = 'model'",
}


class Connection:
    """One kept-alive connection of a client with its token."""

    def __init__(self, bed: PullBed, token: str) -> None:
        self._connection = http.client.HTTPConnection(LOOPBACK, bed.product.port, timeout=60)
        self._headers = {"Token": token, "Content-Type": "application/json"}

    def post(self, path: str, body: Any) -> float:
        """Seconds until the answer was there."""
        text = json.dumps(body)
        started = time.monotonic()
        self._connection.request("POST", path, text, self._headers)
        response = self._connection.getresponse()
        answer = response.read()
        taken = time.monotonic() - started
        assert response.status == 200 and json.loads(answer)["status"]["code"] == 0, answer[:300]
        return taken

    def close(self) -> None:
        self._connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--database", choices=["postgresql", "sqlite"], default="postgresql")
    parser.add_argument("--rounds", type=int, default=400)
    parser.add_argument("--token", choices=["operator", "configured"], default="operator")
    options = parser.parse_args()
    with Stage() as stage:
        mode = "web" if options.database == "postgresql" else "embedded"
        bed = stage.product(mode, DJANGO_SETTINGS_MODULE="benchmarks.settings")
        token = PRODUCTION["IMAGELIB_KUSCIA_TOKEN"]
        if options.token == "operator":
            token = bed.product.manage("create_kuscia_token", "benchmark", "--user", "admin").stdout.strip()
        with contextlib.closing(Connection(bed, token)) as connection, bed.database() as cursor:
            connection.post(f"{AT}create", {**EXAMPLE, "name": "model"})
            cursor.execute(FILL[options.database])
            cursor.execute("VACUUM ANALYZE appimages_appimage" if mode == "web" else "ANALYZE")
        print(f"{options.database}, token: {options.token}, {options.rounds} rounds, median/p95 in ms")
        for clients in (1, 4):
            times = _measure(bed, token, clients, options.rounds)
            empty = quantile(times["empty"], 0.95)
            for name, values in times.items():
                p95 = quantile(values, 0.95)
                line = f"{clients} client(s), {name:18} {median(values) * 1e3:7.2f}/{p95 * 1e3:7.2f}"
                print(f"{line}; p95 ÷ p95 of the empty view {p95 / empty:.2f}; {load()}", flush=True)


def _measure(bed: PullBed, token: str, clients: int, rounds: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = defaultdict(list)
    lock = threading.Lock()

    def client(which: int) -> None:
        chosen = random.Random(which)
        with contextlib.closing(Connection(bed, token)) as connection:
            for number in range(rounds // clients + 3):
                some = [f"app-{chosen.randint(1, STORED)}" for _ in range(500)]
                ask: dict[str, tuple[str, Any]] = {
                    "empty": (EMPTY, {"name": some[0]}),
                    "query": (f"{AT}query", {"name": some[0]}),
                    "create": (f"{AT}create", {**EXAMPLE, "name": f"new-{clients}-{which}-{number}"}),
                }
                if number % 20 == 0:
                    ask |= {"list of 10": (f"{AT}list", {}), "batch query of 500": (f"{AT}batchQuery", {"names": some})}
                taken = {name: connection.post(*question) for name, question in ask.items()}
                if number >= 3:
                    with lock:
                        for name, seconds in taken.items():
                            times[name].append(seconds)

    threads = [threading.Thread(target=client, args=[which]) for which in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times


if __name__ == "__main__":
    main()
