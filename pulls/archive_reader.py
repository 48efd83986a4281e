"""Bytes of an archive for `tarfile`, which believes what an archive says of itself.

It keeps whatever it reads, and leaves out what it seeks over. So reading is limited, seeking goes forwards only, and a
compressed file, which has to be unpacked for that, is left out in small steps.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from collections.abc import Callable
from typing import IO, Any

CHUNK = 1 << 18
LARGEST_HEADER = 1 << 20  # bytes of all that describes one file of the archive: its name, a link, attributes
MOST_READ = 128 << 20  # bytes
_MAGIC: tuple[tuple[bytes, Callable[..., Any]], ...] = (
    (b"\x1f\x8b", gzip.open), (b"BZh", bz2.open), (b"\xfd7zXZ\x00", lzma.open),
)  # fmt: skip


def opened(path: str) -> IO[bytes]:
    """The file, unpacked while it is read."""
    with open(path, "rb") as file:
        start = file.read(6)
    for magic, opener in _MAGIC:
        if start.startswith(magic):
            found: IO[bytes] = opener(path, "rb")
            return found
    return open(path, "rb")


def is_plain(file: IO[bytes]) -> bool:
    """Whether nothing has to be unpacked."""
    return isinstance(file, io.BufferedReader)


class Forwards:
    """Raises ValueError for what no archive of images needs. `glance` is called for each chunk, and may raise."""

    def __init__(self, file: IO[bytes], *, glance: Callable[[], None]) -> None:
        self._file, self._glance = file, glance
        self._at = 0
        self._room = LARGEST_HEADER
        self._left = MOST_READ

    def allow(self, size: int) -> None:
        """So many bytes may be read from now on."""
        self._room = size

    def tell(self) -> int:
        return self._at

    def read(self, size: int) -> bytes:
        self._room -= size
        self._left -= size
        if min(size, self._room, self._left) < 0:
            raise ValueError("what describes its files is too long")
        self._glance()
        data = self._file.read(size)
        self._at += len(data)
        return data

    def seek(self, position: int) -> None:
        if position < self._at:
            raise ValueError("its files overlap")
        if is_plain(self._file):
            self._at = self._file.seek(position)
            return
        while position > self._at and (chunk := self._file.read(min(CHUNK, position - self._at))):
            self._at += len(chunk)
            self._glance()
