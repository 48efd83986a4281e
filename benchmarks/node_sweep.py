"""One sweep of 200 nodes of which 20 are black holes, by the worker that does it in production.

Half of the black holes swallow the first packet (a connection is never made), half accept and never answer. The other
nodes are one real engine under 180 names, so one engine answers all probes. The worker runs with the defaults of the
compose file (16 threads for the control queue). Seconds from sending the task until the last node's row was written.
"""

from __future__ import annotations

import argparse
import socket
import time
from contextlib import ExitStack
from datetime import UTC, datetime

from benchmarks.figures import load, spread
from benchmarks.stage import Stage
from tests.integration.pull_bed import PullBed
from tests.services.ports import LOOPBACK
from tests.services.process import wait_until

_COLUMNS = "SELECT column_name FROM information_schema.columns WHERE table_name = 'nodes_computenode'"
_SEND = "from nodes.tasks import sweep_nodes; import time; sweep_nodes.delay(); print(time.time())"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nodes", type=int, default=200)
    parser.add_argument("--holes", type=int, default=20)
    parser.add_argument("--sweeps", type=int, default=5)
    options = parser.parse_args()
    with Stage() as stage, ExitStack() as stack:
        engine = stage.engine()
        holes = [_black_hole(stack, deaf=number % 2 == 0) for number in range(options.holes)]
        live = [engine.unix_url] * (options.nodes - options.holes)
        bed = stage.product("web")
        bed.product.start_worker("control", concurrency=16)  # no schedule: the sweeps are this benchmark's own
        _make_nodes(bed, [address for pair in zip(holes, live, strict=False) for address in pair] + live[len(holes) :])
        taken = [_sweep(bed, options.nodes) for _ in range(options.sweeps)]
        states = dict(bed.rows("SELECT status, count(*) FROM nodes_computenode GROUP BY status"))
        print(f"{options.nodes} nodes, {states}, {load()}")
        print("seconds per sweep", spread(taken))
        codes = bed.rows("SELECT status_code, count(*) FROM nodes_computenode WHERE status <> 'connected' GROUP BY 1")
        print("failures:", dict(codes))


def _black_hole(stack: ExitStack, *, deaf: bool) -> str:
    """A port that never answers. `deaf`: its queue is full, so that not even a connection is made."""
    listener = stack.enter_context(socket.create_server((LOOPBACK, 0), backlog=0 if deaf else 128))
    address = listener.getsockname()[:2]
    for _ in range(3 if deaf else 0):
        visitor = stack.enter_context(socket.socket())
        visitor.setblocking(False)
        visitor.connect_ex(address)
    return f"tcp://{address[0]}:{address[1]}"


def _make_nodes(bed: PullBed, addresses: list[str]) -> None:
    first = bed.node(addresses[0])
    columns = [name for (name,) in bed.rows(_COLUMNS) if name not in ("id", "name", "docker_address")]
    copied = ", ".join(f'"{name}"' for name in columns)
    with bed.database() as cursor:
        for number, address in enumerate(addresses[1:], start=2):
            cursor.execute(
                f"INSERT INTO nodes_computenode (name, docker_address, {copied})"
                f" SELECT %s, %s, {copied} FROM nodes_computenode WHERE id = %s",
                [f"rack{number:03}", address, first],
            )


def _sweep(bed: PullBed, nodes: int) -> float:
    before = datetime.now(UTC).isoformat()
    query = f"SELECT count(*) FROM nodes_computenode WHERE checked_at > '{before}'"
    done = bed.product.manage("shell", "--no-imports", "-c", _SEND)
    assert done.returncode == 0, done.stderr
    sent = float(done.stdout)
    wait_until("the sweep", lambda: bed.rows(query) == [(nodes,)], timeout=120, step=0.02)
    return time.time() - sent


if __name__ == "__main__":
    main()
