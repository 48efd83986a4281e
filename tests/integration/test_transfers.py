"""Images that come from another node, or from an archive: with two real engines."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.pull_bed import PullBed
from tests.services.engine import RealEngine
from tests.services.registries import Registries

pytestmark = pytest.mark.real


def ask(bed: PullBed, reference: str, node: int, **how: Any) -> int:
    asked = {"reference": reference, "nodes": [node], **how}
    answer = bed.product.api("POST", "/api/pulls/", json=asked)
    assert answer.status_code == 202, answer.text
    [result] = answer.json()["results"]
    return int(result["pull"]["id"])


@pytest.fixture
def giver(embedded: PullBed, module_engine: RealEngine) -> int:
    return embedded.node(module_engine.tcp_url)


@pytest.fixture
def taker(embedded: PullBed, engine: RealEngine) -> int:
    engine.wipe()
    return embedded.node(engine.unix_url)


def test_from_a_node_that_has_it(
    embedded: PullBed, module_engine: RealEngine, engine: RealEngine, giver: int, taker: int, registries: Registries
) -> None:
    reference = registries.open.reference("team/mid:1")
    assert embedded.run(reference, giver)["state"] == "succeeded"
    registries.open.clear_log()
    pk = ask(embedded, reference, taker, source="node", source_node=giver)
    watch = embedded.watch(pk)
    done = watch.until()
    assert done["state"] == "succeeded", done
    assert engine.inspect(reference)["Id"] == module_engine.inspect(reference)["Id"]
    assert registries.open.request_count(".") == 0
