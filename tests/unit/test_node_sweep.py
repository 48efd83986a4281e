"""The sweep: one node's surprise is that node's finding and nobody else's."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from django.utils import timezone

from core.fields import Secret
from nodes.engine import DiskSpace, EngineInfo
from nodes.failure_texts import engine_failure_text
from nodes.models import ComputeNode
from nodes.services import store_finding, sweep_all
from nodes.work import SWEEP_THREADS, Finding, probe, sweep
from tests.api import make
from tests.support.limits import at_most


@pytest.fixture
def silent() -> Iterator[str]:
    """Accepts connections and never answers."""
    with closing(socket.create_server(("127.0.0.1", 0), backlog=128)) as server:
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.django_db
def test_a_crashed_probe_is_a_finding() -> None:
    label = ComputeNode._meta.get_field("client_key").label  # type: ignore[union-attr]
    broken = make.node(client_key=Secret(stored="enc1:12345678:钥匙", label=label))  # no token, which nobody foresaw
    others = [make.node() for _ in range(3)]
    assert sweep_all() == 4
    broken.refresh_from_db()
    assert (broken.status, broken.status_code) == ("failed", "internal_error")
    assert len(broken.status_evidence) == 12, "the number to find it by in the log"
    assert engine_failure_text(broken.status_code).cause
    assert {ComputeNode.objects.get(pk=node.pk).status_code for node in others} == {"engine_refused"}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "finding",
    [
        {"code": "engine_gone", "evidence": "\ud800"},
        {"info": EngineInfo("n", "v", "1.41", "linux", "amd64", 1, 1, "d", False, "/", "", 0, 0),
         "disk": DiskSpace(2**70, 1)},
    ],
)  # fmt: skip
def test_a_finding_that_the_database_refuses(finding: dict[str, Any]) -> None:
    node = make.node()
    assert store_finding(node, Finding(timezone.now(), **finding))
    node.refresh_from_db()
    assert (node.status, node.status_code) == ("failed", "internal_error")


def test_a_sweep_ends_in_time(silent: str) -> None:
    """Those that were asked did not answer; of those whose turn did not come nobody knows anything."""
    nodes = [ComputeNode(name=str(number), docker_address=silent) for number in range(SWEEP_THREADS + 6)]
    with at_most(60):
        findings = list(sweep(nodes, timeout=120, within=3))
    assert [finding.code for _, finding in findings] == ["engine_timeout"] * SWEEP_THREADS


def test_a_probe_ends_in_time(settings: Any) -> None:
    settings.ENGINE_TIMEOUT = 1.0
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        node = ComputeNode(docker_address=f"tcp://127.0.0.1:{server.getsockname()[1]}")
        for with_disk in (False, True):
            with at_most(5):  # half of what an engine may take when nobody says how long
                assert probe(node, with_disk=with_disk).code == "engine_timeout"
