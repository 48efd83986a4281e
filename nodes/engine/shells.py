"""Opening a terminal: a program of its own in a running container, on a connection of its own."""

from __future__ import annotations

import time

import docker.errors

from .client import EngineClient
from .hijack import hijack
from .shapes import demand_id
from .terminal import Terminal
from .translate import translated

KIND = {"TERM": "xterm-256color"}
_ATTEMPTS = 10  # at the first size: the program may not have begun yet


def open_terminal(client: EngineClient, container: str, *, shell: tuple[str, ...], columns: int, rows: int) -> Terminal:
    run = demand_id(
        client.exec_create(container, list(shell), stdin=True, tty=True, environment=KIND),
        "an exec",
    )
    line = hijack(client, client.path(f"/exec/{run}/start", {}), {"Detach": False, "Tty": True})

    def resize(columns: int, rows: int) -> None:
        with translated():
            client.exec_resize(run, height=rows, width=columns)

    for attempt in range(_ATTEMPTS):
        try:
            client.exec_resize(run, height=rows, width=columns)
            break
        except docker.errors.APIError:
            time.sleep(0.01 * attempt)
    return Terminal(line, resize)
