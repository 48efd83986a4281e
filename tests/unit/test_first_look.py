"""A node tells of its cards without being asked by anybody: once, when it first answers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.utils import timezone, translation

from core.errors import DomainError
from instances.accelerators.nvidia_hami import DISCOVERY
from instances.examining import PROBE_LABEL
from instances.first_look import discover_new_nodes, new_nodes
from instances.models import Gpu, GpuInventory
from instances.services import create_instance
from nodes.engine import EngineError, EngineRejected
from nodes.models import NodeStatus
from pulls.tools import Tools
from tests.api import make
from tests.support.fake_engine import FakeEngine
from tests.support.fake_programs import Program
from tests.support.one_instance import DRIVER
from tests.support.one_pull import IMAGE, REFERENCE

pytestmark = pytest.mark.django_db(transaction=True)
CARD = "0, GPU-x, NVIDIA A10, 24576, 4, 550.107.02, Disabled\n"


@pytest.fixture
def gpus(engine: FakeEngine) -> FakeEngine:
    engine.containers.device_drivers.add(DRIVER)
    engine.containers.programs[DISCOVERY] = Program.saying(CARD)
    engine.add_image(replace(IMAGE))
    return engine


def connected(**values: Any) -> Any:
    return make.node(**{"status": NodeStatus.CONNECTED, "checked_at": timezone.now(), **values})


def looks(engine: FakeEngine) -> int:
    return sum(PROBE_LABEL in spec.labels for spec in engine.containers.created)


def problem() -> str:
    return GpuInventory.objects.get().problem


def test_a_node_that_answers_is_asked_once(gpus: FakeEngine, tools: Tools) -> None:
    node = connected()
    connected(status=NodeStatus.FAILED)
    connected(docker_address="")
    for _ in range(3):
        discover_new_nodes(tools=tools)
    assert [(gpu.node_id, gpu.model) for gpu in Gpu.objects.all()] == [(node.pk, "NVIDIA A10")]
    assert looks(gpus) == 1
    assert not gpus.containers.all


@pytest.mark.parametrize("why", ["silent", "toolkit", "refusal"])
def test_one_that_does_not_tell_is_not_asked_again_either(gpus: FakeEngine, tools: Tools, why: str) -> None:
    connected()
    if why == "silent":
        gpus.containers.programs[DISCOVERY] = Program()
    elif why == "toolkit":
        gpus.containers.device_drivers.clear()
    else:
        gpus.containers.refuse("list", EngineRejected(500, "no"))
    discover_new_nodes(tools=tools)
    asked = looks(gpus)
    discover_new_nodes(tools=tools)
    assert problem() == ("no_device_support" if why == "toolkit" else "gpus_unknown")
    assert looks(gpus) == asked


def test_one_without_an_image_is_asked_when_it_has_one(engine: FakeEngine, tools: Tools) -> None:
    connected()
    engine.containers.device_drivers.add(DRIVER)
    engine.containers.programs[DISCOVERY] = Program.saying(CARD)
    discover_new_nodes(tools=tools)
    assert problem() == "no_probe_image"
    engine.add_image(IMAGE)
    discover_new_nodes(tools=tools)
    assert problem() == "" and Gpu.objects.count() == 1


def test_one_that_went_away_is_asked_when_it_is_back(gpus: FakeEngine, tools: Tools) -> None:
    connected()
    gpus.failure = EngineError("engine_gone", "Connection reset by peer")
    discover_new_nodes(tools=tools)
    assert not GpuInventory.objects.exists() and new_nodes().count() == 1
    gpus.failure = None
    discover_new_nodes(tools=tools)
    assert problem() == ""


def test_unknown_is_never_none(ulrich: Any) -> None:
    """What a creation is told until then, with what to do about it."""
    connected(name="n1", cpu=8)
    entry, spec = make.image(address=REFERENCE, supports_vgpu=True), make.slice_spec()
    with translation.override("en"), pytest.raises(DomainError) as refusal:
        create_instance(user=ulrich, image=entry.pk, spec=spec.pk, name="a")
    assert "Let an operator discover them." in str(refusal.value)
    [told] = refusal.value.extra["nodes"]
    assert told["code"] == "gpus_unknown"
    GpuInventory.objects.create(node_id=new_nodes().get().pk, checked_at=timezone.now())
    with pytest.raises(DomainError) as refusal:
        create_instance(user=ulrich, image=entry.pk, spec=spec.pk, name="a")
    assert refusal.value.extra["nodes"][0]["code"] == "no_such_card"
