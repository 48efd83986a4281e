"""A relay between the product and an engine that stamps every event of every pull as it leaves the engine."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from tests.services.ports import LOOPBACK

_PULL = re.compile(rb"POST \S*/images/create\?fromImage=([^&\s]+)")


@dataclass
class Tapped:
    """One pull as the engine told it: moments (time.monotonic) and bytes of each read."""

    repository: str
    reads: list[tuple[float, bytes]] = field(default_factory=list)

    def events(self) -> Iterator[tuple[float, dict]]:
        return stamped_json(self.reads, prefix=b"")


class EngineTap:
    """TCP on the loopback interface in front of an engine's unix socket."""

    def __init__(self, target: Path) -> None:
        self.pulls: list[Tapped] = []
        self._target = target
        self._listener = socket.create_server((LOOPBACK, 0), backlog=128)
        self.url = f"tcp://{LOOPBACK}:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        engine = socket.socket(socket.AF_UNIX)
        engine.connect(str(self._target))
        state: dict[str, Tapped] = {}
        threading.Thread(target=self._up, args=[client, engine, state], daemon=True).start()
        with contextlib.suppress(OSError):
            while part := engine.recv(65_536):
                moment = time.monotonic()
                client.sendall(part)
                if "pull" in state:
                    state["pull"].reads.append((moment, part))
        for side in (client, engine):
            with contextlib.suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)
            side.close()

    def _up(self, client: socket.socket, engine: socket.socket, state: dict[str, Tapped]) -> None:
        with contextlib.suppress(OSError):
            while part := client.recv(65_536):
                if found := _PULL.match(part):
                    state["pull"] = Tapped(unquote(found[1].decode()))
                    self.pulls.append(state["pull"])
                engine.sendall(part)
            engine.shutdown(socket.SHUT_WR)


def stamped_json(reads: list[tuple[float, bytes]], *, prefix: bytes) -> Iterator[tuple[float, dict]]:
    """JSON objects that stand alone on lines beginning with `prefix`, each with the moment its line was complete."""
    rest = b""
    for moment, part in reads:
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            if line.startswith(prefix + b"{"):
                yield moment, json.loads(line[len(prefix) :])
