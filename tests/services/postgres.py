"""A PostgreSQL server of the tests."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
from pathlib import Path

import psycopg
from psycopg import sql

from tests.services.ports import LOOPBACK, free_port
from tests.services.process import Daemon, ServiceError, clean_environment
from tests.services.requirements import program

_SYSTEM_USER = "postgres"  # PostgreSQL refuses to run as root
# The data are thrown away afterwards, so nothing waits for the disk. Commits still reach the kernel before they are
# answered: a killed server has them all when it comes back.
_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "dynamic_shared_memory_type": "mmap",  # in the data directory; a killed server leaves files in /dev/shm otherwise
    "max_connections": "500",  # tests of a hundred threads in several processes; those that left take a while to go
    "listen_addresses": LOOPBACK,
}


class PostgresServer(Daemon):
    """Trusts everybody on the loopback interface; the superuser is `postgres`. Data survive `restart` and `kill9`."""

    stop_signal = signal.SIGINT  # "fast": does not wait for clients to leave

    def __init__(self, parent: Path, name: str = "postgres") -> None:
        super().__init__(name, parent / name)
        self.port = free_port()
        self._data = self.directory / "data"

    @property
    def url(self) -> str:
        """For DATABASE_URL."""
        return self.url_for("postgres")

    def url_for(self, database: str) -> str:
        return f"postgresql://{_SYSTEM_USER}@{LOOPBACK}:{self.port}/{database}"

    def create_database(self, name: str) -> str:
        """A new empty database; returns its URL."""
        self._execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.url_for(name)

    def drop_database(self, name: str) -> None:
        """Drop it, whoever is connected."""
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def start(self) -> None:
        """Start; the first time on a new cluster."""
        if not self._data.exists():
            self._initialise()
        super().start()

    def command(self) -> list[str]:
        settings = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        server = [program("postgres"), "-D", str(self._data), "-p", str(self.port), "-k", str(self.directory)]
        return [*self._unprivileged(), *server, *settings]

    def is_ready(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _initialise(self) -> None:
        if os.geteuid() == 0:
            shutil.chown(self.directory, _SYSTEM_USER)
        command = [program("initdb"), "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8"]
        command += ["--no-sync", "--pgdata", str(self._data)]
        done = subprocess.run(
            [*self._unprivileged(), *command],
            capture_output=True,
            text=True,
            env=clean_environment(),
            cwd="/",
            check=False,
        )
        if done.returncode:
            raise ServiceError(f"initdb: {done.stdout}{done.stderr}")

    def _unprivileged(self) -> list[str]:
        """Prefix of a command that must not run as root.

        The namespace takes PostgreSQL's shared memory with it, which a killed server would otherwise leave behind.
        """
        if os.geteuid() != 0:
            return []
        user = pwd.getpwnam(_SYSTEM_USER)
        identity = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        return ["unshare", "--ipc", "setpriv", *identity]

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement)
