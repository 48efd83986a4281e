"""From a change of state on the engine to the browser: containers are killed, started, paused and removed behind the
product's back, and open event streams show it.

The moment of a change is the engine's own: `timeNano` of the event that it writes for it, read by this benchmark over a
connection of its own. Engine, product and browsers are on one machine, so there is one clock. The sweep of instances
comes once in an hour: what arrives, the events have told.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from collections.abc import Iterator
from contextlib import closing

from benchmarks.browsers import Browser
from benchmarks.figures import load, spread
from benchmarks.stage import Stage
from nodes.engine import EngineEndpoint, connect
from tests.integration.instance_bed import LABEL, PLAIN, InstanceBed
from tests.services.engine import RealEngine
from tests.services.process import wait_until

# request to the engine, the event that it tells, the state that a browser must show
TURNS = (
    ("POST", "/kill", "die", "exited"),
    ("POST", "/start", "start", "running"),
    ("POST", "/pause", "pause", "paused"),
    ("POST", "/unpause", "unpause", "running"),
)
LAST = ("DELETE", "?force=1", "destroy", "gone")


class Told:
    """What the engine says, as it says it: (container, action) → seconds since 1970, the newest first."""

    def __init__(self, engine: RealEngine) -> None:
        self.events: list[tuple[str, str, float]] = []
        self._engine = engine
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        self._thread.join()

    def when(self, container: str, action: str, after: float) -> float:
        def found() -> float | None:
            return next(
                (at for who, what, at in self.events if (who, what) == (container, action) and at > after), None
            )

        wait_until(f"{action} of {container}", found, timeout=60, step=0.005)
        return found() or 0.0

    def _listen(self) -> None:
        with connect(EngineEndpoint(self._engine.unix_url)) as engine, engine.events(labels={LABEL: ""}) as events:
            for event in events:
                if self._over.is_set():
                    return
                if event is not None:
                    self.events.append((event.container_id, event.action, event.at))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mode", choices=["embedded", "separate"], default="separate")
    parser.add_argument("--instances", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5, help="of four changes each, and a removal at the end")
    parser.add_argument("--browsers", type=int, default=10, help="each watches all instances")
    options = parser.parse_args()
    with Stage() as stage:
        engine = stage.engine()
        reference = stage.registries.open.reference("team/tiny:1")
        engine.pull(reference)
        beds = InstanceBed(stage.product(options.mode, IMAGELIB_SWEEP_INSTANCES_EVERY="3600"))
        node = beds.node(engine)
        shown = [beds.run(reference, node, PLAIN) for _ in range(options.instances)]
        ids = {one["container_id"]: one["id"] for one in shown}
        _wait_for_listeners(engine, 1)
        time.sleep(3)  # the product looks twice at the beginning, which is not what is measured
        browsers = [Browser(beds.product, list(ids.values()), kind="instances") for _ in range(options.browsers)]
        with closing(Told(engine)) as told:
            _wait_for_listeners(engine, 2)
            print(f"{options.mode}, {options.instances} instances, {options.browsers} browsers", load(), sep="\n")
            changes = list(_changes(engine, told, list(ids), options.rounds))
        time.sleep(3)  # the last snapshots are on their way
        for browser in browsers:
            browser.close()
        _report(browsers, [(ids[container], action, state, at) for container, action, state, at in changes])


def _wait_for_listeners(engine: RealEngine, count: int) -> None:
    wait_until("the engine to be listened to", lambda: engine.get("/info")["NEventsListener"] >= count, timeout=60)


def _changes(
    engine: RealEngine, told: Told, containers: list[str], rounds: int
) -> Iterator[tuple[str, str, str, float]]:
    """Container, action, state, moment; one change after the other, a third of a second apart."""
    turns = [*TURNS * rounds, LAST]
    for method, path, action, state in turns:
        for container in containers:
            asked = time.time() - 0.001
            status, body = engine.request(method, f"/containers/{container}{path}")
            assert status in (200, 204), body
            yield container, action, state, told.when(container, action, asked)
            time.sleep(0.3)


def _report(browsers: list[Browser], changes: list[tuple[int, str, str, float]]) -> None:
    wall = time.time() - time.monotonic()  # browsers stamp by the other clock of this machine
    delays: dict[str, list[float]] = {}
    missing = 0
    for browser in browsers:
        seen = [(at + wall, picture["id"], picture["state"]) for at, picture in browser.snapshots()]
        for pk, action, state, moment in changes:
            arrived = next((at for at, who, what in seen if who == pk and what == state and at >= moment), None)
            if arrived is None:
                missing += 1
            else:
                delays.setdefault(action, []).append(arrived - moment)
    print(f"changes {len(changes)}, never shown {missing} of {len(changes) * len(browsers)}")
    print("engine → browser, all    ", spread([delay for found in delays.values() for delay in found]))
    for action, found in delays.items():
        print(f"engine → browser, {action:8}", spread(found))
    print("bytes to each browser", json.dumps([browser.bytes_read for browser in browsers][:1]))


if __name__ == "__main__":
    main()
