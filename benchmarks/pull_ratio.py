"""A pull through the product against `docker pull` of the same 200 MB in 8 layers, on the same engine, in turn.

The product's time runs from before the POST until an event stream shows `succeeded`; `row` until the row says it
finished. Docker's time is the wall time of its command line, from start to exit. The node is empty before each.
"""

from __future__ import annotations

import argparse
import subprocess
import time
from datetime import datetime

from benchmarks.browsers import Browser
from benchmarks.figures import load, median, spread
from benchmarks.stage import Stage
from tests.integration.pull_bed import FINAL, PullBed
from tests.services.engine import RealEngine
from tests.services.process import wait_until

IMAGE = "team/big:1"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--mode", choices=["embedded", "separate"], default="separate")
    options = parser.parse_args()
    with Stage() as stage:
        registry, engine = stage.registries.open, stage.engine()
        bed = stage.product(options.mode)
        reference, node = registry.reference(IMAGE), bed.node(engine.unix_url)
        by_docker(engine, reference)  # fills the page cache and starts what starts lazily
        by_product(bed, engine, reference, node)
        docker, product, rows = [], [], []
        for number in range(options.pairs):
            turns = ["docker", "product"] if number % 2 else ["product", "docker"]
            for turn in turns:
                if turn == "docker":
                    docker.append(by_docker(engine, reference))
                else:
                    seen, row, parts = by_product(bed, engine, reference, node)
                    product.append(seen)
                    rows.append(row)
            print(f"pair {number + 1}: docker {docker[-1]:.2f} product {product[-1]:.2f} row {rows[-1]:.2f} s; {parts}")
        print(f"{options.mode}, {load()}")
        print("docker pull    ", spread(docker))
        print("product, stream", spread(product))
        print("product, row   ", spread(rows))
        pairs = [mine / theirs for mine, theirs in zip(product, docker, strict=True)]
        print(f"ratio of medians {median(product) / median(docker):.3f} (row {median(rows) / median(docker):.3f})")
        print(f"median of ratios {median(pairs):.3f}; all {' '.join(f'{ratio:.2f}' for ratio in sorted(pairs))}")


def by_docker(engine: RealEngine, reference: str) -> float:
    _prepare(engine)
    command = ["docker", "--host", engine.unix_url, "pull", "--quiet", reference]
    started = time.monotonic()
    subprocess.run(command, check=True, capture_output=True)
    return time.monotonic() - started


def by_product(bed: PullBed, engine: RealEngine, reference: str, node: int) -> tuple[float, float, str]:
    """Seconds until the stream says so, until the row did, and where they went."""
    bed.product.token()
    _prepare(engine)
    asked_at, started = time.time(), time.monotonic()
    pk = bed.pull(reference, node)
    browser = Browser(bed.product, [pk])
    # Nothing is read meanwhile: engine, registry and product need both cores, and `docker pull` is left alone too.
    wait_until("the end of the pull", browser.saw_the_end, timeout=120, step=0.05)
    browser.close()
    [(moment, last)] = [(at, last) for at, last in browser.snapshots() if last["state"] in FINAL]
    assert last["state"] == "succeeded", last
    history = bed.product.api("GET", f"/api/pulls/{pk}/history/?page_size=100").json()["results"]
    moments = [f"{event['code']} {_since(event['at'], asked_at):.2f}" for event in history]
    return moment - started, _since(last["finished_at"], asked_at), ", ".join(moments)


def _prepare(engine: RealEngine) -> None:
    """An empty node, at rest."""
    engine.wipe()
    time.sleep(1)


def _since(text: str, moment: float) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() - moment


if __name__ == "__main__":
    main()
