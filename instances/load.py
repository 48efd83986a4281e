"""What a running container uses of what it may: CPU, memory, network, disk, and the memory of its slices."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.core.cache import cache
from django.db.models import Sum
from redis.exceptions import RedisError

from instances.accelerator import UsageUnreadable
from instances.accelerators.registry import CARDS
from instances.models import Instance, Observed
from nodes.engine import ContainerStats, Engine, EngineRejected

MIB = 1024**2
FRESH_FOR = timedelta(seconds=90)  # three rounds of `instances.measuring`
SLICES_EVERY = 10  # seconds; a look at them moves two megabytes
COLUMNS = ("load_cpu", "load_memory", "load_gpu_memory")
logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Load:
    """`gpu_memory_bytes` and its limit are of all cards together; None without slices, or when it cannot be known."""

    stats: ContainerStats
    cores: float  # that it may use
    gpu_memory_bytes: int | None = None
    gpu_memory_limit_bytes: int | None = None

    @property
    def cpu_percent(self) -> float | None:
        return _percent(self.stats.cpu_percent / 100, self.cores)

    @property
    def memory_percent(self) -> float | None:
        return _percent(self.stats.memory_bytes, self.stats.memory_limit_bytes)

    @property
    def gpu_memory_percent(self) -> float | None:
        return _percent(self.gpu_memory_bytes, self.gpu_memory_limit_bytes)

    def columns(self) -> dict[str, float | None]:
        """Those of the row."""
        found = (self.cpu_percent, self.memory_percent, self.gpu_memory_percent)
        return dict(zip(COLUMNS, found, strict=True))


def measure(instance: Instance, engine: Engine) -> Load | None:
    """None when it does not run. Raises `EngineError`. Takes one to two seconds."""
    stats = engine.stats(instance.container_id)
    if stats is None:
        return None
    used, limit = _slices(instance, engine) if instance.is_sliced else (None, None)
    return Load(stats, instance.cpu_cores or stats.cpu_limit_cores, used, limit)


def known_load(instance: Instance, *, now: datetime) -> dict[str, float | None]:
    """The row's figures as long as they say anything: nothing is known of a container that does not run."""
    fresh = instance.load_at is not None and now - instance.load_at <= FRESH_FOR
    known = fresh and instance.observed == Observed.RUNNING
    return {name: getattr(instance, name) if known else None for name in COLUMNS}


def _slices(instance: Instance, engine: Engine) -> tuple[int | None, int | None]:
    """Bytes in use, and that may be used."""
    key = f"slices-of-{instance.container_id}"
    found: tuple[int | None, int | None] | None = None
    with suppress(RedisError, OSError):
        found = cache.get(key)
    if found is None:
        found = _read_slices(instance, engine)
        with suppress(RedisError, OSError):
            cache.set(key, found, timeout=SLICES_EVERY)
    return found


def _read_slices(instance: Instance, engine: Engine) -> tuple[int | None, int | None]:
    """Without the file no program has used a card yet. One that we do not understand says nothing."""
    held = instance.allocations.aggregate(total=Sum("memory_mib"))["total"] or 0
    try:
        region = engine.read_file(instance.container_id, CARDS.usage_file(str(instance.uid)), limit=CARDS.READ_AT_MOST)
        found = CARDS.usage_in(region) if region is not None else []
    except (EngineRejected, UsageUnreadable) as error:
        logger.info("slices not read", instance=instance.pk, reason=str(error))
        return None, held * MIB
    return sum(one.used for one in found), sum(one.limit for one in found) or held * MIB


def _percent(part: float | None, whole: float | None) -> float | None:
    return round(100 * part / whole, 1) if part is not None and whole else None
