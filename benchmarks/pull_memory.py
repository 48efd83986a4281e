"""How much memory a running pull costs its worker: private memory of the worker process with 0, 10 and 20 pulls.

Twice over in one process: the first wave also pays for what Python loads on the first pull and for the threads that
the pool keeps; the second shows what pulls themselves cost. Each figure is the largest of samples over ten seconds.
"""

from __future__ import annotations

import argparse
import re
import time
from pathlib import Path

from benchmarks.crowd import NO_LIMITS, Crowd
from benchmarks.figures import load
from benchmarks.stage import Stage
from tests.integration.pull_bed import PullBed, settle


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mode", choices=["embedded", "separate"], default="separate")
    parser.add_argument("--debug", action="store_true", help="with IMAGELIB_DEBUG=on, as `make up` has it")
    options = parser.parse_args()
    env = NO_LIMITS | ({"IMAGELIB_DEBUG": "on"} if options.debug else {})
    with Stage() as stage:
        crowd = Crowd(stage, size=20, layer_mb=8)
        bed = stage.product(options.mode, **env)
        node = bed.node(crowd.engine.unix_url)
        pid = bed.product.pid if options.mode == "embedded" else bed.product.workers[0].pid
        print(f"{options.mode}, debug {'on' if options.debug else 'off'}, {load()}")
        for wave in (1, 2):
            crowd.engine.wipe()
            _wave(crowd, bed, node, pid, wave)


def _wave(crowd: Crowd, bed: PullBed, node: int, pid: int, wave: int) -> None:
    crowd.proxy.limit(3_000_000)
    found = {0: sample(pid)}
    for first, last in ((0, 10), (10, 20)):
        crowd.pull(bed, node, first=first, last=last)
        crowd.all_running(bed, last)
        found[last] = sample(pid)
    crowd.all_running(bed, 20)
    crowd.proxy.limit(None)
    settle(bed, timeout=120)
    print(f"wave {wave}: " + ", ".join(f"{count} pulls {size / 1e6:.1f} MB" for count, size in found.items()), end="")
    print(f", afterwards {sample(pid) / 1e6:.1f} MB")
    grown = [(found[10] - found[0]) / 10, (found[20] - found[0]) / 20, (found[20] - found[10]) / 10]
    print("   per pull 0→10 {:.2f}, 0→20 {:.2f}, 10→20 {:.2f} MB".format(*(size / 1e6 for size in grown)))


def sample(pid: int, seconds: float = 10.0) -> int:
    """The most private memory (bytes) that the process had meanwhile."""
    end, most = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        most = max(most, private_memory(pid))
        time.sleep(0.5)
    return most


def private_memory(pid: int) -> int:
    """Bytes that only this process has (USS)."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(size) * 1024 for size in re.findall(r"^Private_\w+:\s+(\d+) kB", text, re.MULTILINE))


if __name__ == "__main__":
    main()
