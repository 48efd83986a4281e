"""Opening TCP connections in time: one limit for the look-up of a host's name and for all of its addresses.

The libraries know no such limit. A name server that does not answer holds the system's resolver for half a minute, and
the timeout of a connection starts anew with every address of the host.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterable
from concurrent.futures import Future, wait
from time import monotonic
from typing import Any

from urllib3.exceptions import ConnectTimeoutError, LocationParseError, NameResolutionError, NewConnectionError

Option = tuple[int, int, int | bytes]  # of `setsockopt`
_running: dict[tuple[str, int], Future[list[Any]]] = {}
_lock = threading.Lock()


def dial(host: str, port: int, *, seconds: float, options: Iterable[Option] = ()) -> socket.socket:
    """A connected socket; its timeout is what is left of `seconds`, for a handshake. `host`: a name or an IP address.

    Each address gets an equal share of the time, so that a dead one leaves some to the next. Raises `TimeoutError`,
    `socket.gaierror`, `UnicodeError` for what cannot be a name, and for connections the first address's `OSError`.
    """
    until = monotonic() + seconds
    places = look_up(host, port, seconds=seconds)
    failures = []
    for number, (family, kind, protocol, _name, address) in enumerate(places):
        share = (until - monotonic()) / (len(places) - number)
        opened = socket.socket(family, kind, protocol)
        try:
            for option in options:
                opened.setsockopt(*option)
            opened.settimeout(max(share, 0.001))
            opened.connect(address)
            opened.settimeout(max(until - monotonic(), 0.001))
            return opened
        except OSError as error:
            opened.close()
            failures.append(error)
    raise failures[0]


def look_up(host: str, port: int, *, seconds: float) -> list[Any]:
    """`socket.getaddrinfo` for TCP that raises `TimeoutError` after `seconds`.

    The system's call cannot be broken off: its thread is left behind and ends by itself. Whoever asks for the same host
    meanwhile waits for that thread, so that a dead name server never holds more threads than there are hosts.
    """
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except socket.gaierror:  # a name
        pass
    answer = _answer_for(host, port)
    wait([answer], timeout=seconds)
    if not answer.done():
        raise TimeoutError(f"no answer from the name server about {host} within {seconds:.3g} s")
    return answer.result()


def _answer_for(host: str, port: int) -> Future[list[Any]]:
    key = host, port
    with _lock:
        if key in _running:
            return _running[key]
        answer = _running[key] = Future()
    threading.Thread(target=_ask, args=(key, answer), name=f"look up {host}", daemon=True).start()
    return answer


def _ask(key: tuple[str, int], answer: Future[list[Any]]) -> None:
    try:
        answer.set_result(socket.getaddrinfo(*key, type=socket.SOCK_STREAM))
    except OSError as error:
        answer.set_exception(error)
    finally:
        with _lock:
            del _running[key]


class Dialed:
    """For urllib3's connection classes: opens them by `dial`, TLS handshake included, and words failures as they do."""

    def _new_conn(self) -> socket.socket:
        connection: Any = self
        name = connection._dns_host.strip("[]")
        options = connection.socket_options
        try:
            return dial(name, connection.port, seconds=connection.timeout, options=options)
        except socket.gaierror as error:
            raise NameResolutionError(connection.host, connection, error) from error
        except UnicodeError as error:
            raise LocationParseError(f"{connection.host!r}: {error}") from error
        except TimeoutError as error:
            raise ConnectTimeoutError(connection, str(error)) from error
        except OSError as error:
            raise NewConnectionError(connection, str(error)) from error
