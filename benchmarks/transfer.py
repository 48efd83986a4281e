"""An image from engine to engine through the product, against `docker save | docker load` by a pipe, in turn.

The same 200 MB (300 MB unpacked) in 8 layers, the same two engines, unix sockets; the taker is empty before each. The
product's time runs from before the POST until an event stream shows `succeeded`, `row` until the row says so. Memory is
the worker's resident set: the most during all transfers of a size, less what it had before the first one.
"""

from __future__ import annotations

import argparse
import re
import shlex
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from benchmarks.browsers import Browser
from benchmarks.figures import load, median, spread
from benchmarks.stage import Stage
from tests.integration.pull_bed import FINAL, PullBed
from tests.services.engine import RealEngine
from tests.services.process import wait_until

BIG, SMALL = "team/big:1", "team/mid:1"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--mode", choices=["embedded", "separate"], default="separate")
    options = parser.parse_args()
    with Stage() as stage:
        giver, taker = stage.engine(), stage.engine()
        bed = stage.product(options.mode)
        big, small = (stage.registries.open.reference(name) for name in (BIG, SMALL))
        nodes = bed.node(giver.unix_url), bed.node(taker.unix_url)
        for reference in (big, small):
            done = bed.run(reference, nodes[0])
            assert done["state"] == "succeeded", done
        pid = bed.product.pid if options.mode == "embedded" else bed.product.workers[0].pid
        before = resident(pid)
        with most_memory(pid) as of_small:
            for _turn in range(3):
                by_product(bed, taker, small, nodes)
        by_pipe(giver, taker, big)  # fills the page cache and starts what starts lazily
        pipe, product, rows = [], [], []
        with most_memory(pid) as of_big:
            for number in range(options.pairs):
                for turn in ["pipe", "product"] if number % 2 else ["product", "pipe"]:
                    if turn == "pipe":
                        pipe.append(by_pipe(giver, taker, big))
                    else:
                        seen, row = by_product(bed, taker, big, nodes)
                        product.append(seen)
                        rows.append(row)
                print(f"pair {number + 1}: pipe {pipe[-1]:.2f} product {product[-1]:.2f} row {rows[-1]:.2f} s")
        print(f"{options.mode}, {load()}")
        print("docker save | docker load", spread(pipe))
        print("product, stream          ", spread(product))
        print("product, row             ", spread(rows))
        pairs = [theirs / mine for mine, theirs in zip(product, pipe, strict=True)]
        print(
            f"throughput, product ÷ pipe: of medians {median(pipe) / median(product):.3f}, median {median(pairs):.3f}"
        )
        print("  all " + " ".join(f"{ratio:.2f}" for ratio in sorted(pairs)))
        grown = [(found[0] - before) / 1e6 for found in (of_small, of_big)]
        print(f"worker's memory: {before / 1e6:.1f} MB; grown by {grown[0]:.1f} (20 MB), {grown[1]:.1f} MB (200 MB)")


def by_pipe(giver: RealEngine, taker: RealEngine, reference: str) -> float:
    _prepare(taker)
    name = shlex.quote(reference)
    command = f"docker --host {giver.unix_url} save {name} | docker --host {taker.unix_url} load"
    started = time.monotonic()
    subprocess.run(["bash", "-o", "pipefail", "-c", command], check=True, capture_output=True)
    return time.monotonic() - started


def by_product(bed: PullBed, taker: RealEngine, reference: str, nodes: tuple[int, int]) -> tuple[float, float]:
    """Seconds until the stream says so, and until the row did."""
    bed.product.token()
    _prepare(taker)
    asked_at, started = time.time(), time.monotonic()
    asked = {"reference": reference, "nodes": [nodes[1]], "source": "node", "source_node": nodes[0]}
    answer = bed.product.api("POST", "/api/pulls/", json=asked)
    assert answer.status_code == 202, answer.text
    browser = Browser(bed.product, [answer.json()["results"][0]["pull"]["id"]])
    wait_until("the end of the transfer", browser.saw_the_end, timeout=300, step=0.05)
    browser.close()
    [(moment, last)] = [(at, last) for at, last in browser.snapshots() if last["state"] in FINAL]
    assert last["state"] == "succeeded", last
    finished = datetime.fromisoformat(last["finished_at"].replace("Z", "+00:00")).timestamp()
    return moment - started, finished - asked_at


@contextmanager
def most_memory(pid: int, every: float = 0.1) -> Iterator[list[int]]:
    """A list whose one element is the most (bytes) that the process had meanwhile."""
    found, over = [resident(pid)], threading.Event()

    def look() -> None:
        while not over.wait(every):
            found[0] = max(found[0], resident(pid))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()


def resident(pid: int) -> int:
    text = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"^VmRSS:\s+(\d+) kB", text, re.MULTILINE)
    assert found, text
    return int(found[1]) * 1024


def _prepare(taker: RealEngine) -> None:
    """An empty node, at rest."""
    taker.wipe()
    time.sleep(1)


if __name__ == "__main__":
    main()
