"""Many who create, fail and remove at the same moment: at no instant is anything promised twice, and nothing stays."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, connections

from core.errors import DomainError
from instances.accelerators.registry import CARDS
from instances.models import GpuAllocation, Instance, Observed, Operation
from instances.services import create_instance, delete_instances
from nodes.engine import EngineRejected
from nodes.models import ComputeNode
from pulls.tools import Tools
from tests.api import make
from tests.support.fake_engine import FakeEngine
from tests.support.one_instance import gpu_node, is_clean, prepare, run
from tests.support.one_pull import REFERENCE

pytestmark = pytest.mark.django_db(transaction=True)
NODES = 4  # with two cards of 24 GB each
REFUSED = 5  # creations, by the engine
SPECS: list[dict[str, Any]] = [
    {"gpu_memory_gb": 8, "cpu_cores": 1},
    {"gpu_memory_gb": 5, "memory_gb": 9},
    {"gpu_memory_gb": 12, "gpu_count": 2, "data_disk_gb": 30},
    {"gpu_memory_gb": 24, "supports_memory_split": False},
    {"gpu_memory_gb": 2, "sm_limit_percent": 40},
]
# One statement, so that each look is one instant.
HELD = """
    SELECT c.memory_mib, SUM(a.memory_mib), SUM(a.compute_percent), COUNT(*), MAX(CASE WHEN a.is_exclusive THEN 1 END)
    FROM instances_gpu c JOIN instances_gpuallocation a ON a.gpu_id = c.id GROUP BY c.id, c.memory_mib
"""
ROOM = """
    SELECT n.cpu - SUM(i.cpu_cores), n.memory - SUM(i.memory_gb), n.data_disk - SUM(i.data_disk_gb)
    FROM nodes_computenode n JOIN instances_instance i ON i.node_id = n.id GROUP BY n.id, n.cpu, n.memory, n.data_disk
"""


def overcommitted() -> list[Any]:
    """What is held too often at this instant."""
    with connection.cursor() as cursor:
        cursor.execute(HELD)
        wrong: list[Any] = [
            row
            for row in cursor.fetchall()
            if row[1] > row[0] + CARDS.SLACK or row[2] > 100 or row[3] > CARDS.MOST_PER_CARD or (row[4] and row[3] > 1)
        ]
        cursor.execute(ROOM)
        return wrong + [row for row in cursor.fetchall() if min(row) < 0]


class Rush:
    """Each thread asks once; who gets something lets a worker make it, looks around, and may remove it again."""

    def __init__(self, image: Any, specs: list[Any], tools: Tools) -> None:
        self.image, self.specs, self.tools = image, specs, tools
        self.seen: Counter[str] = Counter()
        self.wrong: list[Any] = []
        self._lock = threading.Lock()
        self._over = threading.Event()

    def __call__(self, people: list[Any]) -> None:
        start = threading.Barrier(len(people))
        asking = [self._thread(self._ask, start, number, user) for number, user in enumerate(people)]
        observer = self._thread(self._watch)
        for thread in asking:
            thread.join()
        self._over.set()
        observer.join()

    def _thread(self, target: Callable[..., None], *args: Any) -> threading.Thread:
        def run() -> None:
            try:
                target(*args)
            except Exception as error:  # noqa: BLE001  (for the test to see)
                self._note("crash", repr(error))
            finally:
                connections.close_all()

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def _ask(self, start: threading.Barrier, number: int, user: Any) -> None:
        connection.ensure_connection()
        start.wait(timeout=60)
        try:
            spec = self.specs[number % len(self.specs)]
            instance = create_instance(user=user, image=self.image.pk, spec=spec.pk, name="train")
        except DomainError as error:
            self._note(error.code)
            self._look()
            return
        self._look()
        run(instance, self.tools)
        self._look()
        self._note(str(instance.observed))
        if number % 3 == 0:
            delete_instances(user=user, ids=[instance.pk])
            self._look()
            run(instance, self.tools)
        self._look()

    def _watch(self) -> None:
        while not self._over.wait(0.01):
            self._look()

    def _look(self) -> None:
        found = overcommitted()
        with self._lock:
            self.seen["looks"] += 1
            self.wrong += found

    def _note(self, what: str, *more: str) -> None:
        with self._lock:
            self.seen[what] += 1
            self.wrong += more


def test_nobody_gets_what_another_has(engine: FakeEngine, tools: Tools, django_user_model: Any, settings: Any) -> None:
    """Two hundred at once; fewer on SQLite, where they would merely wait for one another."""
    many = 200 if connection.vendor == "postgresql" else 40
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    prepare(engine)
    for _ in range(NODES):
        gpu_node(cpu=12, memory=64, data_disk=100)
    image = make.image(address=REFERENCE, supports_vgpu=True)
    usual = {"gpu_model": "A10", "gpu_count": 1, "supports_memory_split": True}
    specs = [make.spec(**{**usual, **values}) for values in SPECS]
    people = [django_user_model.objects.create_user(f"u{number}") for number in range(many)]
    random.Random(3).shuffle(people)
    for _ in range(REFUSED):
        engine.containers.refuse("create", EngineRejected(500, "mkdir /var/lib/docker: no space left on device"))
    rush = Rush(image, specs, tools)
    rush(people)
    assert not rush.wrong
    looks = rush.seen.pop("looks")
    assert rush.seen.keys() == {"no_room", Observed.RUNNING, Observed.FAILED}, rush.seen
    assert rush.seen.total() == many <= looks and rush.seen[Observed.FAILED] == REFUSED
    _everything_is_free_again(engine, tools)


def _everything_is_free_again(engine: FakeEngine, tools: Tools) -> None:
    kept = list(Instance.objects.select_related("user"))
    assert len(engine.containers.all) == sum(one.observed == Observed.RUNNING for one in kept)
    for instance in kept:
        delete_instances(user=instance.user, ids=[instance.pk])
        run(instance, tools)
    assert not Instance.objects.exists() and not GpuAllocation.objects.exists()
    assert not Operation.objects.filter(instance__isnull=False).exists()
    assert is_clean(engine)
    assert ComputeNode.objects.count() == NODES
