"""gRPC's health check (`grpc.health.v1.Health/Check`): one call over HTTP/2. Bytes in, bytes out; the caller connects.

The messages are so small that they are put together here: the request has a text as field 1, the answer a number.
"""

from __future__ import annotations

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions

_PATH = "/grpc.health.v1.Health/Check"
_SERVING = 1
_STATES = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}
_LONGEST = 1024  # bytes of an answer
_STREAM = 1
# Whether it serves; a code of `instances.probe_texts`, and its parameters.
Outcome = tuple[bool, str, dict[str, str]]


class HealthCheck:
    """One call. Send `opening`, then `feed` what comes and send what it returns, until there is an `outcome`."""

    def __init__(self, *, service: str, authority: str) -> None:
        self._connection = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="latin-1"))
        self._status, self._message = "", b""
        self.outcome: Outcome | None = None
        self._connection.initiate_connection()
        headers = {":method": "POST", ":scheme": "http", ":authority": authority, ":path": _PATH}
        headers |= {"te": "trailers", "content-type": "application/grpc", "user-agent": "imagelib-probe"}
        self._connection.send_headers(_STREAM, list(headers.items()))
        self._connection.send_data(_STREAM, request_of(service), end_stream=True)
        self.opening = self._connection.data_to_send()

    def feed(self, data: bytes) -> bytes:
        """Without data the connection has ended."""
        if not data:
            self.outcome = (False, "connection_closed", {})
            return b""
        try:
            for event in self._connection.receive_data(data):
                self._take(event)
        except h2.exceptions.ProtocolError:
            self.outcome = (False, "no_grpc", {})
        return self._connection.data_to_send()

    def _take(self, event: h2.events.Event) -> None:
        if isinstance(event, (h2.events.ResponseReceived, h2.events.TrailersReceived)):
            headers = {str(name): str(value) for name, value in event.headers}  # texts, as the configuration says
            self._status = headers.get("grpc-status", self._status)
        elif isinstance(event, h2.events.DataReceived):
            self._message = (self._message + event.data)[:_LONGEST]
        elif isinstance(event, h2.events.StreamEnded):
            self.outcome = judged(self._status, self._message)
        elif isinstance(event, (h2.events.StreamReset, h2.events.ConnectionTerminated)):
            self.outcome = self.outcome or (False, "grpc_refused", {})


def request_of(service: str) -> bytes:
    """In gRPC's frame: not compressed, its length, the message."""
    text = service.encode()
    message = b"\x0a" + _varint(len(text)) + text if text else b""
    return b"\0" + len(message).to_bytes(4, "big") + message


def judged(status: str, message: bytes) -> Outcome:
    """Status 0 and SERVING is well."""
    if not status:
        return False, "no_grpc_status", {}
    if status != "0":
        return False, "grpc_status", {"status": status[:3]}
    body = message[5 : 5 + int.from_bytes(message[1:5], "big")]
    state = body[1] if len(body) >= 2 and body[0] == 0x08 else 0
    return state == _SERVING, "grpc_state", {"state": _STATES.get(state, str(state))}


def _varint(number: int) -> bytes:
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*parts, number])
