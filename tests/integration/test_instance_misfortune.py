"""Instances on real engines that run full or go away at a bad moment."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.integration.instance_bed import PLAIN, InstanceBed, containers, nothing_is_left, volumes
from tests.integration.pull_bed import PullBed
from tests.services.engine import RealEngine
from tests.services.process import wait_until

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def beds(embedded: PullBed) -> InstanceBed:
    return InstanceBed(embedded)


def test_a_full_disk_fails_the_creation_and_nothing_is_left(
    beds: InstanceBed, own_engine: Callable[..., RealEngine], glibc_image: str
) -> None:
    engine = own_engine(disk_mb=300)
    engine.pull(glibc_image)
    node = beds.node(engine)
    engine.fill_disk()
    shown = beds.wait(beds.create(glibc_image, node, {"data_disk_gb": 1, "cpu_cores": 1}), "failed")
    assert shown["problem"]["code"] == "node_disk_full", shown["problem"]
    assert "no space left on device" in shown["problem"]["evidence"]
    wait_until("what was begun to go", lambda: nothing_is_left(engine), timeout=40, step=0.2)
    engine.free_disk()
    beds.run(glibc_image, node, PLAIN)


def test_a_node_that_is_away_during_a_removal(
    beds: InstanceBed, own_engine: Callable[..., RealEngine], glibc_image: str
) -> None:
    """Nothing is given free before it is known to be gone. When the node is back, it goes."""
    engine = own_engine()
    engine.pull(glibc_image)
    node = beds.node(engine)
    shown = beds.run(glibc_image, node, {"data_disk_gb": 1, "cpu_cores": 2})
    query = f"SELECT cpu_cores FROM instances_instance WHERE id = {shown['id']}"
    engine.stop()
    try:
        assert beds.product.api("DELETE", f"/api/instances/{shown['id']}/").status_code == 202
        wait_until("the first attempt", lambda: (beds.show(shown["id"])["operation"] or {}).get("attempt"), step=0.1)
        assert beds.show(shown["id"])["state"] == "removing" and beds.bed.rows(query) == [(2,)]
    finally:
        engine.start()
    assert containers(engine) and volumes(engine)
    wait_until("the removal", lambda: not beds.exists(shown["id"]), timeout=60, step=0.2)
    assert nothing_is_left(engine)
