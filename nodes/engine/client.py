"""One SDK client for one `EngineEndpoint`, made of the endpoint and of nothing else on this machine."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any
from urllib.parse import urlencode

import docker.errors
import requests
from docker.api.client import APIClient
from docker.auth import AuthConfig
from docker.utils import version_lt
from docker.utils.proxy import ProxyConfig
from urllib3.connection import HTTPConnection

from .addresses import EngineAddressError, ParsedAddress, parse_address
from .deadline import Deadline
from .errors import EngineError
from .evidence import clean
from .ssh import SshAdapter
from .tls import tls_context
from .translate import translated
from .transport import TcpAdapter, UnixAdapter, read_whole
from .types import EngineEndpoint, RegistryAuth

# Device requests, which containers with GPUs need, came with 1.40 (Docker 19.03). Nothing newer than 1.51 (28.5) has
# been tried; an engine that still speaks 1.51 is asked to.
OLDEST_API = "1.40"
NEWEST_API = "1.51"
USER_AGENT = "imagelib"  # engines pass it on to registries
ALERT_WITHIN = 1.0  # seconds
PATIENCE = 6  # times the usual, see `patient`
_VERSION = re.compile(r"[0-9]{1,3}\.[0-9]{1,3}")


class EngineClient(APIClient):
    """The SDK's low-level client without its constructor.

    That one reads the Docker configuration of the account it runs under (credentials, proxies, HTTP headers) and lets
    REQUESTS_CA_BUNDLE and proxy variables override what it was told (docker-engine.md fact 6). Here neither can reach
    an engine call. Raises `EngineError`; `about` is the engine's answer to the version request.

    `timeout`: seconds for each answer, to its last byte. `within`: seconds for all of them together, from now on.
    """

    def __init__(
        self, endpoint: EngineEndpoint, *, timeout: float, known_hosts: str | None, within: float | None = None
    ) -> None:
        requests.Session.__init__(self)
        self.trust_env = False
        self.timeout = timeout if within is None else min(timeout, within)
        self._until = None if within is None else monotonic() + within
        self.headers["User-Agent"] = USER_AGENT
        self.credstore_env = None
        self._general_configs: dict[str, Any] = {}
        self._auth_configs = AuthConfig({})
        self._proxy_configs = ProxyConfig()
        self._is_tls = False
        try:
            with translated(connecting=True, secrets=(endpoint.ssh_password,)):
                self._mount(endpoint, known_hosts)
            self.about = self._ask_version()
            self._version = self._agree()
        except BaseException:
            self.close()
            raise

    def seconds_left(self) -> float:
        """What is left of `within`; infinite without one."""
        return float("inf") if self._until is None else self._until - monotonic()

    @contextmanager
    def granted(self, seconds: float) -> Iterator[None]:
        """At least so much time for the block, for tidying up; nothing of it is left for what comes afterwards."""
        until = self._until
        if until is not None:
            self._until = max(until, monotonic() + seconds)
        try:
            yield
        finally:
            self._until = until

    @contextmanager
    def limited(self, seconds: float) -> Iterator[None]:
        """At most so much time for all that the block asks, together."""
        until = self._until
        self._until = monotonic() + min(seconds, self.seconds_left())
        try:
            yield
        finally:
            self._until = until

    @contextmanager
    def patient(self) -> Iterator[None]:
        """For what moves files on the engine's disk, and is begun again in vain: each answer may take longer."""
        usual, self.timeout = self.timeout, self.timeout * PATIENCE
        try:
            yield
        finally:
            self.timeout = usual

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """One exchange, complete in time and limited in size. Pulls, which are neither, do not come this way."""
        seconds = self._seconds(options.get("timeout") or self.timeout)
        with Deadline(seconds):
            return read_whole(super().send(request, **options | {"stream": True, "timeout": seconds}))

    @contextmanager
    def reading(
        self,
        method: str,
        url: str,
        *,
        query: dict[str, Any] | None = None,
        body: Any = None,
        within: float | None = None,
    ) -> Iterator[requests.Response]:
        """One exchange whose answer the block reads itself, as far as it cares; complete in time."""
        seconds = self._seconds(within or self.timeout)
        request = self.prepare_request(requests.Request(method, url, params=query, json=body))
        with Deadline(seconds), super().send(request, stream=True, timeout=seconds) as response:
            if not response.ok:
                self._raise_for_status(read_whole(response))
            yield response

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Engines do not redirect; what does is a web server."""
        if resp.is_redirect:
            resp.close()
            raise requests.TooManyRedirects("it redirects to another address", response=resp)

    def new_connection(self) -> HTTPConnection:
        """A connection outside the pool, not yet open, for one stream that others must be able to break.

        Goes through the adapter's own steps for a request, so that TLS is exactly what it is for all other requests.
        """
        request = requests.Request("POST", f"{self.base_url}/").prepare()
        adapter = self.get_adapter(request.url)
        pool = adapter.get_connection_with_tls_context(request, self.verify, cert=self.cert)
        adapter.cert_verify(pool, request.url, self.verify, self.cert)
        connection: HTTPConnection = pool._new_conn()
        connection.timeout = self.timeout
        return connection

    def path(self, route: str, query: dict[str, str]) -> str:
        """The request target of a route, for use on a `new_connection`."""
        return f"/v{self._version}{route}" + (f"?{urlencode(query)}" if query else "")

    def _seconds(self, at_most: float) -> float:
        seconds = min(at_most, self.seconds_left())
        if seconds <= 0:
            raise TimeoutError("the time for this engine is up")
        return seconds

    def _mount(self, endpoint: EngineEndpoint, known_hosts: str | None) -> None:
        address = _parse(endpoint.address)
        if address.scheme == "tcp":
            self.base_url = f"http{'s' if endpoint.use_tls else ''}://{address.url_host}:{address.port}"
            self._is_tls = endpoint.use_tls
            self.mount(f"{self.base_url}/", TcpAdapter(tls_context(endpoint) if endpoint.use_tls else None))
            return
        if address.scheme == "unix":
            self.base_url = "http+docker://localhost"
            adapter = UnixAdapter(address.path, self.timeout)
        else:
            self.base_url = "http+docker://ssh"
            adapter = SshAdapter(address, endpoint, timeout=self.timeout, known_hosts=known_hosts)
        self._custom_adapter = adapter
        self.mount("http+docker://", adapter)

    def _ask_version(self) -> dict[str, Any]:
        try:
            with translated(connecting=True):
                answer = self._result(self._get(f"{self.base_url}/version"), json=True)
        except EngineError as error:
            if self._is_tls and error.code == "engine_gone":
                self._listen_for_alert()
            raise
        if not isinstance(answer, dict) or not _is_version(answer.get("ApiVersion")):
            raise EngineError("engine_not_docker", "the answer to /version names no API version")
        return answer

    def _listen_for_alert(self) -> None:
        """Find out whether it was our certificate that made the engine hang up.

        With TLS 1.3 it judges that while we already write the request; mostly the writing fails ("EOF", "broken pipe")
        and the alert goes unread. Who only listens hears it.
        """
        connection = self.new_connection()
        connection.timeout = min(self.timeout, ALERT_WITHIN)
        try:
            with translated(connecting=True):
                connection.connect()
                connection.sock.recv(1)
        except EngineError as alert:
            if alert.code == "engine_tls_client_certificate":
                raise
        finally:
            connection.close()

    def _agree(self) -> str:
        """The newest API version that both sides know."""
        newest, oldest = self.about["ApiVersion"], self.about.get("MinAPIVersion")
        if not _is_version(oldest):
            oldest = newest
        if version_lt(newest, OLDEST_API):
            raise EngineError("engine_api_too_old", f"the engine speaks API {newest}; {OLDEST_API} is needed")
        if version_lt(NEWEST_API, oldest):
            raise EngineError("engine_api_too_new", f"the engine wants API {oldest}; {NEWEST_API} is known here")
        return NEWEST_API if version_lt(NEWEST_API, newest) else str(newest)

    def _result(self, response: requests.Response, json: bool = False, binary: bool = False) -> Any:
        """Python's JSON also gives up at numbers of thousands of digits and at thousands of brackets."""
        try:
            return super()._result(response, json=json, binary=binary)
        except (ValueError, RecursionError) as error:
            raise EngineError("engine_not_docker", clean(str(error))) from error

    def _raise_for_status(self, response: requests.Response) -> None:
        """The SDK takes for granted that an error which is JSON has a `message`, and that it is a text."""
        try:
            super()._raise_for_status(response)
        except (KeyError, TypeError, AttributeError, RecursionError):
            kind = docker.errors.NotFound if response.status_code == 404 else docker.errors.APIError
            raise kind(f"HTTP {response.status_code}", response=response, explanation=response.text) from None


def auth_header(auth: RegistryAuth | None) -> dict[str, str]:
    """The header with the credentials for one request. Without any it says so: no header at all makes the SDK look
    into the account's own Docker configuration, and some engines complain about its absence."""
    login = {}
    if auth is not None:
        login = {"username": auth.username, "password": auth.password}
        if auth.server_address:
            login["serveraddress"] = auth.server_address
    return {"X-Registry-Auth": base64.urlsafe_b64encode(json.dumps(login).encode()).decode()}


def _is_version(value: object) -> bool:
    return isinstance(value, str) and _VERSION.fullmatch(value) is not None


def _parse(text: str) -> ParsedAddress:
    try:
        return parse_address(text)
    except EngineAddressError as error:
        raise EngineError("engine_bad_address", f"{error.code} (such as {error.params['example']})") from None
