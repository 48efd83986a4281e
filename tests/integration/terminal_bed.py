"""What the tests of terminals share: a product, one engine by two ways, running instances of two people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.instance_bed import PLAIN, InstanceBed
from tests.integration.pull_bed import PullBed
from tests.services.engine import RealEngine
from tests.services.process import wait_until
from tests.services.registries import Registries

PRODUCT_ENV = {"IMAGELIB_TERMINALS_PER_USER": "3"}
PASSWORD = "user-s3cret-of-the-tests"
FOREVER = "trap 'exit 7' TERM; while :; do sleep 0.1; done"


@pytest.fixture(scope="module")
def beds(embedded: PullBed) -> InstanceBed:
    return InstanceBed(embedded)


@pytest.fixture(scope="module")
def reference(engine: RealEngine, registries: Registries) -> str:
    engine.wipe()
    found = registries.open.reference("library/tiny:1")
    engine.pull(found)
    return found


@pytest.fixture(scope="module")
def nodes(beds: InstanceBed, engine: RealEngine, reference: str) -> dict[str, int]:
    """The same engine by two ways."""
    tls = {
        "use_tls": True,
        "ca_cert": engine.pem("ca"),
        "client_cert": engine.pem("client_cert"),
        "client_key": engine.pem("client_key"),
    }
    behind_tls = beds.bed.node(engine.tls_url, cpu=64, memory=512, **tls)
    wait_until("the node behind TLS", lambda: beds.get(f"/api/nodes/{behind_tls}/")["status"] == "connected")
    return {"unix": beds.node(engine), "tls": behind_tls}


@pytest.fixture(scope="module")
def instance(beds: InstanceBed, nodes: dict[str, int], reference: str) -> dict[str, Any]:
    """The administrator's, running; it has no bash."""
    return beds.run(reference, nodes["unix"], PLAIN, command=["sh", "-c", FOREVER])


@pytest.fixture(autouse=True)
def _no_terminal_left(beds: InstanceBed) -> Iterator[None]:
    """They count for the limit until the server has noticed that they are closed."""
    yield
    query = "SELECT count(*) FROM instances_terminalsession WHERE ended_at IS NULL"
    wait_until("all terminals to end", lambda: beds.bed.rows(query) == [(0,)], step=0.05)


def programs(engine: RealEngine, instance: dict[str, Any]) -> list[str]:
    """Command lines of all processes in the container."""
    return [row[-1] for row in engine.get(f"/containers/{instance['container_id']}/top")["Processes"]]


def last_record(bed: InstanceBed, columns: str) -> tuple[Any, ...]:
    return bed.bed.rows(f"SELECT {columns} FROM instances_terminalsession ORDER BY id DESC LIMIT 1")[0]


@pytest.fixture(scope="module")
def ulrich(beds: InstanceBed) -> str:
    beds.product.create_user("ulrich", PASSWORD)
    return "ulrich"


@pytest.fixture(scope="module")
def his(beds: InstanceBed, nodes: dict[str, int], reference: str, ulrich: str) -> dict[str, Any]:
    """An instance of an ordinary user."""
    asked = {**beds.asked(reference, nodes["unix"], PLAIN), "command": ["sh", "-c", FOREVER]}
    answer = beds.product.api("POST", "/api/instances/", json=asked, user=ulrich)
    assert answer.status_code == 202, answer.text
    return beds.wait(answer.json()["id"], "running")
