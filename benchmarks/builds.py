"""Builds: a build and push through the product against `docker build` and `docker push` of the same files, in turn; and
how late a line of a step is in the browser.

Overhead: every turn has a file of its own, so nothing but the base comes from a cache. The product's time runs from
before the POST until an event stream, stamped at the socket, shows `succeeded` (so it includes the look into the
registry before and after); `row` until the row says it finished. Docker's is the wall time of its two commands.

Lateness: steps print the seconds since the machine started, which the kernel also tells the reader of the log. Builds
run at the same time; each has a reader who does what the page does: a snapshot tells that there are more lines, and
then they are fetched. What a step, its engine, the worker and the web process wait for is all in it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

import requests

from benchmarks.browsers import Browser
from benchmarks.figures import load, median, quantile, spread
from benchmarks.stage import Stage
from tests.integration.build_bed import BuildBed
from tests.integration.pull_bed import FINAL
from tests.services.bridge import bridge
from tests.services.engine import RealEngine
from tests.services.process import wait_until
from tests.services.registry import Registry

FROM = "ARG BASE_REGISTORY\nARG BASE_NAMESPACE\nARG BASE_IMAGE\nARG BASE_TAG\n"
FROM += "FROM ${BASE_REGISTORY}/${BASE_NAMESPACE}/${BASE_IMAGE}:${BASE_TAG}\n"
WORK = FROM + (
    "COPY . /srv/\n"
    "RUN for n in 1 2 3 4 5 6 7 8 9 10; do echo line $n; done; dd if=/dev/urandom of=/large bs=1048576 count=40\n"
    "RUN {mount}sleep 3; md5sum /large\n"
)
# What only BuildKit understands, so that the product takes it.
MOUNTS = {"classic": "", "buildkit": "--mount=type=tmpfs,target=/scratch "}
TALK = FROM + "RUN n=0; while [ $n -lt {lines} ]; do cut -d ' ' -f 1 /proc/uptime; sleep 0.1; n=$((n+1)); done\n"
_numbers = count(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--mode", choices=["embedded", "separate"], default="separate")
    parser.add_argument("--builder", choices=list(MOUNTS), default="classic", help="of both sides, for the overhead")
    parser.add_argument("--docker", default="docker", help="the command line; some need a plugin for BuildKit")
    parser.add_argument("--talkers", type=int, default=4, help="builds that print at the same time")
    parser.add_argument("--lines", type=int, default=200, help="that each of them prints, ten a second")
    parser.add_argument("--only", choices=["overhead", "lateness"])
    options = parser.parse_args()
    with bridge() as flags, Stage() as stage:
        engine, registry = stage.engine(extra_flags=flags), stage.registries.open
        pulls = stage.product(options.mode, IMAGELIB_BUILDS_PER_NODE=str(max(options.talkers, 1)))
        pulls.node(engine.unix_url, labels={"builder": "yes"})
        beds, endpoint = BuildBed(pulls), pulls.registry(registry.address)
        engine.pull(registry.reference("team/tiny:1"))
        if options.only != "lateness":
            sides = Sides(beds, engine, registry, endpoint, options.builder, options.docker)
            overhead(sides, pairs=options.pairs, title=f"overhead, {options.mode}, {options.builder}")
        if options.only != "overhead":
            lateness(beds, registry, endpoint, talkers=options.talkers, lines=options.lines, mode=options.mode)


# --- overhead ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sides:
    """The two that do the same, with the same `builder`."""

    beds: BuildBed
    engine: RealEngine
    registry: Registry
    endpoint: int
    builder: str
    docker: str

    def by_docker(self) -> float:
        """Seconds."""
        reference = f"{self.registry.address}/docker/tiny:{next(_numbers)}"
        base = {"REGISTORY": self.registry.address, "NAMESPACE": "team", "IMAGE": "tiny", "TAG": "1"}
        with tempfile.TemporaryDirectory() as folder:
            for name, text in self._files().items():
                Path(folder, name).write_text(text)
            command = [self.docker, "--host", self.engine.unix_url]
            build = [part for name, value in base.items() for part in ("--build-arg", f"BASE_{name}={value}")]
            env = {**os.environ, "DOCKER_BUILDKIT": str(int(self.builder == "buildkit"))}
            started = time.monotonic()
            subprocess.run(
                [*command, "build", "-q", "-t", reference, *build, folder], check=True, capture_output=True, env=env
            )
            subprocess.run([*command, "push", "-q", reference], check=True, capture_output=True)
            return time.monotonic() - started

    def by_product(self) -> tuple[float, float]:
        """Seconds until the stream says so, and until the row did."""
        product = self.beds.product
        app = self.beds.application(self.registry, self.endpoint, self._files())
        product.token()
        asked_at, started = time.time(), time.monotonic()
        pk = self.beds.build(app)
        browser = Browser(product, [pk], kind="builds")
        # Nothing is read meanwhile: engine, registry and product need the processors.
        wait_until("the end of the build", browser.saw_the_end, timeout=600, step=0.05)
        browser.close()
        [(moment, last)] = [(at, last) for at, last in browser.snapshots() if last["state"] in FINAL]
        assert (last["state"], last["builder"]) == ("succeeded", self.builder), last
        return moment - started, datetime.fromisoformat(last["finished_at"]).timestamp() - asked_at

    def _files(self) -> dict[str, str]:
        unique = f"{os.getpid()}-{next(_numbers)}\n"
        work = WORK.replace("{mount}", MOUNTS[self.builder])
        return {"Dockerfile": work, "unique.txt": unique, **{f"part{n}.txt": unique * 60_000 for n in range(4)}}


def overhead(sides: Sides, *, pairs: int, title: str) -> None:
    sides.by_docker()
    sides.by_product()
    docker, product, rows = [], [], []
    for number in range(pairs):
        for turn in ("docker", "product") if number % 2 else ("product", "docker"):
            time.sleep(1)
            if turn == "docker":
                docker.append(sides.by_docker())
            else:
                seen, row = sides.by_product()
                product.append(seen)
                rows.append(row)
        print(f"pair {number + 1}: docker {docker[-1]:.2f} product {product[-1]:.2f} row {rows[-1]:.2f} s")
    print(f"{title}, {load()}")
    print("docker build + push", spread(docker))
    print("product, stream    ", spread(product))
    print("product, row       ", spread(rows))
    ratios = [mine / theirs for mine, theirs in zip(product, docker, strict=True)]
    print(f"ratio of medians {median(product) / median(docker):.3f} (row {median(rows) / median(docker):.3f})")
    print(f"median of ratios {median(ratios):.3f}; all {' '.join(f'{ratio:.2f}' for ratio in sorted(ratios))}")


# --- lateness ---------------------------------------------------------------------------------------------------------


class Reader:
    """What the page of a build does: follows the stream, and fetches new lines when there are some."""

    def __init__(self, beds: BuildBed, pk: int) -> None:
        self.late: list[float] = []
        self._url, self._pk = beds.product.url, pk
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Authorization"] = f"Bearer {beds.product.token()}"
        self.thread = threading.Thread(target=self._read)
        self.thread.start()

    def _read(self) -> None:
        position = 0
        at = f"{self._url}/api/builds/{self._pk}"
        with self._session.get(f"{at}/events/", stream=True, timeout=(10, 120)) as answer:
            for line in answer.iter_lines(chunk_size=1):
                if not line.startswith(b"data: "):
                    continue
                shot = json.loads(line[6:])
                while shot["log_lines"] > position:
                    page: dict[str, Any] = self._session.get(f"{at}/log/?from={position}", timeout=60).json()
                    now, position = time.clock_gettime(time.CLOCK_BOOTTIME), page["next"]
                    self.late += [now - float(text) for _at, _step, kind, text in page["lines"] if kind == "output"]
                if shot["state"] in FINAL:
                    return


def lateness(beds: BuildBed, registry: Registry, endpoint: int, *, talkers: int, lines: int, mode: str) -> None:
    dockerfile = TALK.replace("{lines}", str(lines))
    files = [{"Dockerfile": dockerfile, "unique.txt": f"{os.getpid()}-{next(_numbers)}"} for _number in range(talkers)]
    apps = [beds.application(registry, endpoint, each) for each in files]
    readers = [Reader(beds, beds.build(app)) for app in apps]
    for reader in readers:
        reader.thread.join(lines + 300)
    late = [seconds for reader in readers for seconds in reader.late]
    print(f"lateness, {mode}, {talkers} builds, {load()}")
    print(f"{len(late)} of {talkers * lines} lines; median {median(late):.2f}, p95 {quantile(late, 0.95):.2f}, "
          f"p99 {quantile(late, 0.99):.2f}, max {max(late):.2f} s")  # fmt: skip


if __name__ == "__main__":
    main()
