"""Three nodes between which images go, for unit tests."""

from __future__ import annotations

import threading
import time
from typing import Any

from django.utils import timezone

from imagelib.references import open_registry
from nodes.models import NodeStatus
from pulls.models import PullJob
from pulls.services import request_pulls
from pulls.tools import Tools
from pulls.work import run_pull
from tests.api import make
from tests.support.fake_engine import FakeEngine, FakeFleet
from tests.support.fake_registry import FakeRegistry
from tests.support.one_pull import IMAGE, REFERENCE

ADDRESSES = ("tcp://10.0.0.1:2375", "tcp://10.0.0.2:2375", "tcp://10.0.0.3:2375")


class World:
    """Three nodes: `giver` has the image, `taker` shall have it, `other` has nothing. No registry has it."""

    def __init__(self, people: Any) -> None:
        self.user = people
        self.engines = [FakeEngine(FakeRegistry(), name=f"fake{number}") for number in range(3)]
        self.giver, self.taker, self.other = self.engines
        self.giver.add_image(IMAGE)
        self.nodes = [
            make.node(name=f"n{number}", docker_address=address, status=NodeStatus.CONNECTED)
            for number, address in enumerate(ADDRESSES)
        ]
        fleet = FakeFleet(dict(zip(ADDRESSES, self.engines, strict=True)))
        self.stopping = threading.Event()
        self.tools = Tools(
            now=timezone.now, monotonic=time.monotonic, sleep=time.sleep, jitter=lambda: 0.0,
            connect=fleet.connect, registry=open_registry, interrupted=self.stopping.is_set,
        )  # fmt: skip

    def ask(self, *, source: str = "node", **how: Any) -> PullJob:
        if source == "node":
            how = {"source_node": self.nodes[0].pk, **how}
        [(_node, job)] = request_pulls(
            user=self.user, nodes=[self.nodes[1].pk], reference=REFERENCE, source=source, **how
        )
        return job

    def run(self, job: PullJob) -> PullJob:
        """As workers do it, one after the other, as long as something is to be done now."""
        for _turn in range(3):
            run_pull(job.pk, tools=self.tools)
        job.refresh_from_db()
        return job


def outcome(job: PullJob) -> tuple[str, str]:
    return job.state, job.error_code
