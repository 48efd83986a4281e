"""Engines that answer whatever a handler of Python's HTTP server does, for as long as a test takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from nodes.engine import EngineEndpoint


class QuietHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def http_engines() -> Iterator[Callable[[type[BaseHTTPRequestHandler]], EngineEndpoint]]:
    """`start(handler)`: one more."""
    servers: list[ThreadingHTTPServer] = []

    def start(handler: type[BaseHTTPRequestHandler]) -> EngineEndpoint:
        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), handler))
        Thread(target=servers[-1].serve_forever, args=(0.01,), daemon=True).start()
        return EngineEndpoint(f"tcp://127.0.0.1:{servers[-1].server_port}")

    try:
        yield start
    finally:
        for server in servers:
            with server:
                server.shutdown()
