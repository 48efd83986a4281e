"""What a container says by its labels that it holds, for accounting without a row. Pure.

Labels come from the engine, where anybody may have written them: what is unreadable counts as nothing, and devices
without a readable share count as held whole.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from instances.accelerator import Share
from instances.spec import (
    COMPUTE,
    CPU_CORES,
    DATA_DISK_GB,
    DEVICES,
    EXCLUSIVE,
    LABEL,
    MEMORY_GB,
    MEMORY_MIB,
    NAME,
    OWNER,
)

_NUMBER = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Claim:
    """`share` None: of no device, or all of each."""

    uid: str
    name: str
    owner: str
    devices: tuple[str, ...] = ()
    share: Share | None = None
    cpu_cores: int = 0
    memory_gb: int = 0
    data_disk_gb: int = 0


def claim_of(labels: Mapping[str, str]) -> Claim:
    """The opposite of `instances.spec.labels_of`."""
    return Claim(
        uid=_text(labels, LABEL),
        name=_text(labels, NAME),
        owner=_text(labels, OWNER),
        devices=tuple(dict.fromkeys(filter(None, labels.get(DEVICES, "").split(",")))),
        share=_share(labels),
        cpu_cores=_number(labels, CPU_CORES),
        memory_gb=_number(labels, MEMORY_GB),
        data_disk_gb=_number(labels, DATA_DISK_GB),
    )


def _share(labels: Mapping[str, str]) -> Share | None:
    memory, percent = _number(labels, MEMORY_MIB), _number(labels, COMPUTE)
    if not memory or not 0 < percent <= 100:
        return None
    return Share(memory, percent, exclusive=labels.get(EXCLUSIVE) != "no")


def _number(labels: Mapping[str, str], name: str) -> int:
    text = labels.get(name, "")
    return int(text) if _NUMBER.fullmatch(text) else 0


def _text(labels: Mapping[str, str], name: str) -> str:
    return "".join(letter for letter in labels.get(name, "") if letter.isprintable())[:150]
