"""The arithmetic of statistics."""

from __future__ import annotations

from typing import Any

import pytest

from nodes.engine import EngineError
from nodes.engine.container_stats import container_stats

GB = 10**9


def cpu(used: int, system: int, **more: Any) -> dict[str, Any]:
    return {"cpu_usage": {"total_usage": used}, "system_cpu_usage": system, "online_cpus": 4, **more}


def answer(**more: Any) -> dict[str, Any]:
    return {"cpu_stats": cpu(3 * GB, 108 * GB), "precpu_stats": cpu(1 * GB, 100 * GB), **more}


def test_a_version_2_answer() -> None:
    stats = container_stats(
        answer(
            memory_stats={"usage": 500, "limit": 1000, "stats": {"inactive_file": 120, "anon": 1}},
            networks={"eth0": {"rx_bytes": 1, "tx_bytes": 10}, "eth1": {"rx_bytes": 2, "tx_bytes": 20}},
            blkio_stats={
                "io_service_bytes_recursive": [
                    {"op": "read", "value": 5}, {"op": "write", "value": 7}, {"op": "Read", "value": 6},
                    {"op": "Total", "value": 18},
                ]
            },
            pids_stats={"current": 9},
        ),
        cpu_limit=2.5,
    )  # fmt: skip
    assert stats is not None
    assert stats.cpu_percent == pytest.approx(100.0)  # two of eight core seconds, on four cores
    assert (stats.cpu_limit_cores, stats.memory_bytes, stats.memory_limit_bytes) == (2.5, 380, 1000)
    assert (stats.network_rx_bytes, stats.network_tx_bytes) == (3, 30)
    assert (stats.block_read_bytes, stats.block_write_bytes, stats.pids) == (11, 7, 9)


@pytest.mark.parametrize(
    ("memory", "used"),
    [
        ({"usage": 500, "stats": {"total_inactive_file": 200, "inactive_file": 100}}, 300),
        ({"usage": 500, "stats": {"inactive_file": 600}}, 500),
        ({"usage": 500}, 500),
        ({}, 0),
    ],
)
def test_memory_without_the_cache(memory: dict[str, Any], used: int) -> None:
    stats = container_stats(answer(memory_stats=memory), cpu_limit=0)
    assert stats is not None and stats.memory_bytes == used


@pytest.mark.parametrize(
    ("before", "percent"),
    [
        ({}, 4 * 100 * 3 / 108),
        (cpu(3 * GB, 100 * GB), 0),
        (cpu(5 * GB, 100 * GB), 0),  # it was started anew in between
        (cpu(1 * GB, 108 * GB), 0),
    ],
)
def test_odd_samples(before: dict[str, Any], percent: float) -> None:
    stats = container_stats(answer(precpu_stats=before), cpu_limit=0)
    assert stats is not None and stats.cpu_percent == pytest.approx(percent)


@pytest.mark.parametrize(
    ("usage", "cores"), [({"online_cpus": 3}, 3), ({"online_cpus": 0, "percpu": 2}, 2), ({"online_cpus": 0}, 1)]
)
def test_cores_of_old_engines(usage: dict[str, Any], cores: int) -> None:
    now = cpu(3 * GB, 108 * GB, online_cpus=usage["online_cpus"])
    now["cpu_usage"]["percpu_usage"] = [1] * usage.get("percpu", 0)
    stats = container_stats(answer(cpu_stats=now), cpu_limit=0)
    assert stats is not None and stats.cpu_limit_cores == cores
    assert stats.cpu_percent == pytest.approx(2 / 8 * cores * 100)


def test_a_container_that_ended_meanwhile() -> None:
    assert container_stats({"read": "0001-01-01T00:00:00Z", "cpu_stats": {"cpu_usage": {}}}, cpu_limit=1) is None
    with pytest.raises(EngineError):
        container_stats([], cpu_limit=1)
