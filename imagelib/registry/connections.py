"""The HTTP session with a registry: opened in time, with our own TLS context, with nothing of the environment."""

from __future__ import annotations

import ssl
from typing import Any

import certifi
import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from core.dial import Dialed

from .errors import RegistryError


class Session(requests.Session):
    """A session that takes nothing from the environment: no proxy, no .netrc, no CA bundle."""

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False
        # Digests and limits are about the bytes as stored; compressed transfer would only hide their number.
        self.headers.update({"User-Agent": "imagelib", "Accept-Encoding": "identity"})

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Redirects are followed by the transport: `requests` would read their bodies without any limit."""
        return None


class HttpAdapter(HTTPAdapter):
    """HTTP, and HTTPS with our own context instead of the bundle file that `requests` insists on."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self._context = context
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, ssl_context=self._context)
        self.poolmanager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}

    def cert_verify(self, *args: Any, **kwargs: Any) -> None:
        """Nothing to load: the context has it all."""


class _HttpConnection(Dialed, HTTPConnection):
    pass


class _HttpsConnection(Dialed, HTTPSConnection):
    pass


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _HttpConnection


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _HttpsConnection


def tls_context(ca_pem: str, *, verify: bool) -> ssl.SSLContext:
    """The system's CAs, those of certifi (a slim container has no others), and the registry's own."""
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    context.load_verify_locations(certifi.where())
    if ca_pem:
        try:
            context.load_verify_locations(cadata=ca_pem.encode("ascii", "ignore").decode())  # comments may be Chinese
        except (ssl.SSLError, ValueError) as error:
            raise RegistryError("registry_ca_invalid", str(error)) from None
    return context
