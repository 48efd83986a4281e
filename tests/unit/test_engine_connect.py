"""Connecting, with small servers that stand in for everything that may sit behind an address but a good engine."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from socket import create_server, socket

import pytest

from nodes.engine import EngineEndpoint, EngineError, connect
from tests.support.http_engines import QuietHandler, http_engines

GOOD_VERSION = b'{"ApiVersion":"1.41","MinAPIVersion":"1.12","Version":"20.10.24","Arch":"amd64","Os":"linux"}'


def answer(body: bytes, status: str = "200 OK", extra: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{extra}\r\n"
    return head.encode() + body


@pytest.fixture
def serve() -> Iterator[Callable[[bytes | None], str]]:
    """`serve(reply)` starts a server that says `reply` to every client and hangs up; None: it never says anything."""
    servers: list[socket] = []
    clients: list[socket] = []

    def start(reply: bytes | None) -> str:
        server = create_server(("127.0.0.1", 0))
        servers.append(server)
        threading.Thread(target=accept, args=(server, reply), daemon=True).start()
        return f"tcp://127.0.0.1:{server.getsockname()[1]}"

    def accept(server: socket, reply: bytes | None) -> None:
        while True:
            try:
                client = server.accept()[0]
            except OSError:
                return
            clients.append(client)
            if reply is not None:
                with client:
                    client.recv(65536)
                    client.sendall(reply)

    yield start
    for opened in servers + clients:
        opened.close()


def failure(address: str, *, reply: bytes | None = b"", **options: bool) -> EngineError:
    """Those who never say anything (`reply` is None) are waited for shortly, all others as long as they need."""
    timeout = 0.5 if reply is None else 60
    with pytest.raises(EngineError) as error, connect(EngineEndpoint(address, **options), timeout=timeout):
        pass
    return error.value


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (None, "engine_timeout"),
        (b"", "engine_gone"),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", "engine_not_docker"),
        (b"\x15\x03\x01\x00\x02\x02\x46", "engine_tls_expected"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", "engine_gone"),
        (answer(b"<html>"), "engine_not_docker"),
        (answer(b"[1]"), "engine_not_docker"),
        (answer(b"{}"), "engine_not_docker"),
        (answer(b'{"ApiVersion":"new"}'), "engine_not_docker"),
        (answer(b"404 page not found", "404 Not Found"), "engine_not_docker"),
        (answer(b"", "302 Found", "Location: http://127.0.0.1:1/\r\n"), "engine_not_docker"),
        (answer(b"busy", "503 Service Unavailable"), "engine_server_error"),
        (answer(b'{"ApiVersion":"1.39"}'), "engine_api_too_old"),
        (answer(b'{"ApiVersion":"1.99","MinAPIVersion":"1.60"}'), "engine_api_too_new"),
    ],
)
def test_what_is_no_engine(serve: Callable[[bytes | None], str], reply: bytes | None, code: str) -> None:
    assert failure(serve(reply), reply=reply).code == code


@pytest.mark.parametrize(
    ("reply", "code"), [(None, "engine_timeout"), (b"", "engine_gone"), (b"hello", "engine_tls_unexpected")]
)
def test_what_is_no_tls_engine(serve: Callable[[bytes | None], str], reply: bytes | None, code: str) -> None:
    assert failure(serve(reply), reply=reply, use_tls=True).code == code


@pytest.mark.parametrize("reply", [None, b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_what_is_no_ssh_server(serve: Callable[[bytes | None], str], reply: bytes | None) -> None:
    error = failure(serve(reply).replace("tcp://", "ssh://root@"), reply=reply)
    assert error.code == ("engine_timeout" if reply is None else "engine_ssh_failed")
    assert reply is not None or "no ssh connection within 0." in error.evidence


@pytest.mark.parametrize(("theirs", "used"), [("1.41", "1.41"), ("1.51", "1.51"), ("1.99", "1.51")])
def test_the_newest_version_that_both_know(theirs: str, used: str) -> None:
    """An engine that still speaks our newest version is asked to, whatever else it can."""
    seen: list[str] = []

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            seen.append(self.path)
            body = GOOD_VERSION.replace(b"1.41", theirs.encode())
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with http_engines() as start, connect(start(Handler)) as engine, pytest.raises(EngineError, match="not_docker"):
        engine.inspect_image("x:1")  # answered with the version, like everything
    assert seen == ["/version", f"/v{used}/images/x:1/json"]


@pytest.mark.parametrize("address", ["", "http://10.0.0.7:2375", "tcp://10.0.0.7", "unix://relative", "ssh://a:b@c"])
def test_bad_addresses(address: str) -> None:
    error = failure(address)
    assert (error.code, error.transient) == ("engine_bad_address", False)
    assert error.evidence.startswith("address_")


def test_importing_the_gateway_does_not_import_the_sdk() -> None:
    """Web processes that never talk to an engine must not pay for it in time and memory."""
    program = "import sys, nodes.engine; print({'docker', 'requests', 'urllib3', 'paramiko'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
