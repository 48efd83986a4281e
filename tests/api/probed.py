"""A container with secrets whose program tells them to whoever asks how it is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from imagelib.references import open_registry
from instances.models import DeployedContainer, Deployment
from instances.prober import Prober
from nodes.models import ComputeNode
from pulls.tools import Tools
from tests.api import make
from tests.support.fake_engine import FakeEngine, FakeFleet
from tests.support.fake_programs import Program
from tests.support.fake_registry import FakeRegistry
from tests.support.one_deployment import app_image, run_all
from tests.support.one_instance import prepare
from tests.support.one_pull import IMAGE, REFERENCE


def plant_in_secret_sets(client: Any, canary: Callable[[str], str], operator: User) -> None:
    at = "/api/secret-sets/"
    stored = [canary("set-post"), canary("set-second"), canary("set-patch")]
    made = client.post(at, {"name": "keys", "values": {"FIRST": stored[0], "SECOND": stored[1]}})
    assert made.status_code == 201, made.content
    one = f"{at}{made.json()['id']}/"
    assert client.patch(one, {"values": {"THIRD": stored[2]}}).status_code == 200
    for bad in ({"values": {"a b": canary("set-bad")}}, {"values": {"A": [canary("set-list")]}}, {"name": "Bad Name"}):
        assert client.patch(one, {"values": {"A": canary("set-bad-name")}, **bad}).status_code == 400
    probes = {
        f"{kind}Probe": {"exec": {"command": [kind]}, "failureThreshold": 1} for kind in ("readiness", "liveness")
    }
    url = {"name": "URL", "value": "db://admin:$(FIRST)@db"}
    app_image(operator, {"name": "c", "envFrom": [{"secretRef": {"name": "keys"}}], "env": [url], **probes})
    make.image(address=REFERENCE)
    node = ComputeNode.objects.get(name="n").pk
    asked = client.post("/api/appimages/app/run/", {"spec": make.spec().pk, "nodes": [node]})
    assert asked.status_code == 202, asked.content
    _let_it_tell(Deployment.objects.get(), " ".join(stored))


def _let_it_tell(deployment: Deployment, words: str) -> None:
    """A worker makes it, and its probes are asked until it is to be restarted for what they said."""
    registry = FakeRegistry()
    registry.add(IMAGE)
    engine = FakeEngine(registry)
    prepare(engine)
    told = {("readiness",): Program.saying(words), ("liveness",): Program.saying(words, exit_code=1)}
    engine.containers.exec_programs |= told
    tools = Tools(
        now=timezone.now, monotonic=time.monotonic, sleep=time.sleep, jitter=lambda: 0.0, interrupted=lambda: False,
        connect=FakeFleet({make.DEAD_ENGINE: engine}).connect, registry=open_registry,
    )  # fmt: skip
    [instance] = run_all(deployment, tools)
    assert instance.problem_code == "", instance.problem
    until = time.monotonic() + 120
    row = DeployedContainer.objects.filter(pk=instance.pk)
    prober = Prober(tools, stopping=threading.Event(), look_every=0.01)
    with ThreadPoolExecutor(2) as pool:
        while not row.get().probe_restarts and time.monotonic() < until:
            prober._round(pool)  # in this thread: no other one sees the rows of its transaction
            time.sleep(0.01)
    results = row.get().probe_results
    assert row.get().probe_restarts == 1 and "******" in results["liveness"]["params"]["said"], results
