"""The archives that carry files out of containers, with a header that describes them, and into containers. Pure."""

from __future__ import annotations

import base64
import io
import json
import posixpath
import tarfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .errors import EngineError
from .evidence import clean
from .shapes import mapping, number, text

MOST_HOPS = 8  # links, one after the other
_OVERHEAD = 1 << 20  # bytes of an archive that are not the file's: headers, extended attributes
_PATH = 4096
_MOMENT = 64
# Go's file modes
_DIRECTORY, _LINK = 1 << 31, 1 << 27
_NO_FILE = _DIRECTORY | _LINK | 1 << 26 | 1 << 25 | 1 << 24 | 1 << 21 | 1 << 19  # devices, pipes, sockets, unknown


@dataclass(frozen=True, slots=True)
class PathStat:
    """What the header X-Docker-Container-Path-Stat says of a path."""

    mode: int
    link_target: str
    size: int = 0
    modified: str = ""

    @property
    def is_link(self) -> bool:
        return bool(self.mode & _LINK)

    @property
    def is_file(self) -> bool:
        return not self.mode & _NO_FILE

    @property
    def is_directory(self) -> bool:
        return bool(self.mode & _DIRECTORY)


def path_stat(header: str | None) -> PathStat:
    """Raises EngineError(engine_not_docker) for a header that is none."""
    try:
        found = mapping(json.loads(base64.b64decode(header or "", validate=True)))
    except (ValueError, RecursionError):
        found = {}
    if not isinstance(found.get("mode"), int):
        raise EngineError("engine_not_docker", "it packs a file without describing it")
    mode, target = number(found["mode"]), text(found.get("linkTarget"), _PATH)
    return PathStat(mode, target, number(found.get("size")), text(found.get("mtime"), _MOMENT))


def follow(path: str, target: str) -> str:
    """Where a link at `path` leads, within the container."""
    return posixpath.normpath(posixpath.join("/", posixpath.dirname(path), target))


def first_file(chunks: Iterator[bytes], *, limit: int) -> bytes | None:
    """The first `limit` bytes of the archive's first entry, or None when that is no file.

    Raises EngineError(engine_not_docker) for what is no archive. Reads no more than it needs.
    """
    source: Any = _Source(chunks, limit + _OVERHEAD)
    try:
        with tarfile.open(fileobj=source, mode="r|") as archive:
            member = archive.next()
            file = archive.extractfile(member) if member is not None and member.isreg() else None
            return None if file is None else file.read(limit)
    except (tarfile.TarError, EOFError, ValueError, OverflowError) as error:
        raise EngineError("engine_not_docker", clean(f"it packs a file into no archive: {error}")) from None


def packed(files: Mapping[str, bytes], directories: Collection[str] = ()) -> bytes:
    """An archive of these absolute paths, to be unpacked at the root. It names no parents: those that are there would
    get another mode and owner."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in directories:
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.type, entry.mode = tarfile.DIRTYPE, 0o777
            archive.addfile(entry)
        for path, content in files.items():
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.mode, entry.size = 0o644, len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


class _Source:
    """As much of a file as `tarfile` needs, over chunks; it ends after `most` bytes."""

    def __init__(self, chunks: Iterator[bytes], most: int) -> None:
        self._chunks = chunks
        self._left = most
        self._rest = b""

    def read(self, size: int) -> bytes:
        parts = []
        while size > 0 and self._left > 0:
            chunk = self._rest or next(self._chunks, b"")
            if not chunk:
                break
            part, self._rest = chunk[:size], chunk[size:]
            parts.append(part)
            size -= len(part)
            self._left -= len(part)
        return b"".join(parts)
