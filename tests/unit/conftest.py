"""A worker's world for unit tests: the fake engine, real rows; the registry is a closed port, so totals are minima."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, settings

from core import doorbell
from imagelib.celery import app
from imagelib.references import open_registry
from instances.models import Instance
from nodes.models import ComputeNode
from pulls.models import PullJob
from pulls.services import request_pulls
from pulls.tools import Tools
from tests.api import make
from tests.support.fake_engine import FakeEngine, FakeFleet
from tests.support.fake_registry import FakeRegistry
from tests.support.one_instance import gpu_node, instance_of, prepare
from tests.support.one_pull import IMAGE, REFERENCE

# Limits of time would fail on a busy machine, and other examples each time would fail by chance, in a run that is about
# something else. `pytest --hypothesis-profile=default` looks for new ones.
settings.register_profile("repeatable", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("repeatable")


@pytest.fixture
def engine() -> FakeEngine:
    registry = FakeRegistry()
    registry.add(IMAGE)
    return FakeEngine(registry)


@pytest.fixture
def tools(engine: FakeEngine) -> Tools:
    fleet = FakeFleet({make.DEAD_ENGINE: engine})
    return Tools(
        now=timezone.now, monotonic=time.monotonic, sleep=time.sleep, jitter=lambda: 0.0,
        connect=fleet.connect, registry=open_registry, interrupted=lambda: False,
    )  # fmt: skip


@pytest.fixture
def broker_away() -> Iterator[None]:
    """Nobody listens at the broker's address."""
    before = {name: app.conf[name] for name in ("broker_url", "broker_transport_options")}
    app.conf.update(
        broker_url="redis://127.0.0.1:1/0",
        broker_transport_options={"max_retries": 0, "interval_start": 0},
    )
    app.set_current()
    app._pool = None
    app.amqp._producer_pool = None
    yield
    app.conf.update(before)
    app._pool = None
    app.amqp._producer_pool = None
    doorbell._broker.away_until = 0.0


@pytest.fixture
def people(django_user_model: Any) -> Iterator[Any]:
    yield django_user_model.objects.create_user("olga", is_staff=True)


@pytest.fixture
def ask(people: Any) -> Callable[..., PullJob]:
    node = make.node(name="n1")

    def ask(reference: str = REFERENCE) -> PullJob:
        [(_node, job)] = request_pulls(user=people, nodes=[node.pk], reference=reference)
        return job

    return ask


@pytest.fixture
def olga(django_user_model: Any) -> Any:
    return django_user_model.objects.create_user("olga", is_staff=True)


@pytest.fixture
def ulrich(django_user_model: Any) -> Any:
    return django_user_model.objects.create_user("ulrich")


@pytest.fixture
def node(db: None) -> ComputeNode:
    return gpu_node()


@pytest.fixture
def instance(ulrich: Any, node: ComputeNode, engine: FakeEngine) -> Instance:
    prepare(engine)
    return instance_of(ulrich, node)
