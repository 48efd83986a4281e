"""The smallest thing that the gateway takes for an engine: it answers what `answers` says, by unix socket or tcp."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

VERSION = {"ApiVersion": "1.41", "Version": "20.10.24", "Os": "linux", "Arch": "amd64"}
Reply = Callable[[], tuple[int, Any]]


class TinyEngine:
    """`answers` maps "METHOD /path" (without the version, cut at what is longer) to a function that
    answers, JSON or bytes as they are."""

    def __init__(self, address: str, data_root: Path) -> None:
        self.address = address
        self.asked: list[str] = []
        self.info = {
            "Name": os.uname().nodename, "ServerVersion": "20.10.24", "NCPU": 48, "MemTotal": 64 * 1024**3,
            "Driver": "overlay2", "OSType": "linux", "DockerRootDir": str(data_root),
        }  # fmt: skip
        self.answers: dict[str, Reply] = {
            "GET /version": lambda: (200, VERSION),
            "GET /info": lambda: (200, self.info),
        }

    def reply(self, line: str) -> tuple[int, Any]:
        self.asked.append(line)
        found = next((answer for name, answer in self.answers.items() if line.startswith(name)), None)
        return found() if found else (404, {"message": f"no answer to {line}"})


def _handler(engine: TinyEngine) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = self.path.partition("/v1.41")[2] or self.path
            status, body = engine.reply(f"{self.command} {path}")
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_DELETE = _answer

        def log_message(self, *_args: Any) -> None:
            """Quiet."""

    return Handler


@contextmanager
def tiny_engine(directory: Path, *, unix: bool = True) -> Iterator[TinyEngine]:
    path = directory / "docker.sock"
    server = socket.socket(socket.AF_UNIX if unix else socket.AF_INET)
    server.bind(str(path) if unix else ("127.0.0.1", 0))
    server.listen(64)
    address = f"unix://{path}" if unix else f"tcp://127.0.0.1:{server.getsockname()[1]}"
    (directory / "containers").mkdir()  # as a data root has one
    engine = TinyEngine(address, directory)
    handler = _handler(engine)

    def talk(client: socket.socket) -> None:
        with closing(client), suppress(OSError):
            handler(client, ("", 0), None)  # type: ignore[arg-type]

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=talk, args=(server.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield engine
    finally:
        server.close()
