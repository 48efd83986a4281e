"""A large answer that is read in parts, within limits, and checked against its digest when it was read to its end."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable

from .errors import RegistryError

_CHUNK = 64 * 1024


class Body:
    """Reads like a file. `read` gives at most so many bytes, and none at the end or when a limit is reached."""

    def __init__(self, digest: str, *, limit: int, seconds: float) -> None:
        self.fetched = 0
        self.is_whole = False  # the end was reached, and the digest is right
        self._digest, self._limit, self._seconds = digest, limit, seconds
        self._hash = hashlib.new(digest.partition(":")[0])
        self._deadline = 0.0
        self._read1: Callable[[int], bytes] = lambda _size: b""

    def of(self, read1: Callable[[int], bytes]) -> Body:
        """Begin with this source; the time runs from now on."""
        self._read1, self._deadline = read1, time.monotonic() + self._seconds
        return self

    def read(self, size: int = _CHUNK) -> bytes:
        room = self._limit - self.fetched
        if room <= 0 or time.monotonic() >= self._deadline:
            return b""
        data = self._read1(min(size, room, _CHUNK))
        if not data:
            self._check()
            return b""
        self._hash.update(data)
        self.fetched += len(data)
        return data

    def _check(self) -> None:
        actual = f"{self._digest.partition(':')[0]}:{self._hash.hexdigest()}"
        if actual != self._digest:
            raise RegistryError("registry_digest_mismatch", f"expected {self._digest[:150]}, got {actual}")
        self.is_whole = True
