"""How the registry client finds the scheme, what it trusts, and what it says of connections that fail."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine

from imagelib.registry import RegistryClient, RegistryError
from tests.integration.scripted_server import Answer, Handler, ScriptedServer, scripted_server
from tests.services.certs import Authority, Pair
from tests.support.limits import at_most

pytestmark = pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")

Start = Callable[..., ScriptedServer]
OK = Answer(200, {})
WITH_PASSWORD = {"username": "puller", "password": "pull-s3cret"}


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority("test registry CA")


@pytest.fixture
def start(authority: Authority, tmp_path: Path) -> Iterator[Start]:
    """Starts servers that answer /v2/: `start()` over HTTP, `start(pair)` over TLS with this certificate."""

    def start(pair: Pair | None = None, *, client_ca: str = "") -> ScriptedServer:
        server = stack.enter_context(scripted_server(server_context(tmp_path, pair, client_ca) if pair else None))
        server.script["/v2/"] = OK
        return server

    with ExitStack() as stack:
        yield start


def server_context(directory: Path, pair: Pair, client_ca: str) -> ssl.SSLContext:
    path = directory / "server.pem"
    path.write_text(pair.key + pair.cert)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    if client_ca:
        context.load_verify_locations(cadata=client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def elsewhere(server: ScriptedServer) -> str:
    """The server by a name that the system resolves to loopback, but that the client cannot know to be loopback."""
    return f"127.1:{server.server_port}"


def ping(host: str, **options: object) -> str:
    """ "" when it works, else the code."""
    with RegistryClient(host, **options) as client:  # type: ignore[arg-type]
        try:
            client.ping()
        except RegistryError as error:
            assert error.evidence
            return error.code
    return ""


def issue(authority: Authority, host: str = "127.0.0.1", *, days_ago: int = 0) -> Pair:
    with time_machine.travel(datetime.now(UTC) - timedelta(days=days_ago)):
        return authority.issue("registry", hosts=[host])


def test_a_certificate_of_the_given_authority_is_trusted(start: Start, authority: Authority) -> None:
    server = start(issue(authority))

    assert ping(server.address, ca_pem=authority.cert) == ""
    assert ping(server.address) == "registry_tls_unknown_ca"
    assert ping(elsewhere(server)) == "registry_tls_unknown_ca"
    assert ping(server.address, ca_pem=Authority("another CA").cert) == "registry_tls_unknown_ca"


def test_a_certificate_for_another_host(start: Start, authority: Authority) -> None:
    for host in ("other.test", "127.0.0.2"):
        server = start(issue(authority, host))
        assert ping(server.address, ca_pem=authority.cert) == "registry_tls_host_mismatch"
        assert ping(elsewhere(server), ca_pem=authority.cert) == "registry_tls_host_mismatch"


def test_a_certificate_out_of_its_time(start: Start, authority: Authority) -> None:
    assert ping(start(issue(authority, days_ago=30)).address, ca_pem=authority.cert) == "registry_tls_expired"
    assert ping(start(issue(authority, days_ago=-30)).address, ca_pem=authority.cert) == "registry_tls_expired"


def test_a_server_that_wants_a_client_certificate(start: Start, authority: Authority) -> None:
    server = start(issue(authority), client_ca=authority.cert)

    assert ping(server.address, ca_pem=authority.cert) == "registry_tls_failed"


@pytest.mark.parametrize(
    "text", ["no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "ü"]
)
def test_a_ca_certificate_that_is_none(start: Start, authority: Authority, text: str) -> None:
    assert ping(start(issue(authority)).address, ca_pem=text) == "registry_ca_invalid"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1"])
def test_insecure_means_any_certificate(start: Start, authority: Authority, host: str) -> None:
    for pair in (issue(authority, "other.test"), issue(authority, days_ago=30)):
        server = start(pair)
        assert ping(f"{host}:{server.server_port}", insecure=True) == ""


def test_the_environment_changes_nothing(
    start: Start, authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, str(tmp_path / "nothing.pem"))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    secure, plain = start(issue(authority)), start()

    assert ping(secure.address, ca_pem=authority.cert) == ""
    assert ping(secure.address, insecure=True) == ""
    assert ping(plain.address) == ""
    assert "authorization" not in plain.asked[0].headers


def test_plain_http_is_for_loopback_and_insecure_only(start: Start) -> None:
    server = start()

    assert ping(server.address) == ""
    assert ping(f"localhost:{server.server_port}") == ""
    assert ping(elsewhere(server), insecure=True) == ""
    server.asked.clear()
    assert ping(elsewhere(server)) == "registry_plain_http"
    assert not server.asked


@pytest.mark.parametrize("insecure", [False, True])
def test_the_right_scheme_is_found_at_once_and_kept(start: Start, authority: Authority, insecure: bool) -> None:
    host = elsewhere if insecure else (lambda server: server.address)
    for server in (start(), start(issue(authority))):
        options = {"insecure": insecure, "ca_pem": authority.cert if server.tls else "", "timeout": (90.0, 90.0)}
        with at_most(45), RegistryClient(host(server), **options) as client:
            client.ping()
            client.ping()
        assert server.paths() == ["/v2/", "/v2/"]


def test_a_loopback_tls_port_is_found_however_it_takes_plain_http(start: Start, authority: Authority) -> None:
    server = start(issue(authority))  # closes the connection at the first plain byte; docker-registry answers 400

    assert ping(server.address, insecure=True) == ""


def test_a_refusal_in_the_words_of_a_registry_is_no_reason_for_the_other_scheme(start: Start) -> None:
    server = start()
    server.script["/v2/"] = Answer(400, {"errors": [{"code": "UNSUPPORTED", "message": "no"}]})
    with RegistryClient(server.address) as client, pytest.raises(RegistryError) as caught:
        client.ping()

    assert caught.value.evidence == "HTTP 400: UNSUPPORTED: no"


def test_a_plain_400_is_reported_when_tls_is_not_spoken_either(start: Start) -> None:
    server = start()
    server.script["/v2/"] = Answer(400, "go away")

    assert ping(server.address) == "registry_bad_answer"
    assert ping(elsewhere(server), insecure=True) == "registry_bad_answer"


def test_a_tls_port_that_fails_is_not_taken_for_a_plain_one_that_refuses() -> None:
    with hello_sensitive(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\nThis is a TLS port", b"") as port:
        for host in (f"127.0.0.1:{port}", f"127.1:{port}"):
            assert ping(host, insecure=True) in ("registry_tls_failed", "registry_reset")


def test_a_port_that_swallows_the_tls_hello_costs_at_most_one_connect_timeout() -> None:
    plain = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
    heard: list[bytes] = []
    with hello_sensitive(plain, None, heard) as port:
        assert ping(f"127.0.0.1:{port}", timeout=(2.0, 60.0)) == ""
        assert HELLO not in heard, "loopback: plain HTTP comes first"

        with at_most(30), RegistryClient(f"127.1:{port}", insecure=True, timeout=(2.0, 60.0)) as client:
            client.ping()
            client.ping()
        assert heard.count(HELLO) == 1, "insecure: HTTPS comes first, once"

        assert ping(f"127.1:{port}", timeout=(2.0, 60.0)) == "registry_timeout"


def test_a_redirect_from_https_to_plain_http_is_refused(start: Start, authority: Authority) -> None:
    plain, server = start(), start(issue(authority))
    server.script["/v2/"] = Answer(307, "", {"Location": f"{plain.url}/v2/"})

    assert ping(server.address, ca_pem=authority.cert) == "registry_bad_answer"
    assert not plain.asked
    assert ping(elsewhere(server), insecure=True) == ""


def test_credentials_go_to_a_token_service_by_a_safe_way_only(start: Start, authority: Authority) -> None:
    registry, secure, plain = start(issue(authority)), start(issue(authority)), start()
    for service in (secure, plain):
        service.script["/token.*"] = Answer(200, {"token": "t"})
    options = {"ca_pem": authority.cert, **WITH_PASSWORD}

    registry.script["/v2/"] = needs_token(f"{secure.url}/token")
    assert ping(registry.address, **options) == ""
    registry.script["/v2/"] = needs_token(f"http://{elsewhere(plain)}/token")
    assert ping(registry.address, **options) == "registry_token_insecure"
    assert not plain.asked
    assert ping(registry.address, ca_pem=authority.cert) == ""  # nothing to protect
    assert ping(registry.address, insecure=True, **WITH_PASSWORD) == ""
    registry.script["/v2/"] = needs_token(f"{plain.url}/token")
    assert ping(registry.address, **options) == ""  # all within this machine

    sent = ["authorization" in asked.headers for asked in secure.asked + plain.asked]
    assert sent == [True, False, True, True]


def test_comments_in_a_ca_certificate_may_be_in_any_language(start: Start, authority: Authority) -> None:
    assert ping(start(issue(authority)).address, ca_pem=f"# 测试根证书\n{authority.cert}") == ""


def needs_token(realm: str) -> Callable[[Handler], Answer]:
    challenge = Answer(401, "", {"WWW-Authenticate": f'Bearer realm="{realm}"'})
    return lambda handler: OK if handler.headers.get("Authorization") == "Bearer t" else challenge


def test_nobody_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        assert ping(f"127.0.0.1:{port}") == "registry_refused"
        assert ping(f"127.1:{port}", insecure=True) == "registry_refused"


def test_a_full_queue_of_connections_is_a_timeout() -> None:
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(3):  # nobody accepts: from the second or third on, the system drops the request to connect
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        with at_most(30):
            assert ping(f"127.0.0.1:{listener.getsockname()[1]}", timeout=(0.3, 5.0)) == "registry_timeout"


@pytest.mark.parametrize("host", ["a..b", "x y", "[::1", "registry:port", ""])
def test_what_is_no_host_does_not_resolve(host: str) -> None:
    assert ping(host) == "registry_dns"


HELLO = b"\x16"  # a TLS handshake begins like this


@contextmanager
def hello_sensitive(plain: bytes, hello: bytes | None, heard: list[bytes] | None = None) -> Iterator[int]:
    """A port that answers plain HTTP with `plain` and a TLS hello with `hello`; None: it reads and says nothing.
    `heard`: is given the first byte that each client sends."""
    released = threading.Event()

    def serve(listener: socket.socket) -> None:
        while not released.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    def answer(connection: socket.socket) -> None:
        with connection:
            first = connection.recv(65536)[:1]
            if heard is not None:
                heard.append(first)
            reply = hello if first == HELLO else plain
            if reply is None:
                released.wait(120)
            else:
                connection.sendall(reply)

    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        yield listener.getsockname()[1]
        released.set()
        listener.shutdown(socket.SHUT_RDWR)
