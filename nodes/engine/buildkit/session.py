"""What BuildKit asks of its client during a build: gRPC, the client being the server. Bytes in, bytes out; no sockets.

Three things are answered: whether this end still lives, the credentials for a registry, a secret of the build. Both
are handed out to the one build whose session this is, for as long as it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions

from ..build_requests import HUB, HUB_KEY
from ..errors import EngineError
from ..types import RegistryAuth
from .wire import as_text, fields
from .wire import field as wire_field

HEALTH = "/grpc.health.v1.Health/Check"
CREDENTIALS = "/moby.filesync.v1.Auth/Credentials"
SECRET = "/moby.buildkit.secrets.v1.Secrets/GetSecret"
METHODS = (HEALTH, CREDENTIALS, SECRET)
OK, INVALID, NOT_FOUND, UNIMPLEMENTED = 0, 3, 5, 12  # statuses of gRPC
LONGEST_REQUEST = 1 << 16  # bytes
MOST_REQUESTS = 64  # at the same time
_HUB_NAMES = {HUB, "registry-1.docker.io", "index.docker.io", HUB_KEY}
_SERVING = 1
Answer = tuple[int, bytes | str]  # a status, and the message or, of a failure, its text


@dataclass(slots=True)
class Call:
    """One request while it arrives, and then what is still to be sent of its answer."""

    path: str
    body: bytearray = field(default_factory=bytearray)
    headers: list[tuple[str, str]] = field(default_factory=list)
    answer: bytes = b""
    trailers: list[tuple[str, str]] = field(default_factory=list)


class Session:
    """Send `opening`, then `feed` what comes and send what it returns."""

    def __init__(self, *, auths: Mapping[str, RegistryAuth], secrets: Mapping[str, bytes]) -> None:
        self._auths, self._secrets = auths, secrets
        self._calls: dict[int, Call] = {}
        config = h2.config.H2Configuration(client_side=False, header_encoding="latin-1")
        self._connection = h2.connection.H2Connection(config)
        self._connection.local_settings.max_concurrent_streams = MOST_REQUESTS
        self._connection.initiate_connection()
        self.opening = self._connection.data_to_send()

    def feed(self, data: bytes) -> bytes:
        """Raises EngineError (engine_not_docker) for what is no HTTP/2."""
        try:
            for event in self._connection.receive_data(data):
                self._take(event)
        except h2.exceptions.ProtocolError as error:
            raise EngineError("engine_not_docker", f"the session speaks another protocol: {error}") from error
        return self._connection.data_to_send()

    def _take(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.RequestReceived():
                headers = {str(name): str(value) for name, value in event.headers}
                self._calls[event.stream_id] = Call(headers.get(":path", ""))
            case h2.events.DataReceived():
                self._connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                self._receive(event.stream_id, event.data)
            case h2.events.StreamEnded():
                self._answer(event.stream_id)
                self._send(event.stream_id)
            case h2.events.StreamReset():
                self._calls.pop(event.stream_id, None)
            case h2.events.WindowUpdated() | h2.events.RemoteSettingsChanged():
                for stream in list(self._calls):
                    self._send(stream)

    def _receive(self, stream: int, data: bytes) -> None:
        call = self._calls.get(stream)
        if call is None:
            return
        call.body += data
        if len(call.body) > LONGEST_REQUEST:
            del self._calls[stream]
            with suppress(h2.exceptions.NoSuchStreamError):
                self._connection.reset_stream(stream, h2.errors.ErrorCodes.ENHANCE_YOUR_CALM)

    def _answer(self, stream: int) -> None:
        call = self._calls.get(stream)
        if call is None:
            return
        status, told = self._result(call)
        call.headers = [(":status", "200"), ("content-type", "application/grpc")]
        if isinstance(told, bytes):
            call.answer = b"\0" + len(told).to_bytes(4, "big") + told
        call.trailers = [("grpc-status", str(status))]
        if isinstance(told, str):
            call.trailers.append(("grpc-message", told))

    def _send(self, stream: int) -> None:
        """As much as the other end has room for now."""
        call = self._calls.get(stream)
        if call is None or not call.trailers:
            return
        try:
            self._send_all(stream, call)
        except h2.exceptions.NoSuchStreamError:  # given up meanwhile; the event that says so is still to come
            del self._calls[stream]

    def _send_all(self, stream: int, call: Call) -> None:
        if call.headers:
            self._connection.send_headers(stream, call.headers)
            call.headers = []
        while call.answer:
            room = min(
                self._connection.local_flow_control_window(stream),
                self._connection.max_outbound_frame_size,
                len(call.answer),
            )
            if room <= 0:
                return
            self._connection.send_data(stream, call.answer[:room])
            call.answer = call.answer[room:]
        self._connection.send_headers(stream, call.trailers, end_stream=True)
        del self._calls[stream]

    def _result(self, call: Call) -> Answer:
        answers: dict[str, Callable[[str], Answer]] = {
            HEALTH: lambda _service: (OK, wire_field(1, _SERVING)),
            CREDENTIALS: self._credentials,
            SECRET: self._secret,
        }
        answer = answers.get(call.path)
        if answer is None:
            return UNIMPLEMENTED, "not offered"
        try:
            return answer(_first_text(bytes(call.body)))
        except EngineError:
            return INVALID, "no such message"

    def _credentials(self, host: str) -> Answer:
        """Empty ones are those of nobody."""
        auth = self._auths.get(HUB if host in _HUB_NAMES else host)
        return OK, b"" if auth is None else wire_field(1, auth.username) + wire_field(2, auth.password)

    def _secret(self, name: str) -> Answer:
        found = self._secrets.get(name)
        return (NOT_FOUND, "no such secret") if found is None else (OK, wire_field(1, found))


def _first_text(request: bytes) -> str:
    """All requests here have a text as their first field. A frame of gRPC: whether it is compressed, its length, the
    message."""
    length = int.from_bytes(request[1:5], "big")
    message = request[5 : 5 + length]
    return next((as_text(value) for number, value in fields(message) if number == 1), "")
