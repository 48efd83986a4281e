"""A network bridge of the machine for one engine: containers with ports that can be reached from the tests."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

from tests.services.process import is_alive

_PREFIX = "ilt"  # then the process, and which of its bridges it is
_numbers = count(1)


@contextmanager
def bridge() -> Iterator[tuple[str, ...]]:
    """Flags for dockerd, with which its containers are on the bridge. It goes with the block."""
    _remove_forgotten()
    number = next(_numbers)
    name = f"{_PREFIX}{os.getpid()}-{number}"
    _ip("link", "add", "name", name, "type", "bridge")
    try:
        _ip("addr", "add", f"10.{200 + os.getpid() % 50}.{(os.getpid() // 50 + number) % 250}.1/24", "dev", name)
        _ip("link", "set", name, "up")
        yield (f"--bridge={name}", "--userland-proxy=true")
    finally:
        _ip("link", "del", name)


def _remove_forgotten() -> None:
    """Of test runs that were killed."""
    for link in json.loads(_ip("-json", "link", "show")):
        owner = link["ifname"].removeprefix(_PREFIX).partition("-")[0]
        if link["ifname"].startswith(_PREFIX) and owner.isdecimal() and not is_alive(int(owner)):
            _ip("link", "del", link["ifname"])


def _ip(*arguments: str) -> str:
    return subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True).stdout
