"""HTTP to one registry: scheme, TLS, redirects, bounded answers, network failures as RegistryError."""

from __future__ import annotations

import ipaddress
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
import urllib3

from .bodies import Body
from .connections import HttpAdapter, Session, tls_context
from .errors import RegistryError
from .network_failures import from_exception
from .redaction import Authorization

MAX_REDIRECTS = 5
ERROR_BODY_LIMIT = 64 * 1024
_CHUNK = 64 * 1024
# ValueError: a host or a redirect that is no address, for which each library has another subclass
_FAILURES = (requests.RequestException, urllib3.exceptions.HTTPError, ValueError)


_Read = Callable[[requests.Response, str], "Reply"]  # the answer and its address


@dataclass(frozen=True, slots=True)
class Reply:
    """A final answer, read to its end. `from_registry` is False when redirects led to another origin."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    origin: str  # scheme://host:port
    from_registry: bool


class Transport:
    """GET requests to one registry host and to where it sends us.

    The scheme is found out with the first request and kept:
    - HTTPS only, for any host that is neither loopback nor `insecure`, and wherever a CA certificate is given;
    - loopback: HTTP, then HTTPS. A TLS port answers plain HTTP at once, while the other order could hang;
    - `insecure`: HTTPS without verification, then HTTP, as engines do with their insecure registries.
    Credentials are sent only when a server has answered and asked for them.
    """

    def __init__(
        self,
        host: str,
        *,
        insecure: bool,
        ca_pem: str,
        timeout: tuple[float, float],
        answer_seconds: float,
        total_seconds: float = math.inf,
    ) -> None:
        self.host = host
        self.insecure = insecure
        self.is_loopback = is_loopback(host)
        self._ca_pem = ca_pem
        self._timeout = timeout
        self._answer_seconds = answer_seconds
        self._total_seconds = total_seconds
        self._deadline = math.inf  # set by the first request
        self._schemes = _schemes(loopback=self.is_loopback, insecure=insecure, has_ca=bool(ca_pem))
        self._session = Session()
        self._session.mount("http://", HttpAdapter())
        self._has_tls = False

    def close(self) -> None:
        self._session.close()

    @property
    def url(self) -> str:
        return self._url("")

    def get(self, path: str, *, accept: str = "*/*", limit: int, authorization: Authorization | None = None) -> Reply:
        """GET a path (with query) of the registry; `limit` is the greatest body in bytes."""
        if len(self._schemes) > 1:
            reply, scheme = self._first_answer(path, accept, limit, authorization)
            self._schemes = (scheme,)
            return reply
        return self.get_url(self._url(path), accept=accept, limit=limit, authorization=authorization)

    def get_url(
        self, url: str, *, accept: str = "*/*", limit: int, authorization: Authorization | None = None
    ) -> Reply:
        """GET an absolute URL. Authorization goes to the origin of `url` only, not along with a redirect elsewhere."""
        return self._get_whole(url, accept, partial(self._read, limit=limit), authorization)

    def get_body(
        self, path: str, *, take: Callable[[Body], None], body: Body, authorization: Authorization | None = None
    ) -> Reply:
        """GET a path whose answer is large: `take` reads of the `body` what it wants, and the rest is not fetched.

        Answers other than 200 are read as usual, and `take` is not called. To be asked when the scheme is known.
        """

        def read(response: requests.Response, url: str) -> Reply:
            if response.status_code != 200:
                return self._read(response, url, limit=ERROR_BODY_LIMIT)
            take(body.of(response.raw.read1))
            return Reply(200, response.headers, b"", _origin(url), urlsplit(url).netloc == self.host)

        return self._get_whole(self._url(path), "*/*", read, authorization)

    def _get_whole(self, url: str, accept: str, read: _Read, authorization: Authorization | None) -> Reply:
        try:
            return self._get_url(url, accept, read, authorization)
        except _FAILURES as error:
            raise from_exception(error, url.split("/")[2]) from None

    def _first_answer(
        self, path: str, accept: str, limit: int, authorization: Authorization | None
    ) -> tuple[Reply, str]:
        """Ask by one scheme, then by the other when the first was the wrong one for this port."""
        first, second = self._schemes
        url = self._url(path, first)
        try:
            reply = self._get_url(url, accept, partial(self._read, limit=limit), authorization)
            if first == "https" or not _is_tls_port(reply):
                return reply, first
            failure = RegistryError("registry_bad_answer", f"{self.host}: HTTP {reply.status} to plain HTTP")
        except _FAILURES as error:
            failure = from_exception(error, self.host)
            if not _is_wrong_scheme(error, failure, first):
                raise failure from None
        try:
            reply = self.get_url(self._url(path, second), accept=accept, limit=limit, authorization=authorization)
        except RegistryError as error:
            raise (failure if error.code == "registry_plain_http" else error) from None
        if second == "http" and _is_tls_port(reply) and failure.code != "registry_plain_http":
            raise failure
        return reply, second

    def _url(self, path: str, scheme: str = "") -> str:
        return f"{scheme or self._schemes[0]}://{self.host}{path}"

    def _get_url(self, url: str, accept: str, read: _Read, authorization: Authorization | None) -> Reply:
        start = _origin(url)
        for _ in range(MAX_REDIRECTS + 1):
            self._prepare_tls(url)
            timeout = self._timeout_now()
            response = self._session.get(
                url,
                headers={"Accept": accept},
                auth=authorization if _origin(url) == start else None,
                stream=True,
                allow_redirects=False,
                timeout=timeout,
            )
            with response:
                if not response.is_redirect:
                    return read(response, url)
                url = self._redirect_target(url, response.headers["Location"])
        raise RegistryError("registry_bad_answer", f"{urlsplit(start).netloc}: more than {MAX_REDIRECTS} redirects")

    def _redirect_target(self, url: str, location: str) -> str:
        try:
            target = urljoin(url, location)
            parts = urlsplit(target)
        except ValueError:
            raise RegistryError("registry_bad_answer", "redirect to an invalid address") from None
        downgrade = urlsplit(url).scheme == "https" and parts.scheme == "http" and not self.insecure
        if parts.scheme not in ("http", "https") or not parts.hostname or downgrade:
            where = f"{parts.scheme}://{parts.hostname or ''}"
            raise RegistryError("registry_bad_answer", f"refused to follow a redirect to {where}")
        return target

    def _read(self, response: requests.Response, url: str, *, limit: int) -> Reply:
        limit = limit if response.ok else ERROR_BODY_LIMIT
        body, complete = _read_body(response, limit, min(self._answer_seconds, self._seconds_left()))
        if response.ok and not complete:
            raise RegistryError("registry_bad_answer", f"{urlsplit(url).netloc}: the answer exceeds {limit} bytes")
        from_registry = urlsplit(url).netloc == self.host
        return Reply(response.status_code, response.headers, body, _origin(url), from_registry)

    def _seconds_left(self) -> float:
        """For all requests together, from the first one on."""
        now = time.monotonic()
        if self._deadline == math.inf:
            self._deadline = now + self._total_seconds
        if now >= self._deadline:
            raise requests.ReadTimeout(f"the answers took longer than {self._total_seconds:g} s together")
        return self._deadline - now

    def _timeout_now(self) -> Any:
        """For one request. `total` ends with the beginning of the answer: `_read` has its own limit."""
        left = self._seconds_left()
        connect, read = self._timeout
        return urllib3.Timeout(connect=connect, read=read, total=None if left == math.inf else left)

    def _prepare_tls(self, url: str) -> None:
        """Build the TLS context with the first HTTPS request: loading the CAs takes 40 ms."""
        if url.startswith("https:") and not self._has_tls:
            self._session.verify = not self.insecure
            self._session.mount("https://", HttpAdapter(tls_context(self._ca_pem, verify=not self.insecure)))
            self._has_tls = True


def is_loopback(host: str) -> bool:
    """Whether `host[:port]` is this machine: localhost, 127.0.0.0/8, ::1."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _schemes(*, loopback: bool, insecure: bool, has_ca: bool) -> Sequence[str]:
    if loopback and not has_ca:
        return ("http", "https")
    return ("https", "http") if insecure else ("https",)


def _read_body(response: requests.Response, limit: int, seconds: float) -> tuple[bytes, bool]:
    """At most `limit` bytes of the body, and whether that was all of it."""
    deadline = time.monotonic() + seconds
    parts: list[bytes] = []
    size = 0
    while size <= limit:
        chunk = response.raw.read1(_CHUNK)
        if not chunk:
            return b"".join(parts), True
        parts.append(chunk)
        size += len(chunk)
        if time.monotonic() > deadline:
            raise requests.ReadTimeout(f"the answer took longer than {seconds:g} s")
    return b"".join(parts)[:limit], False


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _is_tls_port(reply: Reply) -> bool:
    """Whether this is how a TLS port answers plain HTTP: 400, and not in a registry's words."""
    return reply.status == 400 and b'"errors"' not in reply.body


def _is_wrong_scheme(error: Exception, failure: RegistryError, scheme: str) -> bool:
    """Whether the other scheme may do better; not after a failure that it would only repeat, as a refusal."""
    if failure.code in ("registry_reset", "registry_plain_http", "registry_tls_failed"):
        return True
    # A port that swallows the TLS hello: the handshake times out, the connection itself was there.
    return scheme == "https" and isinstance(error, requests.ReadTimeout)
