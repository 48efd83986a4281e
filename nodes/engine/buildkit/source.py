"""The engine's side of one BuildKit build: the build, and beside it the session through which BuildKit asks back."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import suppress

from ..client import EngineClient
from ..errors import EngineError
from ..hijack import Hijacked, hijack
from ..http_source import HttpSource
from .session import METHODS, Session


def session_headers(name: str) -> list[tuple[str, str]]:
    """What engines want to know of a session before it begins."""
    return [
        ("X-Docker-Expose-Session-Uuid", name),
        ("X-Docker-Expose-Session-Name", "imagelib"),
        ("X-Docker-Expose-Session-Sharedkey", name),
        *(("X-Docker-Expose-Session-Grpc-Method", method) for method in METHODS),
    ]


class BuildKitSource:
    """A `PullSource`. Without a session BuildKit asks nobody, and has strange words for it: so there always is one."""

    def __init__(self, client: EngineClient, session: Session, build: HttpSource, *, name: str) -> None:
        self._client, self._session, self._build, self._name = client, session, build, name
        self._lock = threading.Lock()
        self._line: Hijacked | None = None
        self._aborted = False

    def read(self) -> Iterator[bytes]:
        """Raises only EngineErrors, and what the context raises."""
        line = hijack(
            self._client, self._client.path("/session", {}), upgrade="h2c", headers=session_headers(self._name)
        )
        with self._lock:
            self._line = line
            aborted = self._aborted
        asked = threading.Thread(target=self._serve, args=(line,), name="engine-build-session", daemon=True)
        asked.start()
        try:
            if not aborted:
                yield from self._build.read()
        finally:
            line.abort()
            asked.join()

    def abort(self) -> None:
        self._build.abort()
        with self._lock:
            self._aborted = True
            line = self._line
        if line is not None:
            line.abort()

    def _serve(self, line: Hijacked) -> None:
        """An end of the session is none of the build: that says itself what it has missed."""
        try:
            with suppress(EngineError):
                line.write(self._session.opening)
                for data in line.read():
                    answer = self._session.feed(data)
                    if answer:
                        line.write(answer)
        finally:
            line.abort()


def new_name() -> str:
    """Of a session, and of the build that it belongs to."""
    return uuid.uuid4().hex
