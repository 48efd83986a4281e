"""Creating and starting a container of an image that is there: the product against `docker run -d`, in turn.

The product's time runs from before the POST until its API, asked every 10 ms, shows `running`; `row` until the row of
the operation says it finished. Docker's time is the wall time of its command line. Both get the same limits, an open
standard input and a volume, and are removed before the next turn, outside of the time. Also told: when a worker had
taken the operation, and what the engine says of when the container was made and when it ran.
"""

from __future__ import annotations

import argparse
import subprocess
import time
from datetime import datetime
from itertools import count

from benchmarks.figures import load, median, spread
from benchmarks.stage import Stage
from tests.integration.instance_bed import POLITE, InstanceBed
from tests.services.engine import RealEngine
from tests.services.process import wait_until

SPEC = {"cpu_cores": 1, "memory_gb": 1, "data_disk_gb": 1}
LIMITS = ["--cpus", "1", "--memory", "1g", "--memory-swap", "1g", "--interactive"]
_numbers = count(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=21)
    parser.add_argument("--mode", choices=["embedded", "separate"], default="separate")
    options = parser.parse_args()
    with Stage() as stage:
        reference, engine = stage.registries.open.reference("team/mid:1"), stage.engine()
        engine.pull(reference)
        bed = InstanceBed(stage.product(options.mode))
        node = bed.node(engine)
        docker: list[float] = []
        product: list[float] = []
        rows: list[float] = []
        by_docker(engine, reference)  # starts what starts lazily
        by_product(bed, engine, reference, node)
        for number in range(options.pairs):
            turns = ["docker", "product"] if number % 2 else ["product", "docker"]
            for turn in turns:
                if turn == "docker":
                    docker.append(by_docker(engine, reference))
                    continue
                seen, row, parts = by_product(bed, engine, reference, node)
                product.append(seen)
                rows.append(row)
            print(f"pair {number + 1}: docker {docker[-1]:.3f} product {product[-1]:.3f} row {rows[-1]:.3f} s; {parts}")
        print(f"{options.mode}, {load()}")
        print("docker run -d", spread(docker))
        print("product, API ", spread(product))
        print("product, row ", spread(rows))
        more = [mine - theirs for mine, theirs in zip(product, docker, strict=True)]
        apart = median(product) - median(docker)
        print(f"median of differences {median(more) * 1e3:.0f} ms, difference of medians {apart * 1e3:.0f} ms")
        print("all", " ".join(f"{one * 1e3:.0f}" for one in sorted(more)), "ms")


def by_docker(engine: RealEngine, reference: str) -> float:
    name = f"by-hand-{next(_numbers)}"
    command = ["docker", "--host", engine.unix_url, "run", "--detach", "--name", name, *LIMITS]
    command += ["--volume", f"{name}:/data", reference, *POLITE]
    started = time.monotonic()
    subprocess.run(command, check=True, capture_output=True)
    taken = time.monotonic() - started
    engine.request("DELETE", f"/containers/{name}?force=1&v=1")
    engine.request("DELETE", f"/volumes/{name}")
    return taken


def by_product(bed: InstanceBed, engine: RealEngine, reference: str, node: int) -> tuple[float, float, str]:
    """Seconds until the API says so, until the row did, and where they went."""
    asked = bed.asked(reference, node, SPEC)
    asked_at, started = time.time(), time.monotonic()
    pk = bed.post("/api/instances/", 202, **asked)["id"]
    answered = time.monotonic() - started
    wait_until("the container", lambda: bed.show(pk)["state"] == "running", timeout=60, step=0.01)
    taken = time.monotonic() - started
    shown = bed.wait(pk, "running")
    query = f"SELECT started_at, finished_at FROM instances_operation WHERE instance_id = {pk}"
    claimed, finished = (_since(moment, asked_at) for moment in bed.bed.rows(query)[0])
    seen = engine.get(f"/containers/{shown['container_id']}/json")
    made, ran = (_since(text[:26] + "Z", asked_at) for text in (seen["Created"], seen["State"]["StartedAt"]))
    bed.remove(pk)
    parts = f"answered {answered:.3f}, claimed {claimed:.3f}, made {made:.3f}, ran {ran:.3f}, written {finished:.3f}"
    return taken, finished, parts


def _since(moment: datetime | str, start: float) -> float:
    if isinstance(moment, str):
        text = moment.replace("Z", "+00:00").replace(" ", "T")
        moment = datetime.fromisoformat(text if "+" in text else f"{text}+00:00")
    return moment.timestamp() - start


if __name__ == "__main__":
    main()
