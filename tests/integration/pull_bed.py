"""A running product with nodes and registries in it: what the tests of pulls ask of it, in few words."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import requests

from tests.services.process import wait_until
from tests.services.product import ADMIN, Product

Snapshot = dict[str, Any]
FINAL = ("succeeded", "failed", "cancelled")


class Watch:
    """An open event stream of one pull (or build), read by a thread: every snapshot that a browser would have seen."""

    def __init__(self, product: Product, pk: int, *, kind: str = "pulls") -> None:
        self.snapshots: list[Snapshot] = []
        self.ended = threading.Event()
        self._session = requests.Session()
        self._session.trust_env = False
        self._response = self._session.get(
            f"{product.url}/api/{kind}/{pk}/events/",
            headers={"Authorization": f"Bearer {product.token()}"},
            stream=True,
            timeout=(5, 60),
        )
        assert self._response.status_code == 200, self._response.text
        threading.Thread(target=self._read, daemon=True).start()

    @property
    def last(self) -> Snapshot:
        return self.snapshots[-1]

    def until(self, *states: str, timeout: float = 120.0) -> Snapshot:
        """The first snapshot in one of `states` (none given: a final one)."""
        wanted = states or FINAL

        def found() -> Snapshot | None:
            return next((item for item in self.snapshots if item["state"] in wanted), None)

        wait_until(f"the stream to show {' or '.join(wanted)}", found, timeout=timeout, step=0.05)
        snapshot = found()
        assert snapshot is not None
        return snapshot

    def close(self) -> None:
        self._response.close()
        self._session.close()

    def _read(self) -> None:
        broken = (requests.RequestException, AttributeError, ValueError, OSError)  # closed under the reader
        with contextlib.suppress(*broken):
            for line in self._response.iter_lines():
                if line.startswith(b"data: "):
                    self.snapshots.append(json.loads(line[6:]))
        self.ended.set()


class PullBed:
    """Nodes are named by their Docker address and made once."""

    def __init__(self, product: Product) -> None:
        self.product = product
        self._nodes: dict[str, int] = {}
        self._watches: list[Watch] = []

    # --- what exists --------------------------------------------------------------------------------------------------

    def node(self, address: str, **fields: Any) -> int:
        """The id of the node with that Docker address."""
        if address not in self._nodes:
            values = {"name": f"node{len(self._nodes) + 1}", "docker_address": address, **fields}
            answer = self.product.api("POST", "/api/nodes/", json=values)
            assert answer.status_code == 201, answer.text
            self._nodes[address] = answer.json()["id"]
        return self._nodes[address]

    def registry(self, host: str, **fields: Any) -> int:
        """An endpoint with credentials or certificates."""
        values = {"name": host, "endpoint": host, **fields}
        answer = self.product.api("POST", "/api/registries/", json=values)
        assert answer.status_code == 201, answer.text
        return int(answer.json()["id"])

    # --- pulls --------------------------------------------------------------------------------------------------------

    def pull(self, reference: str, node: int, *, user: str = ADMIN) -> int:
        """Ask for it; returns the id of the pull."""
        asked = {"reference": reference, "nodes": [node]}
        answer = self.product.api("POST", "/api/pulls/", json=asked, user=user)
        assert answer.status_code == 202, answer.text
        [result] = answer.json()["results"]
        return int(result["pull"]["id"])

    def snapshot(self, pk: int) -> Snapshot:
        answer = self.product.api("GET", f"/api/pulls/{pk}/")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def watch(self, pk: int) -> Watch:
        watch = Watch(self.product, pk)
        self._watches.append(watch)
        return watch

    def wait(self, pk: int, *states: str, timeout: float = 120.0) -> Snapshot:
        """The snapshot, once the pull is in one of `states` (none given: in a final one)."""
        return self.product.wait_for_pull(pk, *states, timeout=timeout)

    def wait_for_bytes(self, pk: int, least: int, *, timeout: float = 120.0) -> Snapshot:
        """The snapshot, once so many bytes of a running pull have arrived."""
        seen: Snapshot = {}

        def moving() -> bool:
            seen.update(self.snapshot(pk))
            assert seen["state"] not in FINAL, seen
            return seen["state"] == "running" and seen["bytes_downloaded"] >= least

        wait_until(f"{least} bytes of pull {pk}", moving, timeout=timeout, step=0.1)
        return seen

    def run(self, reference: str, node: int, *, timeout: float = 120.0) -> Snapshot:
        """Pull to the end."""
        return self.wait(self.pull(reference, node), timeout=timeout)

    def cancel(self, pk: int, *, user: str = ADMIN) -> requests.Response:
        return self.product.api("POST", f"/api/pulls/{pk}/cancel/", user=user)

    def history(self, pk: int) -> list[str]:
        """The codes of the pull's events, oldest first."""
        return [event["code"] for event in self.events(pk)]

    def events(self, pk: int) -> list[dict[str, Any]]:
        """The pull's history: its first hundred events, oldest first."""
        found = self.product.api("GET", f"/api/pulls/{pk}/history/?page_size=100").json()
        return list(found["results"])

    # --- the rows themselves ------------------------------------------------------------------------------------------

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the product's database directly."""
        with self.database() as cursor:
            cursor.execute(query)
            return list(cursor.fetchall())

    @contextlib.contextmanager
    def database(self) -> Iterator[Any]:
        """A cursor on the product's database."""
        url = self.product.env.get("IMAGELIB_DATABASE_URL")
        if url:
            with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
                yield connection.cursor()
            return
        path = f"{self.product.env['IMAGELIB_DATA_DIR']}/imagelib.sqlite3"
        with contextlib.closing(sqlite3.connect(path, timeout=20, isolation_level=None)) as connection:
            yield connection.cursor()

    def close(self) -> None:
        self.product.close()  # ends the streams; closing one here would wait for its reader
        for watch in self._watches:
            watch.close()


def settle(bed: PullBed, *, timeout: float = 120.0) -> None:
    """Wait until no pull is active any more."""
    query = "SELECT count(*) FROM pulls_pulljob WHERE state IN ('queued', 'running', 'cancelling')"
    wait_until("all pulls to end", lambda: bed.rows(query) == [(0,)], timeout=timeout, step=0.2)


def assert_truthful(snapshots: list[Snapshot], *, total: int, reused: int = 0) -> None:
    """What a viewer of one undisturbed attempt must have seen: the exact total at once, no step back, no early 100."""
    measured = [item for item in snapshots if item["state"] == "running" and item["phase"] != "resolving"]
    assert measured, snapshots
    for item in measured:
        assert item["bytes_total_exact"], item
        assert item["bytes_total"] == total, item
        assert item["bytes_reused"] == reused, item
    assert all(item["percent"] < 100 for item in snapshots if item["state"] != "succeeded")
    for name in ("percent", "bytes_downloaded", "bytes_extracted", "version"):
        values = [item[name] for item in measured]
        assert values == sorted(values), (name, values)


def sleep_until(moment: float) -> None:
    """`moment` is of time.monotonic()."""
    time.sleep(max(moment - time.monotonic(), 0.0))
