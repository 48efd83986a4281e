"""The pack that a server sent: its objects by their ids, each looked at before anything is done with it.

A pack of some megabytes may hold objects of any size, and differences that make any amount out of nothing.
"""

from __future__ import annotations

import mmap
import zlib
from pathlib import Path
from typing import Final

from dulwich.errors import ApplyDeltaError, ChecksumMismatch, ObjectFormatException
from dulwich.object_format import SHA1
from dulwich.objects import Blob, Commit, ObjectID, RawObjectID, ShaFile, Tree, TreeEntry
from dulwich.pack import (
    DELTA_TYPES,
    DeltaChainIterator,
    MemoryPackIndex,
    Pack,
    PackData,
    PackIndexEntry,
    UnpackedObject,
    UnresolvedDeltas,
    unpack_object_at,
)

from builds.repositories.errors import GitError
from builds.repositories.watching import Watch

MAX_OBJECT: Final = 100_000_000  # bytes of one file; each is in memory whole while it is read
MAX_OBJECTS: Final = 1_000_000
MAX_RATIO: Final = 10  # bytes of all objects to those that may arrive
_CACHE = 16_000_000  # bytes, of the bases of differences
_HEADER, _CHECKSUM = 12, 20
_OFTEN = 256  # objects between two looks at the limits
_BROKEN = (
    ApplyDeltaError, ChecksumMismatch, ObjectFormatException, UnresolvedDeltas, zlib.error, ValueError, AssertionError,
    LookupError, TypeError, OverflowError,
)  # fmt: skip


class _Sizes(DeltaChainIterator[tuple[bytes, int, int]]):
    """(id, offset, size) of every object, differences resolved."""

    def _result(self, unpacked: UnpackedObject) -> tuple[bytes, int, int]:
        return unpacked.sha(), unpacked.offset or 0, sum(map(len, unpacked.obj_chunks or []))


class PackFile:
    """The objects in the file at `path`. Raises `GitError`: the pack is broken, or too large when unpacked."""

    def __init__(self, path: Path, *, watch: Watch) -> None:
        try:
            self._data = PackData(path, SHA1, delta_base_cache_limit=_CACHE)
        except _BROKEN as error:
            raise _broken(error) from None
        try:
            self._data.check()
            found = []
            for number, result in enumerate(_looked_at(self._data, path, watch)):
                if number % _OFTEN == 0:
                    watch.check()
                found.append(result)
        except _BROKEN as error:
            self._data.close()
            raise _broken(error) from None
        except BaseException:
            self._data.close()
            raise
        self._sizes = {key: size for key, _offset, size in found}
        entries: list[PackIndexEntry] = [(RawObjectID(key), offset, None) for key, offset, _size in sorted(found)]
        index = MemoryPackIndex(entries, SHA1)
        self._pack = Pack.from_objects(self._data, index)
        self.watch = watch

    def close(self) -> None:
        self._pack.close()

    def commit(self, name: str) -> tuple[bytes, int]:
        """The id of its tree, and when it was made: seconds since 1970."""
        found = self._object(name.encode())
        if not isinstance(found, Commit):
            raise GitError("git_commit_missing", f"{name} is no commit")
        try:
            return found.tree, int(found.commit_time)
        except _BROKEN as error:
            raise _broken(error) from None

    def lines(self, name: bytes) -> list[TreeEntry]:
        """Of a tree."""
        found = self._object(name)
        if not isinstance(found, Tree):
            raise GitError("git_bad_answer", f"{name.decode()} is no tree")
        try:
            lines = found.items()
        except _BROKEN as error:
            raise _broken(error) from None
        if any(b"/" in line.path for line in lines):
            raise GitError("git_bad_answer", "a name with a slash in it")
        return lines

    def content(self, name: bytes) -> bytes:
        found = self._object(name)
        if not isinstance(found, Blob):
            raise GitError("git_bad_answer", f"{name.decode()} is no file")
        return found.data

    def size(self, name: bytes) -> int:
        try:
            return self._sizes[bytes.fromhex(name.decode())]
        except KeyError:
            raise _absent(name) from None

    def _object(self, name: bytes) -> ShaFile:
        try:
            kind, content = self._pack.get_raw(ObjectID(name))
            return ShaFile.from_raw_string(kind, content)
        except KeyError:
            raise _absent(name) from None
        except _BROKEN as error:
            raise _broken(error) from None


def _looked_at(data: PackData, path: Path, watch: Watch) -> _Sizes:
    """Every object unpacked once, none of them larger than allowed; ready to be resolved."""
    limit = watch.limits.max_bytes
    walker = _Sizes(None, SHA1.hash_func, object_format=SHA1)
    walker.set_pack_data(data)
    if len(data) > MAX_OBJECTS:
        raise GitError("git_too_large", f"{len(data)} objects")
    total, offset = 0, _HEADER
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as contents:
        for number in range(len(data)):
            if number % _OFTEN == 0:
                watch.check()
            _refuse_large(_size_at(contents, offset))
            unpacked, offset = unpack_object_at(contents, offset, SHA1.hash_func)
            total += unpacked.decomp_len or 0
            if unpacked.pack_type_num in DELTA_TYPES:
                total += _size_of_result(b"".join(unpacked.decomp_chunks))
            if total > limit * MAX_RATIO:
                raise GitError("git_too_large", f"more than {total} bytes unpacked", limit=limit // 1_000_000)
            unpacked.decomp_chunks.clear()
            walker.record(unpacked)
        if offset + _CHECKSUM != len(contents):
            raise GitError("git_bad_answer", "bytes behind the last object")
    return walker


def _size_at(contents: mmap.mmap, offset: int) -> int:
    """Of the object, as it says itself: four bits, then seven of each further byte."""
    byte = contents[offset]
    size, shift = byte & 0x0F, 4
    while byte & 0x80:
        offset += 1
        byte = contents[offset]
        size |= (byte & 0x7F) << shift
        shift += 7
    return size


def _size_of_result(delta: bytes) -> int:
    """The second of the two numbers that a difference begins with."""
    numbers, position = [], 0
    for _ in range(2):
        number, shift = 0, 0
        while True:
            byte = delta[position]
            position += 1
            number |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
        numbers.append(number)
    _refuse_large(numbers[1])
    return numbers[1]


def _refuse_large(size: int) -> None:
    if size > MAX_OBJECT:
        raise GitError("git_too_large", f"a file of {size} bytes", limit=MAX_OBJECT // 1_000_000)


def _broken(error: Exception) -> GitError:
    return GitError("git_bad_answer", f"the pack is broken: {type(error).__name__}: {error}")


def _absent(name: bytes) -> GitError:
    return GitError("git_bad_answer", f"the pack lacks {name.decode()}")
