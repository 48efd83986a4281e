"""How long after the request a watcher has the first snapshot with the exact total.

From before the POST until an event stream, opened with the answer's id, shows `bytes_total_exact`. Once with an empty
node, once with one that holds 50 images (what is there already must be compared), once more with a worker that has
never seen that node (its layers are not in the worker's cache: only the first request of that series).
"""

from __future__ import annotations

import argparse
import os
import time

from benchmarks.browsers import Browser
from benchmarks.figures import load, spread
from benchmarks.stage import Stage
from tests.integration.pull_bed import PullBed
from tests.services.engine import RealEngine
from tests.services.images import ImageSpec
from tests.services.process import ServiceError, wait_until
from tests.services.registry import Registry


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=25)
    parser.add_argument("--mode", choices=["embedded", "separate"], default="separate")
    options = parser.parse_args()
    with Stage() as stage:
        registry, engine = stage.registries.open, stage.engine()
        bed = stage.product(options.mode)
        node = bed.node(engine.unix_url)
        bed.run(registry.reference("team/mid:2"), node)  # starts what starts lazily
        bed.product.token()
        empty = _measure(bed, registry, engine, node, options.requests)
        fill(registry, engine, 50)
        full = _measure(bed, registry, engine, node, options.requests)
        print(f"{options.mode}, {load()}")
        print("empty node       ", spread(empty))
        print("node of 50 images", spread(full))
        print(f"node of 50 images, never seen before: {full[0]:.3f} s")


def fill(registry: Registry, engine: RealEngine, count: int) -> None:
    """Images of three small layers each, pulled without the product."""
    for number in range(count):
        spec = ImageSpec.sized(f"many/image{number}", "1", [20_000] * 3)
        registry.push_image(spec)
        engine.pull(registry.reference(f"many/image{number}:1"))
    assert len(engine.references()) >= count


def _measure(bed: PullBed, registry: Registry, engine: RealEngine, node: int, count: int) -> list[float]:
    return [_once(bed, registry, engine, node) for _ in range(count)]


def _once(bed: PullBed, registry: Registry, engine: RealEngine, node: int) -> float:
    engine.remove_image(registry.reference("team/mid:1"))
    os.sync()
    started = time.monotonic()
    pk = bed.pull(registry.reference("team/mid:1"), node)
    browser = Browser(bed.product, [pk])
    found: list[float] = []

    def exact() -> bool:
        found[:] = [at for at, snapshot in browser.snapshots() if snapshot["bytes_total_exact"]]
        return bool(found)

    try:
        wait_until("the exact total", exact, timeout=30)
    except ServiceError as error:
        raise ServiceError(f"{error}: {bed.snapshot(pk)} {bed.history(pk)}") from None
    bed.wait(pk)
    browser.close()
    return found[0] - started


if __name__ == "__main__":
    main()
