"""Opening a terminal: a program of its own in a running container, on a connection of its own."""

from __future__ import annotations

import time
from functools import partial

import docker.errors

from . import container_answers as answers
from .client import EngineClient
from .errors import EngineError
from .hijack import hijack
from .runs import exec_run, exec_status
from .shapes import demand_id
from .terminal import ANNOUNCE, Terminal
from .translate import translated

KIND = {"TERM": "xterm-256color"}
_ATTEMPTS = 10  # at the first size: the program may not have begun yet
_HANG_UP_WITHIN = 5.0  # seconds, for each signal
_GRACE = 0.5  # seconds: a shell writes its history and tells its jobs


def open_terminal(client: EngineClient, container: str, *, shell: tuple[str, ...], columns: int, rows: int) -> Terminal:
    run = demand_id(
        client.exec_create(container, [*shell, "-c", ANNOUNCE, *shell], stdin=True, tty=True, environment=KIND),
        "an exec",
    )
    line = hijack(client, client.path(f"/exec/{run}/start", {}), {"Detach": False, "Tty": True})

    def resize(columns: int, rows: int) -> None:
        with translated():
            client.exec_resize(run, height=rows, width=columns)

    def exit_code() -> int | None:
        try:
            with translated(), client.limited(_HANG_UP_WITHIN):
                return exec_status(client, run)
        except EngineError:
            return None

    for attempt in range(_ATTEMPTS):
        try:
            client.exec_resize(run, height=rows, width=columns)
            break
        except docker.errors.APIError:
            time.sleep(0.01 * attempt)
    return Terminal(line, resize, hang_up=partial(_hang_up, client, container, shell), exit_code=exit_code, run=run)


def end_shell(client: EngineClient, container: str, *, shell: tuple[str, ...], run: str, process: int) -> bool:
    """The engine knows whether the shell still runs; as long as it does, nothing else has its number."""
    try:
        runs = answers.exec_status(client.exec_inspect(run)) is None
    except docker.errors.NotFound:  # the container is gone, or the engine was started anew and has ended it
        return False
    if runs:
        _hang_up(client, container, shell, process)
    return runs


def _hang_up(client: EngineClient, container: str, shell: tuple[str, ...], process: int) -> None:
    with translated():
        for pause, signal in ((_GRACE, "HUP"), (0.0, "KILL")):
            kill = (*shell, "-c", f"kill -{signal} {process}")
            if exec_run(client, container, kill, within=_HANG_UP_WITHIN, limit_bytes=1000).exit_code:
                return  # it is not there any more
            time.sleep(pause)
