"""Probes where web, schedule and workers are processes of their own: one of them asks, and another when it dies."""

from __future__ import annotations

from typing import Any

import pytest

from nodes.engine import EngineEndpoint, connect
from tests.integration.deployment_bed import DeploymentBed
from tests.integration.instance_bed import InstanceBed
from tests.integration.pull_bed import PullBed
from tests.services.engine import RealEngine
from tests.services.images import ImageSpec
from tests.services.registries import Registries

pytestmark = pytest.mark.real

PROBE: dict[str, Any] = {"exec": {"command": ["sh", "-c", "test -e /alive"]}, "periodSeconds": 1, "timeoutSeconds": 10}
CONTAINER = {
    "name": "c",
    "command": ["sh", "-c"],
    "args": ["trap 'exit 7' TERM; touch /alive; while :; do sleep 0.1; done"],
    "readinessProbe": PROBE,
    "livenessProbe": PROBE,
}


def test_when_a_worker_is_killed_probes_are_asked_all_the_same(
    separate: PullBed, engine: RealEngine, registries: Registries
) -> None:
    beds = DeploymentBed(InstanceBed(separate))
    registries.open.push_image(ImageSpec("team/probed", "1"))
    reference = registries.open.reference("team/probed:1")
    node = beds.beds.node(engine)
    beds.app_image("probed", reference, {"name": "t", "spec": {"containers": [CONTAINER]}})
    made = beds.run("probed", node)
    try:
        beds.until(made["id"], "running")
        shown = beds.sees(made["id"], "alive", lambda one: one["containers"][0]["probes"].get("liveness", {}).get("ok"))
        assert shown["containers"][0]["probe_restarts"] == 0
        transfers = next(worker for worker in separate.product.workers if "transfers" in worker.name)
        transfers.kill9()
        with connect(EngineEndpoint(engine.unix_url)) as connection:
            [container] = connection.list_containers(labels={"imagelib.name": shown["containers"][0]["name"]})
            connection.exec_run(container.id, ("rm", "/alive"), within=60)
        beds.sees(made["id"], "to be restarted", lambda one: one["containers"][0]["probe_restarts"] >= 1)
        transfers.start()
        beds.until(made["id"], "running")
    finally:
        beds.remove_all()
