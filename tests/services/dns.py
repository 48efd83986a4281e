"""A name server that knows no name: engines of the tests never ask a real one, and get an honest "no such host"."""

from __future__ import annotations

import random
import socket
import threading

_PORT = 53  # the only port that resolv.conf can express
_NXDOMAIN = b"\x81\x83"  # answer, recursion available, no such name


class EmptyNameServer:
    """UDP name server on a loopback address of its own. Needs root (port 53)."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.address = self._bind()
        self._thread = threading.Thread(target=self._serve, name="test-dns", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._socket.sendto(b"", (self.address, _PORT))  # wakes the thread: an empty packet ends it
        self._thread.join(5)
        self._socket.close()

    def _bind(self) -> str:
        for _ in range(100):
            address = f"127.{random.randint(64, 250)}.{random.randint(1, 250)}.53"
            try:
                self._socket.bind((address, _PORT))
            except OSError:
                continue
            return address
        raise RuntimeError("no free address for a name server")

    def _serve(self) -> None:
        while True:
            question, peer = self._socket.recvfrom(4096)
            if not question:
                return
            # header: id, flags, 1 question, no answers; then the question itself, without its extra records
            end = question.index(b"\0", 12) + 5
            header = question[:2] + _NXDOMAIN + b"\0\1" + b"\0" * 6
            self._socket.sendto(header + question[12:end], peer)
