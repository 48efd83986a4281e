"""ssh:// for the SDK: its paramiko adapter, with a password, a known_hosts file of choice, and time limits."""

from __future__ import annotations

import http.client
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

import paramiko
from docker.transport.sshconn import SSHConnection, SSHConnectionPool, SSHHTTPAdapter

from core.dial import dial

from .addresses import ParsedAddress
from .deadline import Watched, seconds_left
from .errors import EngineError
from .evidence import clean
from .types import EngineEndpoint

STDERR_WAIT = 1.0  # seconds for the remote command's last words
KEEPALIVE = 30  # seconds
# Paramiko logs the traceback of every failure besides raising it; those that matter are raised again here.
_QUIET = logging.getLogger("nodes.engine.ssh.transport")
_QUIET.setLevel(logging.CRITICAL)


class RemoteCommandFailed(OSError):
    """`docker system dial-stdio` ended on the remote side; the text is what it wrote to stderr."""


class SshAdapter(SSHHTTPAdapter):
    """Host keys come from `known_hosts`, or else from the service account's; unknown ones are refused.

    Keys come from the service account's ~/.ssh, whose `config` is honoured as the SDK does. An ssh agent is not asked:
    what a service can reach must not depend on who started it.
    """

    def __init__(
        self, address: ParsedAddress, endpoint: EngineEndpoint, *, timeout: float, known_hosts: str | None
    ) -> None:
        self._known_hosts = known_hosts
        self._password = endpoint.ssh_password or None
        self._timeout = timeout
        self._pool: SSHConnectionPool | None = None
        user = address.username or endpoint.ssh_username
        prefix = f"{user}@" if user else ""
        port = address.port or endpoint.ssh_port
        super().__init__(f"ssh://{prefix}{address.url_host}:{port}", timeout=timeout)

    def _create_paramiko_client(self, base_url: str) -> None:
        super()._create_paramiko_client(base_url)  # what ~/.ssh/config says of the host, into `ssh_params`
        client = paramiko.SSHClient()
        client.set_log_channel(_QUIET.name)
        if self._known_hosts is None:
            client.load_system_host_keys()
        else:
            _load_host_keys(client, self._known_hosts)
        client.set_missing_host_key_policy(paramiko.RejectPolicy())
        self.ssh_client = client

    def _connect(self) -> None:
        place = self.ssh_params
        until = monotonic() + self._timeout
        longer = self._timeout + 1  # than our own deadline, which knows that it was one
        try:
            if "sock" not in place:  # a proxy command
                place["sock"] = dial(place["hostname"], int(place["port"]), seconds=self._timeout)
            with _deadline(max(until - monotonic(), 0.001), self.ssh_client.close):
                self.ssh_client.connect(
                    **place,
                    password=self._password,
                    allow_agent=False,
                    banner_timeout=longer,
                    auth_timeout=longer,
                    channel_timeout=longer,
                )
            self.ssh_client.get_transport().set_keepalive(KEEPALIVE)
        except BaseException:
            self.ssh_client.close()
            raise

    def get_connection(self, url: str, proxies: Any = None) -> SSHConnectionPool:
        """One pool for all requests: the SDK keeps one for each URL, and with it an ssh channel."""
        if self._pool is None:
            self._pool = _Pool(ssh_client=self.ssh_client, timeout=self._timeout, maxsize=self.max_pool_size)
        return self._pool

    def close(self) -> None:
        if self._pool is not None:
            self._pool.close()
        super().close()


class _Pool(SSHConnectionPool):
    def _new_conn(self) -> SSHConnection:
        return _Connection(self.ssh_transport, self.timeout, self.ssh_host)


class _Connection(Watched, SSHConnection):
    def connect(self) -> None:
        """Paramiko waits an hour for a channel, and for ever for a command to start."""
        with _deadline(seconds_left(self.timeout), self.ssh_transport.close):
            super().connect()

    def getresponse(self) -> Any:
        channel = self.sock
        try:
            return super().getresponse()
        except http.client.RemoteDisconnected as error:
            raise RemoteCommandFailed(_last_words(channel)) from error
        except http.client.BadStatusLine as error:  # a shell's or a login message
            raise RemoteCommandFailed(f"{error} {_last_words(channel)}") from error


def _load_host_keys(client: paramiko.SSHClient, path: str) -> None:
    try:
        client.load_host_keys(path)
    except OSError as error:
        raise EngineError("engine_ssh_host_key", clean(f"the known_hosts file: {error}")) from error


def _last_words(channel: paramiko.Channel) -> str:
    channel.settimeout(STDERR_WAIT)
    try:
        words: bytes = channel.recv_stderr(1000)
    except OSError:
        return ""
    return words.decode(errors="replace").strip()


@contextmanager
def _deadline(seconds: float, give_up: Callable[[], None]) -> Iterator[None]:
    """Calls `give_up` when the block takes too long, and turns whatever that causes into TimeoutError."""
    expired = threading.Event()

    def expire() -> None:
        expired.set()
        give_up()

    timer = threading.Timer(seconds, expire)
    timer.daemon = True
    timer.start()
    try:
        yield
    except (paramiko.SSHException, EOFError, OSError):
        if expired.is_set():
            raise TimeoutError(f"no ssh connection within {seconds:g} s") from None
        raise
    finally:
        timer.cancel()
