"""How the SDK's client reaches engines at tcp:// and unix:// addresses: connections that a `Deadline` can break."""

from __future__ import annotations

import ssl
from typing import Any

import requests
from docker.transport import UnixHTTPAdapter
from docker.transport.unixconn import UnixHTTPConnection, UnixHTTPConnectionPool
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from core.dial import Dialed

from .deadline import Watched
from .errors import EngineError

CHUNK = 1 << 16
ANSWER_LIMIT = 8 << 20  # bytes; the list of some thousand images has a few millions


class TcpAdapter(HTTPAdapter):
    """HTTP, and HTTPS with our own context instead of the files that `requests` insists on."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self._context = context
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options, ssl_context=self._context)
        self.poolmanager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}

    def cert_verify(self, *args: Any, **options: Any) -> None:
        """Nothing to load: the context has it all."""


class UnixAdapter(UnixHTTPAdapter):
    """One pool, for the one socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__(f"http+unix://{path}", timeout)
        self._pool = _UnixPool("http+docker://localhost", path, timeout, maxsize=self.max_pool_size)

    def get_connection(self, url: str, proxies: Any = None) -> UnixHTTPConnectionPool:
        return self._pool

    def close(self) -> None:
        self._pool.close()
        super().close()


def read_whole(response: requests.Response) -> requests.Response:
    """Load the body, up to `ANSWER_LIMIT`. Raises EngineError(engine_not_docker) for a longer one."""
    parts: list[bytes] = []
    size = 0
    try:
        for part in response.iter_content(CHUNK):
            parts.append(part)
            size += len(part)
            if size > ANSWER_LIMIT:
                raise EngineError("engine_not_docker", f"the answer is longer than {ANSWER_LIMIT} bytes")
    except BaseException:
        response.close()
        raise
    response._content = b"".join(parts)
    return response


class _HttpConnection(Watched, Dialed, HTTPConnection):
    pass


class _HttpsConnection(Watched, Dialed, HTTPSConnection):
    pass


class _UnixConnection(Watched, UnixHTTPConnection):
    pass


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _HttpConnection


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _HttpsConnection


class _UnixPool(UnixHTTPConnectionPool):
    def _new_conn(self) -> UnixHTTPConnection:
        return _UnixConnection(self.base_url, self.socket_path, self.timeout)
