"""A shell in an instance's container, for threads: everything here may wait for an engine."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from core.errors import Conflict
from instances.models import Instance, Observed, TerminalEnd
from instances.reading import node_away
from instances.terminals.frames import Characters
from nodes.engine import Engine, EngineError, EngineRejected, Terminal, connect

SHELLS = ("bash", "sh")
_PROBE_WITHIN = 8.0  # seconds
_KILLED = 137
_LOOKS, _PAUSE = 30, 0.1  # how often, and seconds in between
_NOT_THERE = (126, 127)  # a program that cannot be run, and one that is not found


class Shell:
    """`name` is the one that runs, which may be another one than was asked for."""

    def __init__(self, name: str, terminal: Terminal, engine: Engine, container: str, resources: ExitStack) -> None:
        self.name = name
        self._terminal, self._engine, self._container, self._resources = terminal, engine, container, resources
        self._characters = Characters()

    def read(self) -> bytes | None:
        """What it shows next, in whole characters, however long that takes; None at its end. Raises `NodeAway`."""
        try:
            for chunk in self._terminal:
                if chunk and (whole := self._characters.feed(chunk)):
                    return whole
        except EngineError as error:
            raise node_away(error) from error
        return self._characters.left() or None

    def write(self, data: bytes) -> None:
        """Raises `NodeAway`, also when the program takes no input."""
        try:
            self._terminal.write(data)
        except EngineError as error:
            raise node_away(error) from error

    def resize(self, *, columns: int, rows: int) -> None:
        """Raises `NodeAway`."""
        try:
            self._terminal.resize(columns=columns, rows=rows)
        except EngineError as error:
            raise node_away(error) from error

    @property
    def mark(self) -> dict[str, Any]:
        """`{run, process}`, by which it can be ended without this connection."""
        return {"run": self._terminal.run, "process": self._terminal.process}

    def end(self) -> TerminalEnd:
        """Why it ended by itself. An engine knows of a killed program before it knows that its container is gone."""
        looks = _LOOKS if self._terminal.exit_code() in (_KILLED, None) else 1
        try:
            for _look in range(looks):
                found = self._engine.inspect_container(self._container)
                if found is None or found.state != Observed.RUNNING:
                    return TerminalEnd.CONTAINER
                time.sleep(_PAUSE)
        except EngineError:
            return TerminalEnd.ENGINE
        return TerminalEnd.SHELL

    def close(self) -> None:
        """Ends the shell and what runs in it, and the connection. From any thread."""
        self._resources.close()


def open_shell(instance: Instance, *, shell: str) -> Shell:
    """Raises `Conflict` for a container that does not run or has no shell, and `NodeAway`."""
    container, hosts = instance.container_id, settings.SSH_KNOWN_HOSTS
    if not container:
        raise Conflict(_("There is no container yet."), code="no_container")
    try:
        with ExitStack() as stack:
            endpoint = instance.node.endpoint()
            engine = stack.enter_context(connect(endpoint, timeout=settings.ENGINE_TIMEOUT, known_hosts=hosts))
            _demand_running(engine, container)
            name = _present(engine, container, shell)
            terminal = engine.open_terminal(container, shell=(name,), columns=80, rows=24)  # noqa: S604  (in there)
            return Shell(name, terminal, engine, container, stack.pop_all())
    except EngineRejected as error:  # it stopped in this moment
        raise Conflict(_("The engine refused: %(words)s") % {"words": error.evidence}, code="refused") from error
    except EngineError as error:
        raise node_away(error) from error


def _demand_running(engine: Engine, container: str) -> None:
    found = engine.inspect_container(container)
    if found is None:
        raise Conflict(_("The container is not there any more."), code="container_gone")
    if found.state != Observed.RUNNING:
        raise Conflict(_("The container does not run. Start the instance first."), code="not_running")


def _present(engine: Engine, container: str, shell: str) -> str:
    """The shell that was asked for, or sh where there is no other."""
    for name in dict.fromkeys((shell, "sh")):
        tried = engine.exec_run(container, (name, "-c", "exit 0"), within=_PROBE_WITHIN, limit_bytes=1000)
        if tried.exit_code not in _NOT_THERE:
            return name
    raise Conflict(_("There is no shell in this container."), code="no_shell")
