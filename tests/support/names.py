"""A name server's moods: names that take their time, and names with many addresses."""

from __future__ import annotations

import socket
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import pytest


class Names:
    """Answers for names ending in `.test`. `slow[name]`: seconds (a big number: no answer while the test runs);
    `places[name]`: the sockets' addresses, in order. `asked` counts the look-ups that began."""

    def __init__(self) -> None:
        self.slow: dict[str, float] = {}
        self.places: dict[str, list[tuple[str, int]]] = {}
        self.asked: dict[str, int] = defaultdict(int)
        self.released = threading.Event()
        self._system = socket.getaddrinfo

    def getaddrinfo(self, host: Any, port: Any, *args: Any, **options: Any) -> list[Any]:
        if options.get("flags"):  # only IP addresses are meant
            return self._system(host, port, *args, **options)
        self.asked[host] += 1
        if not str(host).endswith(".test"):
            return self._system(host, port, *args, **options)
        self.released.wait(self.slow.get(host, 0.0))
        if host not in self.places:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", place) for place in self.places[host]]


@contextmanager
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    """The system's resolver, with our answers for `.test`."""
    ours = Names()
    monkeypatch.setattr(socket, "getaddrinfo", ours.getaddrinfo)
    try:
        yield ours
    finally:
        ours.released.set()
        # Who asks for the same host in the next test must not get an answer of this one.
        for thread in threading.enumerate():
            if thread.name.startswith("look up "):
                thread.join(60)


@contextmanager
def black_holes(count: int) -> Iterator[list[tuple[str, int]]]:
    """Addresses that do not even accept: their backlogs are full."""
    with ExitStack() as stack:
        found = []
        for _ in range(count):
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
            for _filler in range(3):
                filler = stack.enter_context(socket.socket())
                filler.setblocking(False)
                filler.connect_ex(listener.getsockname())
            found.append(listener.getsockname())
        yield found


@contextmanager
def silent() -> Iterator[tuple[str, int]]:
    """Accepts connections and never says anything."""
    with closing(socket.create_server(("127.0.0.1", 0), backlog=128)) as server:
        yield server.getsockname()
