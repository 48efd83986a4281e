"""A proxy on its own loopback port, in front of a registry (HTTP) or an engine (bytes), that injects faults."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

from tests.services.fault_rules import ANYTHING, BLOBS, Rule, RuleBook, SpeedLimit
from tests.services.ports import LOOPBACK, free_port
from tests.services.relay import ProxyRequest, Relay, reset


class FaultProxy:
    """`backend` is (host, port) or the path of a unix socket.

    With `http=True` every request gets a connection of its own to the backend and an entry in `requests`, and rules
    may pick requests by regex on "METHOD PATH". With `http=False` bytes pass unseen (engines, TLS) and every rule
    applies to every connection.
    """

    def __init__(
        self,
        backend: tuple[str, int] | Path,
        *,
        name: str = "fault proxy",
        http: bool = True,
        host: str = LOOPBACK,
    ) -> None:
        self.backend, self.name, self.http, self.host = backend, name, http, host
        self.port = free_port()
        self.rules, self.speed = RuleBook(), SpeedLimit()
        self.requests: list[ProxyRequest] = []
        self._lock = threading.Lock()
        self._relays: set[Relay] = set()
        self._listener: socket.socket | None = None

    @property
    def address(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def reference(self, name: str) -> str:
        """Full reference of "repository:tag" through this proxy."""
        return f"{self.address}/{name}"

    # faults

    def limit(self, bytes_per_second: float | None) -> None:
        """Speed of everything that the backend sends, all connections together."""
        self.speed.set(bytes_per_second)

    def cut(self, after: int = 0, match: str = BLOBS, times: int | None = 1) -> None:
        """Reset the connection after so many bytes of the response (its head included)."""
        self._add(Rule("cut", match, times, after=after))

    def stall(self, after: int = 0, match: str = BLOBS, times: int | None = None, seconds: float | None = None) -> None:
        """Fall silent after so many bytes of the response, for `seconds` or until `clear()`."""
        self._add(Rule("stall", match, times, after=after, seconds=seconds))

    def answer(
        self,
        status: int,
        match: str = ANYTHING,
        times: int | None = None,
        *,
        retry_after: int | None = None,
        message: str | None = None,
        body: str | None = None,
    ) -> None:
        """Answer this status in the registry's place, with the registry's error JSON unless `body` is given."""
        rule = Rule("answer", match, times, status=status, retry_after=retry_after, message=message, body=body)
        self._add(rule)

    def delay(self, seconds: float, match: str = ANYTHING, times: int | None = None) -> None:
        """Wait before the request is passed on."""
        self._add(Rule("delay", match, times, seconds=seconds))

    def drop(self) -> None:
        """Reset every connection that is open now."""
        for relay in self._open_relays():
            relay.abort()

    def clear(self) -> None:
        """End all rules and the speed limit; what was stalled goes on."""
        self.rules.clear()
        self.limit(None)

    # what went through

    def count(self, match: str) -> int:
        """How many requests match, a regex on "METHOD PATH"."""
        return len(self._matching(match))

    def sent(self, match: str = ANYTHING) -> int:
        """Bytes sent in answer to requests that match, response heads included."""
        return sum(request.sent for request in self._matching(match))

    def clear_log(self) -> None:
        self.requests = []

    # listening

    def start(self) -> None:
        """Open the port."""
        if self._listener is not None:
            return
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        listener = socket.socket(family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self.host, self.port))
        listener.listen(128)
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), name=self.name, daemon=True).start()

    def stop(self) -> None:
        """Close the port (connections are refused) and reset what is open."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
            listener.close()
        self.drop()

    def close(self) -> None:
        """Stop for good."""
        self.clear()
        self.stop()

    def record(self, request: ProxyRequest) -> None:
        """For relays: one request has come in."""
        self.requests.append(request)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:  # stop() has closed the port
                return
            if self._listener is not listener:
                reset(client)
                return
            relay = Relay(self, client)
            with self._lock:
                self._relays.add(relay)
            threading.Thread(target=self._serve, args=(relay,), name=self.name, daemon=True).start()

    def _serve(self, relay: Relay) -> None:
        try:
            relay.run()
        finally:
            with self._lock:
                self._relays.discard(relay)

    def _open_relays(self) -> list[Relay]:
        with self._lock:
            return list(self._relays)

    def _add(self, rule: Rule) -> None:
        if not self.http:
            assert rule.kind != "answer", "this proxy does not see requests"
            rule.match = ANYTHING
        self.rules.add(rule)

    def _matching(self, match: str) -> list[ProxyRequest]:
        return [request for request in list(self.requests) if request.matches(match)]
