"""Asking probes: of programs that answer, that answer wrongly, that hang up, and that say nothing."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from functools import partial
from typing import Any

import h2.config
import h2.connection
import h2.events
import pytest

from instances.grpc_health import HealthCheck, judged, request_of
from instances.probe_calls import Result, ask
from nodes.engine import ContainerSpec, EngineEndpoint, EngineError, EngineRejected
from tests.api import make
from tests.services.ports import LOOPBACK
from tests.support.fake_engine import FakeEngine, FakeFleet
from tests.support.fake_programs import ERR, OUT, Program
from tests.support.one_instance import LABEL
from tests.support.one_pull import IMAGE, REFERENCE

Talk = Callable[[socket.socket], None]


class Server:
    """Lets `talk` speak with everybody who connects."""

    def __init__(self, talk: Talk) -> None:
        self._socket = socket.create_server((LOOPBACK, 0))
        self.port = int(self._socket.getsockname()[1])
        self.heard: list[bytes] = []
        self._talk = talk
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _address = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection: socket.socket) -> None:
        with closing(connection):
            self._talk(connection)


def saying(text: bytes) -> Talk:
    def talk(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(text)

    return talk


def silent(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass


def hanging_up(_connection: socket.socket) -> None:
    """It closes."""


@pytest.fixture
def served(request: Any) -> Iterator[Callable[[Talk], int]]:
    servers: list[Server] = []

    def serve(talk: Talk) -> int:
        servers.append(Server(talk))
        return servers[-1].port

    yield serve
    for server in servers:
        server.close()


def nothing_listens() -> int:
    with socket.create_server((LOOPBACK, 0)) as server:
        return int(server.getsockname()[1])


def asked(via: str, port: int = 0, *, timeout: float = 20, engine: Any = nullcontext, **more: Any) -> Result:
    probe = {"via": via, "host_port": port, "timeout": timeout, **more}
    return ask(probe, engine=engine, container="", host=LOOPBACK)


def silent_node(code: str) -> Result:
    return Result(None, "node_lost", {"cause": {"kind": "engine", "code": code, "params": {}}})


def http(port: int, **more: Any) -> Result:
    return asked("http", port, **{"path": "/healthz", "scheme": "HTTP", "headers": [], **more})


# --- TCP and HTTP -----------------------------------------------------------------------------------------------------


def test_tcp(served) -> None:
    assert asked("tcp", served(silent)) == Result(True, "connected")
    assert asked("tcp", served(lambda one: one.sendall(b"220 hello\r\n"))) == Result(True, "connected")
    assert asked("tcp", served(hanging_up)) == Result(False, "hung_up")
    assert asked("tcp", nothing_listens()) == Result(False, "connection_refused")


@pytest.mark.parametrize(
    ("status", "ok"), [(200, True), (204, True), (302, True), (399, True), (400, False), (404, False), (503, False)]
)
def test_http_status(served, status: int, ok: bool) -> None:
    assert http(served(saying(f"HTTP/1.1 {status} X\r\n\r\n".encode()))) == Result(
        ok, "http_status", {"status": str(status)}
    )


def test_http_says_what_it_was_told_to_say() -> None:
    heard: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        heard.append(connection.recv(65536))
        connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n")

    with closing(Server(talk)) as server:
        assert http(server.port, headers=[["Host", "app.example.com"], ["X-Probe", "1"]]).ok
    head = heard[0].decode().split("\r\n")
    assert head[0] == "GET /healthz HTTP/1.1" and {"Host: app.example.com", "X-Probe: 1"} <= set(head)


@pytest.mark.parametrize(
    "answer", [b"", b"\r\n", b"220 smtp ready\r\n", b"HTTP/1.1\r\n", b"HTTP/1.1 ok\r\n", b"\xff" * 9000]
)
def test_what_is_no_http_answer(served, answer: bytes) -> None:
    assert http(served(saying(answer))).ok is False


def test_who_says_nothing_is_not_waited_for(served) -> None:
    assert http(served(silent), timeout=0.05) == Result(False, "no_answer", {"seconds": 0.05})
    assert asked("grpc", served(silent), timeout=0.05, service="") == Result(False, "no_answer", {"seconds": 0.05})


def test_https_is_not_verified_but_has_to_be_https(served) -> None:
    assert http(served(saying(b"HTTP/1.1 200 OK\r\n\r\n")), scheme="HTTPS").ok is False


# --- gRPC -------------------------------------------------------------------------------------------------------------


def grpc_server(status: str, message: bytes, *, heard: list[Any] | None = None, in_trailers: bool = True) -> Talk:
    def talk(connection: socket.socket) -> None:
        http2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        http2.initiate_connection()
        connection.sendall(http2.data_to_send())
        while data := connection.recv(65536):
            for event in http2.receive_data(data):
                if isinstance(event, (h2.events.RequestReceived, h2.events.DataReceived)) and heard is not None:
                    heard.append(event.headers if isinstance(event, h2.events.RequestReceived) else event.data)
                if isinstance(event, h2.events.StreamEnded):
                    _answer(http2, status, message, in_trailers)
            connection.sendall(http2.data_to_send())

    return talk


def _answer(http2: Any, status: str, message: bytes, in_trailers: bool) -> None:
    first = [(":status", "200"), ("content-type", "application/grpc")]
    if not in_trailers:
        http2.send_headers(1, [*first, ("grpc-status", status)], end_stream=True)
        return
    http2.send_headers(1, first)
    http2.send_data(1, b"\0" + len(message).to_bytes(4, "big") + message)
    http2.send_headers(1, [("grpc-status", status)], end_stream=True)


def test_grpc(served) -> None:
    heard: list[Any] = []
    assert asked("grpc", served(grpc_server("0", b"\x08\x01", heard=heard)), service="psi") == Result(
        True, "grpc_state", {"state": "SERVING"}
    )
    headers, body = dict(heard[0]), heard[1]
    assert (headers[":path"], headers["te"]) == ("/grpc.health.v1.Health/Check", "trailers")
    assert body == b"\0\0\0\0\x05\x0a\x03psi"
    assert asked("grpc", served(grpc_server("0", b"\x08\x02")), service="") == Result(
        False, "grpc_state", {"state": "NOT_SERVING"}
    )
    unknown = served(grpc_server("5", b"", in_trailers=False))
    assert asked("grpc", unknown, service="x") == Result(False, "grpc_status", {"status": "5"})
    assert asked("grpc", served(saying(b"HTTP/1.1 200 OK\r\n\r\n")), service="").ok is False
    assert asked("grpc", served(hanging_up), service="").ok is False


def test_the_messages_of_the_health_check() -> None:
    assert request_of("") == b"\0\0\0\0\0"
    long = request_of("x" * 200)
    assert long[:8] == b"\0\0\0\0\xcb\x0a\xc8\x01" and len(long) == 5 + 203
    assert judged("0", b"\0\0\0\0\x02\x08\x01") == (True, "grpc_state", {"state": "SERVING"})
    assert judged("0", b"\0\0\0\0\0") == (False, "grpc_state", {"state": "UNKNOWN"})
    assert judged("0", b"\0\0\0\0\x02\x08\x09") == (False, "grpc_state", {"state": "9"})
    assert judged("", b"") == (False, "no_grpc_status", {})
    check = HealthCheck(service="", authority="a")
    assert check.feed(b"") == b"" and check.outcome == (False, "connection_closed", {})
    check = HealthCheck(service="", authority="a")
    check.feed(b"\0\0\1\0\0\0\0\0\0x")  # data that belongs to no stream
    assert check.outcome == (False, "no_grpc", {})


def test_a_call_that_is_refused(served) -> None:
    def talk(connection: socket.socket) -> None:
        http2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        http2.initiate_connection()
        http2.receive_data(connection.recv(65536))
        http2.reset_stream(1)
        connection.sendall(http2.data_to_send())
        silent(connection)

    assert asked("grpc", served(talk), service="") == Result(False, "grpc_refused")


# --- in the container -------------------------------------------------------------------------------------------------


def test_exec(engine: FakeEngine) -> None:
    fleet = FakeFleet({make.DEAD_ENGINE: engine})
    engine.add_image(IMAGE)
    engine.containers.exec_programs |= {
        ("good",): Program.saying("fine\n"),
        ("bad",): Program(((ERR, "no\n  way\n"),), exit_code=1),
        ("slow",): Program(runs=True),
    }

    def run(*command: str) -> Result:
        connect = lambda: fleet.connect(EngineEndpoint(make.DEAD_ENGINE))  # noqa: E731
        return ask({"via": "exec", "command": command, "timeout": 1}, engine=connect, container="probed", host="")

    with fleet.connect(EngineEndpoint(make.DEAD_ENGINE)) as connected:
        connected.start_container(connected.create_container(ContainerSpec("probed", REFERENCE, labels={LABEL: "x"})))
    assert run("good") == Result(True, "exited", {"status": 0, "said": "fine"})
    assert run("bad") == Result(False, "exited", {"status": 1, "said": "no way"})
    assert run("absent").ok is False
    assert run("slow") == Result(False, "no_answer", {"seconds": 1})
    engine.containers.refuse("exec", EngineRejected(409, "the container is paused"))
    assert run("good") == Result(False, "engine_refused", {"evidence": "the container is paused"})


@pytest.mark.parametrize(
    ("output", "secrets", "said"),
    [
        ("no login as me:hunter2hunter2 here", ["hunter2hunter2"], "no login as me:****** here"),
        ("BEGIN\nAAAA  BBBB\nCCCCCC\nEND", ["AAAA  BBBB\nCCCCCC\n"], "BEGIN ****** END"),
        ("only the line CCCCCC", ["AAAA  BBBB\nCCCCCC\n"], "only the line ******"),
        ("x" * 150 + " hunter2hunter2" * 9, ["hunter2hunter2"], "x" * 150 + " ******" * 2 + " ***"),
        ("x" * 190 + " " * 30 + "hunter2hunter2", ["hunter2hunter2"], "x" * 190),  # cut within the secret
        ("x" * 300, [], "x" * 200),
        ("anything at all", None, "******"),
        ("\n", None, ""),
    ],
)
def test_secrets_are_left_out_of_what_programs_say(
    engine: FakeEngine, output: str, secrets: list[str] | None, said: str
) -> None:
    fleet = FakeFleet({make.DEAD_ENGINE: engine})
    engine.add_image(IMAGE)
    connect = partial(fleet.connect, EngineEndpoint(make.DEAD_ENGINE))
    with connect() as connected:
        connected.start_container(connected.create_container(ContainerSpec("probed", REFERENCE, labels={LABEL: "x"})))
    probe = {"via": "exec", "command": ["any"], "timeout": 1}
    for stream in (OUT, ERR):
        engine.containers.exec_programs[("any",)] = Program(((stream, output),))
        found = ask(probe, engine=connect, container="probed", host="", secrets=secrets)
        assert found.params["said"] == said
    engine.containers.refuse("exec", EngineRejected(409, output))
    found = ask(probe, engine=connect, container="probed", host="", secrets=secrets)
    assert not any(secret in found.params["evidence"] for secret in secrets or ["anything"])


def test_exec_on_a_node_that_is_out_of_reach_says_nothing(engine: FakeEngine) -> None:
    fleet = FakeFleet({make.DEAD_ENGINE: engine})
    probe = {"via": "exec", "command": ["any"], "timeout": 1}

    def run(address: str = make.DEAD_ENGINE) -> Result:
        return ask(probe, engine=lambda: fleet.connect(EngineEndpoint(address)), container="probed", host="")

    engine.containers.refuse("exec", EngineError("engine_gone", "reset"))
    assert run() == silent_node("engine_gone")
    engine.containers.refuse("exec", EngineError("engine_timeout", "silent"))
    engine.containers.refuse("inspect", EngineError("engine_timeout", "silent"))
    assert run() == silent_node("engine_timeout"), "not the program is slow: the engine answers nothing else either"


def test_a_port_on_a_node_that_is_out_of_reach_says_nothing(served) -> None:
    def lost() -> Any:
        raise EngineError("engine_unreachable", "no route")

    assert asked("tcp", nothing_listens(), engine=lost) == silent_node("engine_unreachable")
    assert http(served(silent), timeout=0.05, engine=lost) == silent_node("engine_unreachable")
    assert http(served(saying(b"HTTP/1.1 503 X\r\n\r\n")), engine=lost).ok is False, "it was reached"
