"""Free TCP ports on the loopback interface."""

from __future__ import annotations

import random
import socket

LOOPBACK = "127.0.0.1"
# Below the range that the kernel hands out to outgoing connections (32768 and up): a service that is stopped and
# started again by a test must find its port still free.
FIRST, LAST = 20_000, 32_000

_random = random.SystemRandom()  # test processes that run side by side must not walk through the same sequence
_given: set[int] = set()


def free_port() -> int:
    """A port on which nothing listens and which this process has not given out before."""
    for _ in range(1000):
        port = _random.randint(FIRST, LAST)
        if port not in _given and _can_bind(port):
            _given.add(port)
            return port
    raise RuntimeError(f"no free port between {FIRST} and {LAST}")


def accepts(port: int, host: str = LOOPBACK) -> bool:
    """Whether something accepts connections on the port."""
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def _can_bind(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
