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
MOST_XZ_MEMORY = 80 << 20  # bytes; the strongest preset, -9, has a dictionary of 64 MiB, and the format goes to 4 GiB


class _Xz(io.RawIOBase):
    """What `lzma.open` does, but for the memory that a file may ask for."""

    def __init__(self, path: str) -> None:
        self._file = open(path, "rb")  # noqa: SIM115  closed with this
        self._stream = self._next_stream()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = b""
        while not data:
            if self._stream.eof:
                rest = self._after_padding()
                if not rest:
                    return 0
                self._stream = self._next_stream()
            else:
                rest = self._file.read(CHUNK) if self._stream.needs_input else b""
                if self._stream.needs_input and not rest:
                    raise EOFError("the xz stream ends too early")
            data = self._unpacked(rest, len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()

    def _next_stream(self) -> lzma.LZMADecompressor:
        return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MOST_XZ_MEMORY)

    def _after_padding(self) -> bytes:
        """Of the next stream, if there is one: several may stand one behind the other."""
        rest = self._stream.unused_data.lstrip(b"\0")
        while not rest and (more := self._file.read(CHUNK)):
            rest = more.lstrip(b"\0")
        return rest

    def _unpacked(self, data: bytes, most: int) -> bytes:
        try:
            return self._stream.decompress(data, most)
        except lzma.LZMAError as error:
            if "limit" not in str(error):
                raise
            raise ValueError(f"to unpack it takes more than {MOST_XZ_MEMORY >> 20} MiB of memory") from None


def _opened_xz(path: str, _mode: str) -> IO[bytes]:
    return io.BufferedReader(_Xz(path), CHUNK)


_MAGIC: tuple[tuple[bytes, Callable[[str, str], Any]], ...] = (
    (b"\x1f\x8b", gzip.open), (b"BZh", bz2.open), (b"\xfd7zXZ\x00", _opened_xz),
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
    return isinstance(getattr(file, "raw", None), io.FileIO)


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
