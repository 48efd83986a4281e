"""A Redis server of the tests."""

from __future__ import annotations

import socket
from pathlib import Path

from tests.services.ports import LOOPBACK, free_port
from tests.services.process import Daemon
from tests.services.requirements import program

DATABASES = 64


class RedisServer(Daemon):
    """Keeps nothing on disk: a restart loses everything, as the worst restart in production would."""

    def __init__(self, parent: Path, name: str = "redis") -> None:
        super().__init__(name, parent / name)
        self.port = free_port()

    @property
    def url(self) -> str:
        return self.url_for(0)

    def url_for(self, database: int) -> str:
        """URL of one of the 64 numbered databases."""
        assert 0 <= database < DATABASES
        return f"redis://{LOOPBACK}:{self.port}/{database}"

    def flush(self) -> None:
        """Forget everything, in all databases."""
        assert self._ask("FLUSHALL") == b"+OK"

    def command(self) -> list[str]:
        options = {
            "--port": self.port,
            "--bind": LOOPBACK,
            "--dir": self.directory,
            "--databases": DATABASES,
            "--save": "",
            "--appendonly": "no",
        }
        return [program("redis-server"), *(str(part) for option in options.items() for part in option)]

    def is_ready(self) -> bool:
        try:
            return self._ask("PING") == b"+PONG"
        except OSError:
            return False

    def _ask(self, command: str) -> bytes:
        with socket.create_connection((LOOPBACK, self.port), timeout=5) as connection:
            connection.sendall(f"{command}\r\n".encode())
            return connection.recv(1000).strip()
