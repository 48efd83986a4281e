"""What BuildKit asks back during a build: a client of gRPC's against the session."""

from __future__ import annotations

from typing import Any

import h2.config
import h2.connection
import h2.events
import h2.settings
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.engine import EngineError, RegistryAuth
from nodes.engine.buildkit.session import CREDENTIALS, HEALTH, LONGEST_REQUEST, METHODS, SECRET, Session
from nodes.engine.buildkit.wire import field, fields

ME, HUB = RegistryAuth("me", "p1"), RegistryAuth("hub", "p2")
BIG = bytes(range(256)) * 2000


class Client:
    """The engine's side."""

    def __init__(self, session: Session, *, window: int | None = None) -> None:
        self._session = session
        self.connection = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self.connection.initiate_connection()
        if window:
            self.connection.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: window})
        self.events: list[h2.events.Event] = []
        self._take(session.opening)
        self._streams = iter(range(1, 1000, 2))

    def call(self, path: str, message: bytes) -> tuple[str, bytes]:
        """Status of gRPC, and the message of the answer."""
        stream = self.begin(path, b"\0" + len(message).to_bytes(4, "big") + message)
        headers = self.headers_of(stream)
        return headers.get("grpc-status", "reset"), self.data_of(stream)[5:]

    def begin(self, path: str, body: bytes, *, end: bool = True) -> int:
        stream = next(self._streams)
        headers = {":method": "POST", ":scheme": "http", ":authority": "localhost", ":path": path}
        self.connection.send_headers(stream, list({**headers, "content-type": "application/grpc"}.items()))
        size = self.connection.max_outbound_frame_size
        for start in range(0, len(body), size):
            self.connection.send_data(stream, body[start : start + size])
        if end:
            self.connection.end_stream(stream)
        self.exchange()
        return stream

    def exchange(self) -> None:
        while sent := self.connection.data_to_send():
            self._take(self._session.feed(sent))

    def headers_of(self, stream: int) -> dict[str, str]:
        found: dict[str, str] = {}
        for event in self.events:
            if getattr(event, "stream_id", 0) == stream and hasattr(event, "headers"):
                found |= {str(name): str(value) for name, value in event.headers}
        return found

    def data_of(self, stream: int) -> bytes:
        received = [event for event in self.events if isinstance(event, h2.events.DataReceived)]
        return b"".join(event.data for event in received if event.stream_id == stream)

    def _take(self, data: bytes) -> None:
        for event in self.connection.receive_data(data):
            self.events.append(event)
            if isinstance(event, h2.events.DataReceived):
                self.connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)


def session(**more: Any) -> Session:
    return Session(**{"auths": {"h:5000": ME, "docker.io": HUB}, "secrets": {"token": b"sesame", "big": BIG}, **more})


def told(message: bytes) -> dict[int, bytes | int]:
    return dict(fields(message))


def test_it_lives() -> None:
    assert Client(session()).call(HEALTH, b"") == ("0", field(1, 1))


@pytest.mark.parametrize(
    ("host", "answer"),
    [
        ("h:5000", {1: b"me", 2: b"p1"}),
        ("docker.io", {1: b"hub", 2: b"p2"}),
        ("registry-1.docker.io", {1: b"hub", 2: b"p2"}),
        ("https://index.docker.io/v1/", {1: b"hub", 2: b"p2"}),
        ("other:5000", {}),
        ("h", {}),
        ("", {}),
    ],
)
def test_credentials(host: str, answer: dict[int, bytes]) -> None:
    status, message = Client(session()).call(CREDENTIALS, field(1, host))
    assert (status, told(message)) == ("0", answer)


def test_secrets() -> None:
    client = Client(session())
    assert client.call(SECRET, field(1, "token") + field(2, b"more")) == ("0", field(1, b"sesame"))
    assert client.call(SECRET, field(1, "other"))[0] == "5"
    assert client.call(SECRET, b"")[0] == "5"


@pytest.mark.parametrize("window", [None, 1000])
def test_a_big_secret_waits_for_room(window: int | None) -> None:
    assert Client(session(), window=window).call(SECRET, field(1, "big")) == ("0", field(1, BIG))


def test_nothing_else_is_answered() -> None:
    client = Client(session())
    for path in ("/moby.filesync.v1.FileSync/DiffCopy", "/moby.filesync.v1.Auth/FetchToken", "", "/"):
        assert client.call(path or "/x", b"") == ("12", b"")
    assert client.call(CREDENTIALS, b"\x0b")[0] == "3"
    assert client.call(HEALTH, b"")[0] == "0", "and it goes on"


def test_a_request_that_does_not_end() -> None:
    client = Client(session())
    stream = client.begin(SECRET, bytes(LONGEST_REQUEST // 2), end=False)
    client.connection.send_data(stream, bytes(10_000))
    client.connection.send_data(stream, bytes(10_000))
    client.connection.send_data(stream, bytes(14_000))
    client.exchange()
    assert any(isinstance(event, h2.events.StreamReset) for event in client.events)
    assert client.call(HEALTH, b"")[0] == "0"


def test_a_call_that_is_given_up() -> None:
    client = Client(session())
    stream = client.begin(SECRET, b"", end=False)
    client.connection.reset_stream(stream)
    client.exchange()
    assert client.call(HEALTH, b"")[0] == "0"


@pytest.mark.parametrize("size", [5, LONGEST_REQUEST - 40_000])
def test_a_call_that_is_given_up_before_it_is_seen(size: int) -> None:
    client = Client(session())
    stream = client.begin(SECRET, bytes(40_000), end=False)
    client.connection.send_data(stream, bytes(min(size, 16_000)), end_stream=size == 5)
    for _ in range(2 if size > 5 else 0):
        client.connection.send_data(stream, bytes(6_000))
    client.connection.reset_stream(stream)
    client.exchange()
    assert client.call(HEALTH, b"")[0] == "0"


def test_several_at_once() -> None:
    client = Client(session())
    first = client.begin(SECRET, b"\0\0\0\0\0", end=False)
    assert client.call(CREDENTIALS, field(1, "h:5000"))[0] == "0"
    client.connection.end_stream(first)
    client.exchange()
    assert client.headers_of(first)["grpc-status"] == "5"


def test_the_methods_that_are_announced() -> None:
    client = Client(session())
    assert all(client.call(method, field(1, "token"))[0] == "0" for method in METHODS)


@given(st.lists(st.binary(max_size=100), max_size=5), st.booleans())
def test_what_is_no_http2_is_an_engine_error_at_most(chunks: list[bytes], begun: bool) -> None:
    one = session()
    client = Client(one) if begun else None
    try:
        if client is not None:
            client.exchange()
        for chunk in chunks:
            one.feed(chunk)
    except EngineError as error:
        assert error.code == "engine_not_docker"
