"""Progress of an image that goes into an engine as one archive. Pure arithmetic, with the promises of `pulls.meter`.

An archive has no layers that arrive one by one: there are the bytes that the engine took, and what it says of unpacking
them, which some engines do in silence. Both count half of the bar.
"""

from __future__ import annotations

from nodes.engine.types import LoadEvent
from pulls.meter import Phase, Progress
from pulls.meter_layers import LARGEST_LAYER
from pulls.meter_rates import FIRST_AFTER, Speedometer, time_left

MOST_LAYERS = 1024  # engines stop at 127; more names than this are noise and must not fill the memory


class TransferMeter:
    """`size`: bytes of the archive; while not `exact` only the least, which an engine's word for an image's size is:
    its files without what an archive puts around them."""

    def __init__(self, *, size: int, exact: bool, now: float) -> None:
        self._size, self._exact = size, exact
        self._moved = 0
        self._all_moved = self._settled = self._confirmed = False
        self._unpacked: dict[str, int] = {}  # layer → high-water mark of its bytes
        self._unpacking_since: float | None = None
        self._moved_at = now
        self._last_byte_at: float | None = None
        self._permille = 0
        self._speed = Speedometer()

    @property
    def last_byte_at(self) -> float | None:
        """When the engine last took bytes; None before the first."""
        return self._last_byte_at

    @property
    def moved_at(self) -> float:
        """When the transfer last moved: bytes went over, or the engine unpacked further and said so."""
        return self._moved_at

    def feed(self, event: LoadEvent | None, *, moved: int, all_moved: bool, now: float) -> None:
        """`moved`: bytes that the engine took so far; `all_moved`: there are no more."""
        if moved > self._moved:
            self._speed.add(moved - self._moved if self._moved else 0, now=now)  # of what age the first are, who knows
            self._moved, self._moved_at, self._last_byte_at = moved, now, now
        if all_moved and not self._all_moved:
            self._all_moved, self._moved_at = True, now
        if event is not None:
            self._unpack(event, now)

    def verifying(self) -> None:
        """The engine has said that it is there."""
        self._settled = True

    def verified(self) -> None:
        self._settled = self._confirmed = True

    def progress(self, *, now: float) -> Progress:
        phase = self._phase()
        whole = self._all_moved or self._settled
        total = self._moved if whole else max(self._size, self._moved)
        unpacked = total if self._settled else min(sum(self._unpacked.values()), total)
        exact = self._exact or whole
        self._permille = max(self._permille, self._permille_now(total, unpacked))
        speed = self._speed.recent(now=now) if phase in (Phase.WAITING, Phase.DOWNLOADING) else 0.0
        foreseeable = exact and phase in (Phase.DOWNLOADING, Phase.EXTRACTING)
        return Progress(
            phase=phase,
            percent=self._permille / 10,
            bytes_total=total,
            bytes_total_exact=exact,
            bytes_downloaded=self._moved,
            bytes_extracted=unpacked,
            bytes_reused=0,
            speed_bps=None if speed is None else round(speed),
            eta_seconds=self._time_left(total - self._moved, total - unpacked, now) if foreseeable else None,
            layers=(),
        )

    def _unpack(self, event: LoadEvent, now: float) -> None:
        current = event.current
        known = event.layer in self._unpacked
        if current is None or not event.layer or not 0 <= current <= LARGEST_LAYER:
            return
        if current > self._unpacked.get(event.layer, -1) and (known or len(self._unpacked) < MOST_LAYERS):
            self._unpacked[event.layer] = current
            self._moved_at = now
            self._unpacking_since = now if self._unpacking_since is None else self._unpacking_since

    def _phase(self) -> Phase:
        if self._confirmed:
            return Phase.DONE
        if self._settled:
            return Phase.VERIFYING
        if self._all_moved:
            return Phase.EXTRACTING
        return Phase.DOWNLOADING if self._moved else Phase.WAITING

    def _permille_now(self, total: int, unpacked: int) -> int:
        if self._confirmed:
            return 1000
        if self._settled:
            return 999
        return min((self._moved + unpacked) * 1000 // (2 * total), 999) if total else 0

    def _time_left(self, move: int, unpack: int, now: float) -> tuple[int, int] | None:
        speeds = self._speed.recent(now=now), self._speed.overall(now=now)
        busy = 0.0 if self._unpacking_since is None else now - self._unpacking_since
        done = sum(self._unpacked.values())
        speed = done / busy if busy >= FIRST_AFTER and done else None
        return time_left(download=move, extract=unpack, speeds=speeds, extraction_speed=speed)
