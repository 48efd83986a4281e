"""How much room a node has: read by itself from time to time and after pulls, never shown without its age."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from core.errors import Conflict
from core.system import SYSTEM
from nodes import work
from nodes.engine import EngineEndpoint, connect
from nodes.engine.disk import REMOVE_WITHIN
from nodes.models import ComputeNode, NodeStatus
from nodes.services import DISK_EVERY, DISKS_AT_ONCE, discover_node, disk_changed, read_disks, save_node, sweep_all
from tests.api import make
from tests.support.tiny_engine import TinyEngine, tiny_engine

pytestmark = pytest.mark.django_db


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[TinyEngine]:
    with tiny_engine(tmp_path) as engine:
        yield engine


def connected(engine: TinyEngine, **values: Any) -> ComputeNode:
    return make.node(docker_address=engine.address, status=NodeStatus.CONNECTED, **values)


# --- reading ---------------------------------------------------------------------------------------------------------


def test_a_disk_is_read_when_its_turn_comes(engine: TinyEngine) -> None:
    node = connected(engine)
    before = timezone.now()
    assert read_disks() == 1
    node.refresh_from_db()
    assert node.disk_free_bytes and node.disk_total_bytes and node.disk_free_bytes <= node.disk_total_bytes
    assert node.disk_checked_at is not None and node.disk_checked_at >= before
    assert node.disk_due_at >= before + DISK_EVERY
    assert read_disks() == 0, "not again so soon"
    disk_changed(node=node.pk)
    assert read_disks() == 1


def test_a_round_is_small_and_takes_the_longest_waiting_first(engine: TinyEngine) -> None:
    now = timezone.now()
    nodes = [connected(engine, disk_due_at=now - timedelta(minutes=n)) for n in range(DISKS_AT_ONCE + 3)]
    assert read_disks() == DISKS_AT_ONCE
    unread = set(ComputeNode.objects.filter(disk_checked_at=None))
    assert unread == set(nodes[:3])
    assert read_disks() == 3


def test_nodes_that_do_not_answer_are_not_asked(engine: TinyEngine) -> None:
    make.node(docker_address=engine.address, status=NodeStatus.FAILED)
    make.node(docker_address=engine.address)
    assert read_disks() == 0 and not engine.asked


def test_a_disk_that_nobody_tells_keeps_its_number_and_its_age(engine: TinyEngine) -> None:
    engine.info["Name"] = "elsewhere"
    engine.answers["GET /images/json"] = lambda: (500, {"message": "no"})
    read_at = timezone.now() - timedelta(hours=1)
    node = connected(engine, disk_free_bytes=7, disk_checked_at=read_at)
    assert read_disks() == 0
    node.refresh_from_db()
    assert (node.disk_free_bytes, node.disk_checked_at) == (7, read_at)
    assert node.status == NodeStatus.CONNECTED
    assert node.disk_due_at > timezone.now(), "and is left alone for a while"


def test_a_sweep_reads_no_disk(engine: TinyEngine) -> None:
    node = connected(engine)
    assert sweep_all() == 1
    node.refresh_from_db()
    assert (node.status, node.disk_free_bytes) == (NodeStatus.CONNECTED, None)


# --- discovering -----------------------------------------------------------------------------------------------------


def test_discovering_fills_the_columns(engine: TinyEngine) -> None:
    found = discover_node(user=SYSTEM, node=connected(engine))
    assert (found.cpu, found.memory, found.platform) == (48, 64, "linux/amd64")
    assert found.system_disk and found.disk_free_bytes and found.disk_checked_at and found.discovered_at


def test_an_engine_that_tells_all_but_its_disk_is_connected(engine: TinyEngine) -> None:
    engine.info["Name"] = "elsewhere"
    engine.answers["GET /images/json"] = lambda: (500, {"message": "no"})
    found = discover_node(user=SYSTEM, node=connected(engine))
    assert (found.status, found.cpu, found.system_disk, found.disk_free_bytes) == ("connected", 48, 0, None)


def test_what_another_machine_told_is_not_stored(engine: TinyEngine) -> None:
    seen = connected(engine, cpu=1)
    current = ComputeNode.objects.get(pk=seen.pk)
    save_node(user=SYSTEM, values={"docker_address": make.DEAD_ENGINE}, node=current, test=False)
    with pytest.raises(Conflict):
        discover_node(user=SYSTEM, node=seen)
    stored = ComputeNode.objects.get(pk=seen.pk)
    assert (stored.cpu, stored.disk_free_bytes, stored.discovered_at, stored.status) == (1, None, None, "unknown")


@pytest.mark.django_db(transaction=True)
def test_a_disk_of_another_machine_is_not_stored(engine: TinyEngine) -> None:
    node = connected(engine)

    def address_changes() -> tuple[int, Any]:
        ComputeNode.objects.filter(pk=node.pk).update(connection_version=2)
        connections.close_all()
        return 200, engine.info

    engine.answers["GET /info"] = address_changes
    assert read_disks() == 0
    node.refresh_from_db()
    assert (node.connection_version, node.disk_free_bytes) == (2, None)


def test_hardware_is_stored_although_a_later_probe_was_faster(engine: TinyEngine) -> None:
    later = timezone.now() + timedelta(minutes=1)
    node = connected(engine, checked_at=later)
    found = discover_node(user=SYSTEM, node=node)
    assert (found.cpu, found.checked_at) == (48, later)


def test_discovering_ends_in_ten_seconds() -> None:
    """With the usual ENGINE_TIMEOUT, the removal of the container included."""
    assert 10 * work._PROBE_WITH_DISK + REMOVE_WITHIN < 10


def test_time_for_tidying_up_is_not_time_for_another_container(tmp_path: Path) -> None:
    def slowly(seconds: float, status: int, body: Any) -> Any:
        def reply() -> tuple[int, Any]:
            time.sleep(seconds)
            return status, body

        return reply

    with tiny_engine(tmp_path, unix=False) as engine:
        engine.info["Name"] = "elsewhere"
        images = [{"Id": f"sha256:{n}", "Size": n, "Created": 1, "RepoTags": []} for n in range(4)]
        engine.answers |= {
            "GET /images/json": lambda: (200, images),
            "POST /containers/create": lambda: (201, {"Id": "c1"}),
            "GET /containers/json": lambda: (200, []),
            "POST /containers/c1/start": lambda: (400, {"message": "no df"}),
            "DELETE /containers/c1": slowly(1.5, 200, {}),
        }
        with connect(EngineEndpoint(engine.address), timeout=60, within=3) as connection:
            assert connection.disk_free() is None
        assert 1 <= sum(line.startswith("DELETE") for line in engine.asked) <= 2


# --- moving ----------------------------------------------------------------------------------------------------------

TOLD = {
    "engine_version": "20.10.24", "storage_driver": "overlay2", "platform": "linux/amd64", "disk_total_bytes": 9,
    "limits_system_disk": True,
    "disk_free_bytes": 5,
}  # fmt: skip


def told(**values: Any) -> ComputeNode:
    now = timezone.now()
    times = {"last_seen_at": now, "disk_checked_at": now, "discovered_at": now}
    node = make.node(**{"docker_address": "tcp://10.0.0.5:2375", "cpu": 8, "memory": 32, **TOLD, **times, **values})
    return ComputeNode.objects.get(pk=node.pk)


def move(node: ComputeNode, **values: Any) -> ComputeNode:
    save_node(user=SYSTEM, values=values, node=node, test=False)
    return ComputeNode.objects.get(pk=node.pk)


@pytest.mark.parametrize("address", [make.DEAD_ENGINE, "ssh://root@10.0.0.5", "unix:///var/run/docker.sock"])
def test_another_machine_starts_unknown(address: str) -> None:
    node = move(told(disk_due_at=timezone.now() + DISK_EVERY), docker_address=address)
    assert not any(getattr(node, name) for name in (*TOLD, "last_seen_at", "disk_checked_at", "discovered_at"))
    assert (node.cpu, node.memory) == (0, 0), "they were the old machine's"
    assert node.disk_due_at <= timezone.now()


def test_another_socket_is_another_machine() -> None:
    assert not move(told(docker_address="unix:///a.sock"), docker_address="unix:///b.sock").engine_version


def test_the_same_machine_stays_known() -> None:
    node = move(told(), docker_address="tcp://10.0.0.5:2376", use_tls=True)
    assert {name: getattr(node, name) for name in TOLD} == TOLD
    assert node.cpu == 8 and node.last_seen_at and node.discovered_at and node.disk_checked_at


def test_hardware_that_somebody_entered_stays() -> None:
    assert move(told(discovered_at=None), docker_address=make.DEAD_ENGINE).cpu == 8
    node = move(told(), docker_address=make.DEAD_ENGINE, cpu=96, memory=32)
    assert (node.cpu, node.memory) == (96, 0)
