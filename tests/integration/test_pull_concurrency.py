"""Many at once: identical requests are one pull, limits hold at every instant, and nobody waits behind a crowd."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.integration.pull_bed import PullBed, settle
from tests.services.engine import RealEngine
from tests.services.fault_proxy import FaultProxy
from tests.services.images import ImageSpec
from tests.services.postgres import PostgresServer
from tests.services.product import Product
from tests.services.registries import Registries

pytestmark = pytest.mark.real
PRODUCT_ENV = {"IMAGELIB_PULLS_PER_NODE": "2", "IMAGELIB_PULLS_PER_REGISTRY": "3"}
PER_NODE, PER_REGISTRY = 2, 3

Proxies = Callable[..., FaultProxy]


@pytest.fixture
def slow(fault_proxy: Proxies, registries: Registries) -> FaultProxy:
    proxy = fault_proxy(registries.open)
    proxy.limit(2_000_000)
    return proxy


def small_images(registries: Registries, repository: str, count: int) -> list[str]:
    """So many images of one layer each, none like another."""
    for number in range(count):
        registries.open.push_image(ImageSpec.sized(repository, str(number), [300_000 + number], busybox=False))
    return [f"{repository}:{number}" for number in range(count)]


def test_a_hundred_identical_requests(bed: PullBed, engine: RealEngine, slow: FaultProxy) -> None:
    engine.wipe()
    node, reference = bed.node(engine.unix_url), slow.reference("team/mid:1")
    bed.product.token()
    gate = threading.Barrier(50)

    def ask(number: int) -> int:
        if number < 50:
            gate.wait(120)
        return bed.pull(reference, node)

    with ThreadPoolExecutor(50) as people:
        answers = list(people.map(ask, range(100)))
    [pk] = set(answers)
    slow.limit(None)
    done = bed.wait(pk)
    assert (done["state"], done["attempt"]) == ("succeeded", 1)
    same = f"SELECT count(*) FROM pulls_pulljob WHERE reference = '{reference}'"
    assert bed.rows(same) == [(1,)]
    by_engine = [
        request
        for request in slow.requests
        if request.method == "HEAD" and request.headers.get("user-agent", "").startswith("docker/")
    ]
    assert len(by_engine) == 1, "one engine pull"


def test_limits_hold_at_every_instant(
    separate: PullBed, engine: RealEngine, registries: Registries, slow: FaultProxy
) -> None:
    """Two worker processes, two nodes, one registry, 24 pulls, and somebody who counts all the time."""
    engine.wipe()
    separate.product.start_worker("transfers")
    nodes = [separate.node(engine.unix_url), separate.node(engine.tcp_url)]
    names = small_images(registries, "team/crowd", 12)
    slow.limit(1_500_000)
    ids = [separate.pull(slow.reference(name), node) for name in names for node in nodes]
    active = "SELECT state, node_id, node_slot, registry_slot FROM pulls_pulljob WHERE finished_at IS NULL"
    most: Counter[str] = Counter()
    samples = 0
    with separate.database() as cursor:
        while True:
            cursor.execute(active)
            rows = cursor.fetchall()
            if not rows:
                break
            held = [row for row in rows if row[0] != "queued"]
            per_node = Counter(row[1] for row in held)
            most["node"] = max([most["node"], *per_node.values()])
            most["registry"] = max(most["registry"], len(held))
            assert all(row[2] is not None and row[3] is not None for row in held)
            samples += 1
    assert samples > 200
    assert dict(most) == {"node": PER_NODE, "registry": PER_REGISTRY}, "neither exceeded nor left unused"
    for pk in ids:
        done = separate.snapshot(pk)
        assert (done["state"], done["attempt"]) == ("succeeded", 1), done


def test_who_comes_late_does_not_wait_behind_a_crowd(
    embedded: PullBed, engine: RealEngine, registries: Registries, slow: FaultProxy
) -> None:
    engine.wipe()
    product, node = embedded.product, embedded.node(engine.unix_url)
    product.create_user("hasty", staff=True)
    product.create_user("patient", staff=True)
    names = small_images(registries, "team/queue", 11)
    slow.limit(5_000)  # none of them is through before all have been asked for
    crowd = [embedded.pull(slow.reference(name), node, user="hasty") for name in names[:10]]
    late = embedded.pull(slow.reference(names[10]), node, user="patient")
    slow.limit(2_000_000)
    settle(embedded, timeout=120)
    order = [pk for (pk,) in embedded.rows("SELECT id FROM pulls_pulljob ORDER BY started_at, id")]
    mine = [pk for pk in order if pk in {*crowd, late}]
    assert mine.index(late) == PER_NODE, mine  # all slots were taken when it came, and the next one was its own


@pytest.mark.parametrize(("seed", "per_node", "per_registry"), [(1, "1", "2"), (2, "3", "4")])
@pytest.mark.parametrize("kind", ["postgresql", "sqlite"])
def test_claims_under_contention(
    session_dir: Path, request: pytest.FixtureRequest, kind: str, seed: int, per_node: str, per_registry: str
) -> None:
    product = _database_only(kind, session_dir, request)
    script = (Path(__file__).parent / "claim_race.py").read_text()
    env = {"IMAGELIB_PULLS_PER_NODE": per_node, "IMAGELIB_PULLS_PER_REGISTRY": per_registry, "RACE_SEED": str(seed)}
    threads = "16" if kind == "postgresql" else "6"
    done = product.manage("shell", "--no-imports", "-c", script, RACE_THREADS=threads, **env)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["left"] == 0, found
    assert found["claims"] == [1] * 60, "each pull once"
    assert found["most"]["node"] <= found["limits"]["node"], found
    assert found["most"]["registry"] <= found["limits"]["registry"], found


_databases: dict[str, Product] = {}


def _database_only(kind: str, directory: Path, request: pytest.FixtureRequest) -> Product:
    """Tables and nothing that runs; emptied before every test."""
    if kind not in _databases:
        url = None
        if kind == "postgresql":
            postgres: PostgresServer = request.getfixturevalue("postgres")
            url = postgres.create_database("claims")
        _databases[kind] = Product(directory / f"claims-{kind}", database_url=url, name=f"claims {kind}")
        _databases[kind].prepare()
    empty = "from pulls.models import *; PullJob.objects.all().delete(); ComputeNode.objects.all().delete()"
    assert _databases[kind].manage("shell", "--no-imports", "-c", empty).returncode == 0
    return _databases[kind]
