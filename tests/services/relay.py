"""One connection through a fault proxy: client on one side, backend on the other."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from tests.services.fault_rules import Rule

if TYPE_CHECKING:
    from tests.services.fault_proxy import FaultProxy

_CHUNK = 262_144
_LONGEST_HEAD = 1 << 20
_FLUSH = 0.05  # seconds; a reset throws away what the kernel has not sent yet
# code, message and detail as the registry itself words them: engines word an error without detail differently
_PULL = [{"Type": "repository", "Class": "", "Name": "x", "Action": "pull"}]
_ERRORS: dict[int, tuple[str, str, object]] = {
    401: ("UNAUTHORIZED", "authentication required", _PULL),
    403: ("DENIED", "requested access to the resource is denied", _PULL),
    404: ("MANIFEST_UNKNOWN", "manifest unknown", {"Tag": "x"}),
    429: ("TOOMANYREQUESTS", "You have reached your pull rate limit.", None),
    503: ("UNAVAILABLE", "service unavailable", None),
}


@dataclass(eq=False)
class ProxyRequest:
    """One request that came to the proxy. `sent` grows while the response flows."""

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)  # names in lower case
    status: int = 0
    sent: int = 0
    fault: str = ""
    at: float = field(default_factory=time.time)

    @property
    def line(self) -> str:
        return f"{self.method} {self.path}"

    def matches(self, pattern: str) -> bool:
        return re.search(pattern, self.line) is not None


class Relay:
    """Serves one client connection of the proxy."""

    def __init__(self, proxy: FaultProxy, client: socket.socket) -> None:
        self.proxy, self.client = proxy, client
        self.backend: socket.socket | None = None
        self._client_gone = threading.Event()
        self._aborted = False
        self._past: tuple[Rule, ...] = ()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def run(self) -> None:
        """Until one side has ended."""
        try:
            if self.proxy.http:
                self._run_http()
            else:
                self._run_bytes()
        except OSError:  # a side went away: that is the other side's news, passed on by closing
            reset(self.client)
        finally:
            self._close_both()

    def abort(self) -> None:
        """Reset the client's connection now. What the backend says to that is not passed on any more."""
        self._aborted = True
        reset(self.client)
        if self.backend is not None:
            reset(self.backend)

    def _run_bytes(self) -> None:
        self._connect()
        threading.Thread(target=self._pump_up, daemon=True).start()
        self._pump_down(ProxyRequest("", ""))

    def _run_http(self) -> None:
        received = self._read_head()
        if received is None:
            return
        head, rest = received
        request, lines = _parse_head(head)
        self.proxy.record(request)
        if rule := self.proxy.rules.take("delay", request.line):
            rule.ended.wait(rule.seconds)
        if rule := self.proxy.rules.take("answer", request.line):
            request.status, request.fault = rule.status, "answer"
            self.client.sendall(_error_response(rule, request.method))
            return
        self._connect()
        assert self.backend is not None
        self.backend.sendall("\r\n".join(lines).encode("latin1") + b"\r\n\r\n" + rest)
        threading.Thread(target=self._pump_up, daemon=True).start()
        self._pump_down(request)

    def _connect(self) -> None:
        target = self.proxy.backend
        if isinstance(target, Path):
            self.backend = socket.socket(socket.AF_UNIX)
            self.backend.connect(str(target))
        else:
            self.backend = socket.create_connection(target, timeout=10)
            self.backend.settimeout(None)

    def _read_head(self) -> tuple[bytes, bytes] | None:
        received = b""
        while b"\r\n\r\n" not in received:
            part = self.client.recv(65_536)
            if not part or len(received) > _LONGEST_HEAD:
                return None
            received += part
            if received[:1] == b"\x16":  # a TLS hello: answer as a Go server does, so that engines fall back at once
                self.client.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
                return None
        head, _, rest = received.partition(b"\r\n\r\n")
        return head, rest

    def _pump_up(self) -> None:
        """Client to backend, until the client has no more to say."""
        assert self.backend is not None
        with contextlib.suppress(OSError):
            while part := self.client.recv(_CHUNK):
                self.backend.sendall(part)
        self._client_gone.set()
        with contextlib.suppress(OSError):
            self.backend.shutdown(socket.SHUT_WR)

    def _pump_down(self, request: ProxyRequest) -> None:
        """Backend to client, with the faults."""
        assert self.backend is not None
        while part := self.backend.recv(_CHUNK):
            if self._aborted:
                return
            if not request.status and self.proxy.http:
                request.status = int(part[9:12])
            view = memoryview(part)
            while view:
                size = self.proxy.speed.step(len(view))
                if not self._pass(request, view[:size]):
                    return
                view = view[size:]
        with contextlib.suppress(OSError):
            self.client.shutdown(socket.SHUT_WR)

    def _pass(self, request: ProxyRequest, piece: memoryview) -> bool:
        """Send one piece of the response. False: the connection is over."""
        end, rules = request.sent + len(piece), self.proxy.rules
        if rule := rules.take("cut", request.line, sent=end):
            self._send(request, piece[: max(0, rule.after - request.sent)])
            request.fault = "cut"
            time.sleep(_FLUSH)
            reset(self.client)
            return False
        if rule := rules.take("stall", request.line, sent=end, past=self._past):
            self._past += (rule,)
            request.fault = "stall"
            before = max(0, rule.after - request.sent)
            self._send(request, piece[:before])
            if not self._sit_out(rule):
                return False
            piece = piece[before:]
        self._send(request, piece)
        return True

    def _send(self, request: ProxyRequest, piece: memoryview) -> None:
        self.proxy.speed.wait(len(piece))
        self.client.sendall(piece)
        request.sent += len(piece)

    def _sit_out(self, rule: Rule) -> bool:
        """Be silent until the rule ends. False: the client has gone meanwhile."""
        end = time.monotonic() + (rule.seconds if rule.seconds is not None else 1e9)
        while time.monotonic() < end and not rule.ended.wait(0.05):
            if self._client_gone.is_set():
                return False
        return True

    def _close_both(self) -> None:
        for side in (self.client, self.backend):
            if side is None:
                continue
            with contextlib.suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads from it
            side.close()


def reset(side: socket.socket) -> None:
    """End a connection with RST, so that the peer sees "connection reset by peer"."""
    with contextlib.suppress(OSError):
        side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        side.shutdown(socket.SHUT_RD)  # wakes a thread that reads from it; the kernel keeps the socket until then
    side.close()


def _parse_head(head: bytes) -> tuple[ProxyRequest, list[str]]:
    """The request, and its lines as the backend gets them: one request per connection."""
    first, *fields = head.decode("latin1").split("\r\n")
    method, path, _ = first.split(" ", 2)
    pairs = [line.partition(":") for line in fields]
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    kept = [line for line in fields if not line.lower().startswith("connection:")]
    return ProxyRequest(method, path, headers), [first, *kept, "Connection: close"]


def _error_response(rule: Rule, method: str) -> bytes:
    code, message, detail = _ERRORS.get(rule.status, ("UNKNOWN", "unknown error", {}))
    error = {"code": code, "message": rule.message or message, "detail": detail}
    body = (rule.body if rule.body is not None else json.dumps({"errors": [error]})).encode()
    lines = [f"HTTP/1.1 {rule.status} {HTTPStatus(rule.status).phrase}", "Content-Type: application/json"]
    lines += ["Docker-Distribution-Api-Version: registry/2.0", "Connection: close", f"Content-Length: {len(body)}"]
    if rule.retry_after is not None:
        lines.append(f"Retry-After: {rule.retry_after}")
    if rule.status == HTTPStatus.UNAUTHORIZED:
        lines.append('WWW-Authenticate: Basic realm="fault"')
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + (b"" if method == "HEAD" else body)
