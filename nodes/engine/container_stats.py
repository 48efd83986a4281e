"""What a container uses, from the two samples of a stats answer: the docker command's arithmetic. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .container_types import ContainerStats
from .shapes import demand_object, items, mapping, number

MOST_CORES = 1 << 20
MOST_PIDS = (1 << 31) - 1


def container_stats(answer: object, *, cpu_limit: float) -> ContainerStats | None:
    """None when nothing was measured: the container ended meanwhile. `cpu_limit`: its cores; 0 without a limit."""
    stats = demand_object(answer, "stats")
    memory, cpu = mapping(stats.get("memory_stats")), mapping(stats.get("cpu_stats"))
    if not number(mapping(cpu.get("cpu_usage")).get("total_usage")):
        return None
    networks = [mapping(network) for network in mapping(stats.get("networks")).values()]
    blocks = items(mapping(stats.get("blkio_stats")).get("io_service_bytes_recursive"))
    return ContainerStats(
        cpu_percent=_cpu_percent(cpu, mapping(stats.get("precpu_stats"))),
        cpu_limit_cores=cpu_limit or _cores(cpu),
        memory_bytes=_memory(memory),
        memory_limit_bytes=number(memory.get("limit")),
        network_rx_bytes=sum(number(network.get("rx_bytes")) for network in networks),
        network_tx_bytes=sum(number(network.get("tx_bytes")) for network in networks),
        block_read_bytes=_blocks(blocks, "read"),
        block_write_bytes=_blocks(blocks, "write"),
        pids=number(mapping(stats.get("pids_stats")).get("current"), MOST_PIDS),
    )


def _cpu_percent(cpu: Mapping[str, Any], before: Mapping[str, Any]) -> float:
    """The container's share of the time that all cores spent between the samples. Counters may start anew."""
    used = _total(cpu) - _total(before)
    passed = number(cpu.get("system_cpu_usage")) - number(before.get("system_cpu_usage"))
    if used <= 0 or passed <= 0:
        return 0.0
    return used / passed * _cores(cpu) * 100


def _total(cpu: Mapping[str, Any]) -> int:
    return number(mapping(cpu.get("cpu_usage")).get("total_usage"))


def _cores(cpu: Mapping[str, Any]) -> int:
    online = number(cpu.get("online_cpus"), MOST_CORES)
    return online or len(items(mapping(cpu.get("cpu_usage")).get("percpu_usage"))) or 1


def _memory(memory: Mapping[str, Any]) -> int:
    """Control groups of version 1 count the cache of whole subtrees under another name than those of version 2."""
    used, details = number(memory.get("usage")), mapping(memory.get("stats"))
    name = "total_inactive_file" if "total_inactive_file" in details else "inactive_file"
    cache = number(details.get(name))
    return used - cache if cache < used else used


def _blocks(entries: list[Any], operation: str) -> int:
    found = [mapping(entry) for entry in entries]
    return sum(number(entry.get("value")) for entry in found if str(entry.get("op")).lower() == operation)
