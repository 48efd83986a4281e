"""Which C library an image has, found in its layers as they come from the registry. Bytes in, values out. Pure.

Only the names of files are looked at, and the beginning of the C library itself for its version; reading ends as soon
as that is known, which mostly is within the first layer. The walk through the archive is our own and keeps nothing:
names of interest are short, so what describes long ones is left out unread.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

MOST_UNPACKED = 8 << 30  # bytes of one layer: a compressed one may be a thousand times its size
_BLOCK = 512
_CHUNK = 1 << 16
_VERSION_WITHIN = 16 << 20  # bytes of the C library that are searched for its version
_DIRECTORY = r"(?:\./)?(?:usr/)?lib(?:32|64|x32)?/(?:[a-z0-9_]+-linux-gnu\w*/)?"
_MUSL = re.compile(rf"{_DIRECTORY}ld-musl-[\w-]+\.so\.1")
_LOADER = re.compile(rf"{_DIRECTORY}ld-linux[\w-]*\.so\.[12]")
_LIBRARY = re.compile(rf"{_DIRECTORY}libc(?:\.so\.6|-(\d\.\d+)\.so)")
_LINKED = re.compile(r"(?:.*/)?libc-(\d\.\d+)\.so")
_SAYS = re.compile(rb"GNU C Library [^\n\0]{0,100}?release version (\d+\.\d+)")


class UnreadableLayer(Exception):
    """Not an archive, damaged, packed in a way that is not read here, or beyond a limit."""


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive: `read` gives its content, in parts, before the next one is asked for."""

    name: str
    kind: bytes  # as in the header: b"0" a file, b"2" a symbolic link
    target: str  # of a link
    read: Callable[[], bytes]


def libc_of_layer(read: Callable[[int], bytes]) -> str:
    """`musl`, `glibc 2.36`, `glibc`, or "" for a layer without any. `read` gives bytes of the layer, none at its end.

    Raises `UnreadableLayer` when that cannot be told, unless a loader was seen before.
    """
    found = ""
    try:
        for member in members(unpacked(read)):
            if _MUSL.fullmatch(member.name):
                return "musl"
            if _LOADER.fullmatch(member.name):
                found = "glibc"  # or what stands in for it beside musl, which comes later then
            library = _LIBRARY.fullmatch(member.name)
            if library and (version := library[1] or _version(member)):
                return f"glibc {version}"
    except UnreadableLayer:
        if not found:
            raise
    return found


def _version(member: Member) -> str:
    if member.kind in (b"1", b"2"):
        linked = _LINKED.fullmatch(member.target)
        return linked[1] if linked else ""
    seen, size = b"", 0
    while size < _VERSION_WITHIN and (part := member.read()):
        seen, size = seen[-200:] + part, size + len(part)
        if said := _SAYS.search(seen):
            return said[1].decode()
    return ""


def unpacked(read: Callable[[int], bytes], *, most: int = MOST_UNPACKED) -> Callable[[int], bytes]:
    """The same bytes without gzip; `UnreadableLayer` for zstd and whatever else is no plain archive."""
    start = read(_CHUNK)
    while start and len(start) < 4 and (more := read(_CHUNK)):
        start += more
    if start.startswith(b"\x28\xb5\x2f\xfd"):
        raise UnreadableLayer("zstd")
    first = iter((start,))

    def again(size: int) -> bytes:
        return next(first, b"") or read(size)

    return _Gunzip(again, most).read if start.startswith(b"\x1f\x8b") else again


class _Gunzip:
    def __init__(self, read: Callable[[int], bytes], most: int) -> None:
        self._read, self._room = read, most
        self._packed = b""
        self._stream = zlib.decompressobj(31)

    def read(self, size: int) -> bytes:
        """At most `size` bytes, none at the end of the last member of the file."""
        while True:
            if self._stream.eof:
                self._packed = self._stream.unused_data or self._packed
                self._stream = zlib.decompressobj(31)
            if not self._packed and not (packed := self._read(_CHUNK)):
                return b""
            elif not self._packed:
                self._packed = packed
            try:
                data = self._stream.decompress(self._packed, size)
            except zlib.error as error:
                raise UnreadableLayer(str(error)) from None
            self._packed = self._stream.unconsumed_tail
            self._room -= len(data)
            if self._room < 0:
                raise UnreadableLayer("too large")
            if data:
                return data


def members(read: Callable[[int], bytes]) -> Iterator[Member]:
    """The files of a tar archive in order. What was not read of one is left out when the next one is asked for."""
    source = _Blocks(read)
    while header := source.exactly(_BLOCK):
        if not any(header):
            continue  # the end is two blocks of nothing, but some archives go on
        left = _number(header[124:136])
        kind = header[156:157]
        prefix = _text(header[345:500]) if header[257:263] == b"ustar\0" else ""
        name = "/".join(filter(None, (prefix, _text(header[:100]))))
        content = source.part(left + -left % _BLOCK if kind not in b"12345" else 0, left)
        yield Member(name, kind, _text(header[157:257]), content.read)
        content.leave()


def _text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode("utf-8", "replace")


def _number(field: bytes) -> int:
    if field[0] & 0x80:  # too large for octal digits
        return int.from_bytes(field, "big") & ((1 << 88) - 1)
    try:
        return int(field.strip(b" \0") or b"0", 8)
    except ValueError:
        raise UnreadableLayer("not a tar archive") from None


class _Blocks:
    """Bytes of an archive, by number instead of as they come."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self._kept = b""

    def some(self, size: int) -> bytes:
        data = self._kept or self._read(_CHUNK)
        self._kept = data[size:]
        return data[:size]

    def exactly(self, size: int) -> bytes:
        """So many bytes; none at the end. `UnreadableLayer` in the middle of something."""
        data = self.some(size)
        while data and len(data) < size:
            if not (more := self.some(size - len(data))):
                raise UnreadableLayer("it ends in the middle")
            data += more
        return data

    def part(self, size: int, content: int) -> _Part:
        return _Part(self, size, min(content, size))


class _Part:
    """The content of one file: `size` bytes with what fills up its last block."""

    def __init__(self, source: _Blocks, size: int, content: int) -> None:
        self._source, self._size, self._content = source, size, content

    def read(self) -> bytes:
        data = self._take(self._content)
        self._content -= len(data)
        return data

    def leave(self) -> None:
        while self._size:
            self._take(self._size)

    def _take(self, most: int) -> bytes:
        data = self._source.some(min(most, self._size)) if most else b""
        if most and not data:
            raise UnreadableLayer("it ends in the middle")
        self._size -= len(data)
        return data
