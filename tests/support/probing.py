"""The one who asks probes, in tests: a thread as in a worker, and a container to ask."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from django.db import connection

from instances.models import DeployedContainer
from instances.prober import Prober
from tests.support.fake_programs import Program
from tests.support.one_deployment import app_image, deployed, run_all
from tests.support.one_instance import prepare

GOOD, BAD = Program.saying("ok\n"), Program(exit_code=1)
PROBES: dict[str, Any] = {
    "name": "c",
    "readinessProbe": {"exec": {"command": ["ready"]}, "periodSeconds": 1, "failureThreshold": 1},
    "livenessProbe": {"exec": {"command": ["alive"]}, "periodSeconds": 1, "failureThreshold": 1},
}


@contextmanager
def probing(tools, *, statements: Any = None, **more: Any) -> Iterator[Prober]:
    """In a thread of its own, as in a worker. `statements`: what its database does with them."""
    ended = threading.Event()
    prober = Prober(tools, stopping=ended, every=0.01, look_every=0.01, **more)

    def work() -> None:
        with connection.execute_wrapper(statements) if statements else nullcontext():
            prober.run()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield prober
    finally:
        ended.set()
        thread.join(60)
        assert not thread.is_alive()


def until(condition: Callable[[], Any]) -> Any:
    for _ in range(6000):
        if found := condition():
            return found
        time.sleep(0.01)
    raise AssertionError("it did not happen")


def probed(people: Any, ulrich: Any, engine: Any, tools: Any) -> Callable[[], DeployedContainer]:
    """A container with two probes that runs, as it is now."""
    prepare(engine)
    engine.containers.exec_programs |= {("ready",): GOOD, ("alive",): GOOD}
    app_image(people, PROBES)
    deployment = deployed(ulrich)
    run_all(deployment, tools)
    return lambda: DeployedContainer.objects.select_related("instance").get(deployment=deployment)
