"""A web server that answers by script, over real HTTP: for what no real registry can be made to say."""

from __future__ import annotations

import json
import re
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.serving import serving


@dataclass(frozen=True)
class Asked:
    path: str
    headers: dict[str, str]  # lower-case names


@dataclass(frozen=True)
class Answer:
    """`body` may be bytes, text, or anything that becomes JSON. `declared` overrides the Content-Length."""

    status: int = 200
    body: Any = b""
    headers: dict[str, str] = field(default_factory=dict)
    declared: int | None = None

    @property
    def payload(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


Reaction = Answer | Callable[["Handler"], Answer | None]


class Handler(BaseHTTPRequestHandler):
    """Looks the path up in the script. A function as reaction gets this handler and may write by itself."""

    protocol_version = "HTTP/1.1"
    server: ScriptedServer

    def do_GET(self) -> None:
        asked = Asked(self.path, {name.lower(): value for name, value in self.headers.items()})
        self.server.asked.append(asked)
        reaction = next((do for pattern, do in self.server.script.items() if re.fullmatch(pattern, self.path)), None)
        answer = reaction(self) if callable(reaction) else reaction or Answer(404, "404 page not found\n")
        if answer is not None:
            self.send(answer)

    def send(self, answer: Answer) -> None:
        payload = answer.payload
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(payload) if answer.declared is None else answer.declared))
        self.end_headers()
        self.wfile.write(payload)
        if answer.declared is not None:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Silent: `asked` is the log."""


class ScriptedServer(ThreadingHTTPServer):
    """`script` maps regular expressions for the path (with query) to reactions; the first that fits is taken."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.tls = tls
        self.script: dict[str, Reaction] = {}
        self.asked: list[Asked] = []
        self.released = threading.Event()  # reactions that hang wait for this

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.address}"

    def paths(self) -> list[str]:
        return [asked.path for asked in self.asked]

    def get_request(self) -> tuple[Any, Any]:
        connection, address = super().get_request()
        if self.tls:
            # The handshake belongs into the connection's own thread: it happens with the first read.
            connection = self.tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Broken connections and failed handshakes are what these tests are about."""


@contextmanager
def scripted_server(tls: ssl.SSLContext | None = None) -> Iterator[ScriptedServer]:
    with serving(ScriptedServer(tls)) as server:
        try:
            yield server
        finally:
            server.released.set()
