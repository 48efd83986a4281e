"""Many pulls at once: one engine, images that share nothing, a registry behind a speed limit."""

from __future__ import annotations

from benchmarks.stage import Stage
from tests.integration.pull_bed import PullBed
from tests.services.images import ImageSpec
from tests.services.process import wait_until

MB = 1_000_000
# So that the limits do not hold back what is to be measured.
NO_LIMITS = {"IMAGELIB_PULLS_PER_NODE": "64", "IMAGELIB_PULLS_PER_REGISTRY": "64"}


class Crowd:
    """`size` images of three layers, and the engine that pulls them all at once."""

    def __init__(self, stage: Stage, *, size: int, layer_mb: float) -> None:
        registry = stage.registries.open
        self.proxy = stage.proxy(registry)
        self.engine = stage.engine(max_downloads=3 * size)
        self.names = [f"crowd/image{number}" for number in range(size)]
        for name in self.names:
            sizes = [int(layer_mb * MB)] * 3
            registry.push_image(ImageSpec.sized(name, "1", sizes, busybox=False))

    def pull(self, bed: PullBed, node: int, *, first: int, last: int) -> dict[str, int]:
        """Ask for some of the images; image name → id of its pull."""
        return {name: bed.pull(self.proxy.reference(f"{name}:1"), node) for name in self.names[first:last]}

    @staticmethod
    def all_running(bed: PullBed, count: int) -> None:
        """Wait until so many pulls are downloading."""
        query = "SELECT count(*) FROM pulls_pulljob WHERE state = 'running' AND moved_at IS NOT NULL"
        wait_until(f"{count} running pulls", lambda: bed.rows(query) == [(count,)], timeout=60, step=0.2)
