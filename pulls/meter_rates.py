"""Rates and time left of one pull. Pure: every time is a monotonic clock's seconds and comes from the caller."""

from __future__ import annotations

import math
from collections import deque

WINDOW = 8.0  # seconds that the recent speed looks back
SAMPLE_EVERY = 0.5  # seconds between samples, so that at most WINDOW / SAMPLE_EVERY + 2 are kept
FIRST_AFTER = 0.5  # seconds of download, or of extraction, before its speed is named


class Speedometer:
    """Bytes per second, over the last seconds and over the whole download."""

    def __init__(self) -> None:
        self._total = 0
        self._samples: deque[tuple[float, int]] = deque()
        self._started = 0.0
        self._moved_at = 0.0
        self._pause = 0.0

    def add(self, moved: int, *, now: float) -> None:
        """`moved` bytes arrived since the last call; 0 starts the clock (bytes of unknown age do not count)."""
        if not self._samples:
            self._started = self._moved_at = now
            self._samples.append((now, 0))
        if not moved:
            return
        self._total += moved
        self._pause = now - self._moved_at
        self._moved_at = now
        if now - self._samples[-1][0] >= SAMPLE_EVERY:
            self._samples.append((now, self._total))
            self._forget(now)

    def recent(self, *, now: float) -> float | None:
        """None before there is anything to say; 0 once nothing moves.

        Engines report steps of 512 KiB or 1 MiB, so on a slow link bytes come in single events far apart: "nothing
        moves" means a silence of WINDOW, or of twice the last pause where that was longer.
        """
        if not self._samples:
            return None
        if now - self._moved_at >= max(WINDOW, 2 * self._pause):
            return 0.0
        self._forget(now)
        since, total = self._samples[0]
        return (self._total - total) / (now - since) if now - since >= FIRST_AFTER else None

    def overall(self, *, now: float) -> float | None:
        """Mean since the first byte, pauses included; None as long as `recent` has nothing to say."""
        if not self._samples or now - self._started < FIRST_AFTER:
            return None
        return self._total / (now - self._started)

    def _forget(self, now: float) -> None:
        """Keep one sample from before the window, and always one from before the last bytes."""
        samples = self._samples
        while len(samples) > 1 and samples[1][0] <= now - WINDOW and samples[1][1] < self._total:
            samples.popleft()


class BusyClock:
    """Seconds during which at least one of several overlapping activities ran."""

    def __init__(self) -> None:
        self._busy = 0.0
        self._running = 0
        self._since = 0.0

    def begin(self, *, now: float) -> None:
        if not self._running:
            self._since = now
        self._running += 1

    def end(self, *, now: float) -> None:
        self._running -= 1
        if not self._running:
            self._busy += now - self._since

    def seconds(self, *, now: float) -> float:
        return self._busy + (now - self._since if self._running else 0.0)


def time_left(
    *, download: int, extract: int, speeds: tuple[float | None, float | None], extraction_speed: float | None
) -> tuple[int, int] | None:
    """Seconds left as (low, high), or None when nothing can be said.

    `download` and `extract` are bytes left, `speeds` the recent and the overall download speed. Low assumes the better
    speed and extraction alongside the download, high the worse one and extraction after it. An extraction
    speed that is not known yet leaves extraction out, unless nothing else remains.
    """
    recent, overall = speeds
    fastest = slowest = 0.0
    if download:
        if not recent or not overall:
            return None
        fastest, slowest = download / max(recent, overall), download / min(recent, overall)
    elif extract and not extraction_speed:
        return None
    extraction = extract / extraction_speed if extraction_speed else 0.0
    return math.floor(max(fastest, extraction)), math.ceil(slowest + extraction)
