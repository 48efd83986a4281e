"""When a node's address becomes that of another machine."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.utils.translation import gettext_lazy as _

from core.errors import InvalidInput
from core.rows import some_of
from nodes.engine.addresses import EngineAddressError, parse_address
from nodes.models import ComputeNode

# What probes write besides the status, and what only `discover_node` does: of the machine behind the address.
TOLD_BY_ENGINE = (
    "last_seen_at", "engine_version", "storage_driver", "platform", "limits_system_disk",
    "disk_total_bytes", "disk_free_bytes", "disk_checked_at", "disk_due_at", "discovered_at",
)  # fmt: skip
DISCOVERED = ("cpu", "memory", "system_disk")


def move(row: ComputeNode, stored: ComputeNode, values: Mapping[str, Any]) -> set[str]:
    """When the new address is that of another machine: what its predecessor told is forgotten. Returns the columns.

    Raises `InvalidInput`: for a stored secret that would go there, and while something is on the machine itself.
    """
    if _place(stored.docker_address) == _place(row.docker_address):
        return set()
    if _machine(stored) != _machine(row):
        _check_nothing_there(stored)
        _forget_devices(stored)
        _forget_images(stored)
    if row.docker_address:
        _check_kept_secrets(stored, values)
    forgotten = set(TOLD_BY_ENGINE)
    if stored.discovered_at is not None:
        forgotten |= {name for name in DISCOVERED if values.get(name, getattr(stored, name)) == getattr(stored, name)}
    blank = ComputeNode()
    for name in forgotten:
        setattr(row, name, getattr(blank, name))
    return forgotten


def _check_kept_secrets(stored: ComputeNode, values: Mapping[str, Any]) -> None:
    """Secrets are write-only. Whoever could point a stored one to a host of his own would read it there."""
    kept = [name for name in ("password", "client_key") if getattr(stored, name)]
    kept = [name for name in kept if name not in values or values[name] == getattr(stored, name)]
    if kept:
        raise InvalidInput(dict.fromkeys(kept, _("Enter the secret again when the address points to another host.")))


def _place(address: str) -> tuple[str, str]:
    try:
        parsed = parse_address(address)
    except EngineAddressError:
        return "", address
    return parsed.scheme, parsed.host or parsed.path


def _machine(node: ComputeNode) -> str:
    """The same host by another way is the same machine."""
    return _place(node.docker_address)[1]


def _check_nothing_there(stored: ComputeNode) -> None:
    """Containers would be sought on the new machine, taken for gone, and stay on the old one for ever."""
    users = sorted(str(instance) for instance in stored.instances.all())
    if users:
        text = _("These instances are on the machine behind the present address: %(users)s. Remove them first.")
        raise InvalidInput({"docker_address": text % {"users": some_of(users)}})


def _forget_devices(stored: ComputeNode) -> None:
    """Nothing may be placed on the old machine's cards. They stay as missing ones: a machine that only has another
    address finds them again, cordoned as they were."""
    stored.gpus.update(is_missing=True)
    stored.library_reports.all().delete()
    with suppress(ObjectDoesNotExist):
        stored.gpu_inventory.delete()


def _forget_images(stored: ComputeNode) -> None:
    """What pulls brought is on the old machine. That goes for those that are on their way too, unless a worker begins
    them anew; their rows are locked one after the other, and who begins one of them reads the node afterwards."""
    stored.layers.all().delete()
    stored.pulls.filter(elsewhere=False).update(elsewhere=True)
