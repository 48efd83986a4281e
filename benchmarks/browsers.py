"""Watchers over HTTP: what a browser's EventSource does, with a stamp on everything that arrives."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator, Sequence

from benchmarks.tap import stamped_json
from tests.services.ports import LOOPBACK
from tests.services.product import Product

_ENDED = (b'"state": "succeeded"', b'"state": "failed"', b'"state": "cancelled"')


class Browser:
    """One open stream of `/api/pulls/events/`, or of instances. What arrives is only stamped; `snapshots` reads it
    afterwards."""

    def __init__(self, product: Product, ids: Sequence[int], *, kind: str = "pulls") -> None:
        self._reads: list[tuple[float, bytes]] = []
        self._socket = socket.create_connection((LOOPBACK, product.port), timeout=60)
        query = "&".join(f"id={pk}" for pk in ids)
        lines = [f"GET /api/{kind}/events/?{query} HTTP/1.1", f"Host: {LOOPBACK}:{product.port}"]
        lines += [f"Authorization: Bearer {product.token()}", "Accept: text/event-stream", "", ""]
        self._socket.sendall("\r\n".join(lines).encode())
        threading.Thread(target=self._read, daemon=True).start()

    @property
    def bytes_read(self) -> int:
        return sum(len(part) for _, part in self._reads)

    def saw_the_end(self) -> bool:
        """Whether the last of what arrived shows a pull that has ended well or badly; cheap."""
        return bool(self._reads) and any(word in self._reads[-1][1] for word in _ENDED)

    def snapshots(self) -> Iterator[tuple[float, dict]]:
        return stamped_json(self._reads, prefix=b"data: ")

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _read(self) -> None:
        with contextlib.suppress(OSError):
            while part := self._socket.recv(1 << 18):
                self._reads.append((time.monotonic(), part))
