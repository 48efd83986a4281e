"""Archives of folders: repositories that people upload, and what is exported.

Pure. Nothing is written to a disk here, and nothing is unpacked that is larger than its limits: sizes in an archive
are claims of a stranger.
"""

from __future__ import annotations

import gzip
import io
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Final, Literal

from builds.trees import FILE, LINK, PROGRAM, Entry, TreeError, check_path

LARGEST_ARCHIVE: Final = 5 << 20
MOST_UNPACKED: Final = 50 << 20
MOST_MEMBERS: Final = 10_000

_CHUNK = 64 << 10
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others let a file choose how much memory unpacking takes
# What Python raises for files that are not what they seem to be.
_BROKEN = (
    EOFError, OSError, OverflowError, RuntimeError, ValueError, LookupError, NotImplementedError, tarfile.TarError,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip

PackingCode = Literal[
    "archive_too_large", "archive_unknown", "archive_broken", "archive_unpacked", "archive_members", "archive_path",
    "archive_kind", "archive_encrypted",
]  # fmt: skip


class PackingError(ValueError):
    """An archive that is not taken; `path` is the member, "" for all of it, `limit` what is allowed: MB, or members."""

    def __init__(self, code: PackingCode, path: str = "", *, limit: int = 0) -> None:
        super().__init__(code, path)
        self.code = code
        self.path = path
        self.limit = limit


def unpack(data: bytes) -> list[Entry]:
    """The files of a ZIP or TAR archive, maybe compressed with gzip. Raises `PackingError`.

    A folder that everything is in, as GitHub puts it there, is left out, and so is what belongs to git itself.
    """
    if len(data) > LARGEST_ARCHIVE:
        raise PackingError("archive_too_large", limit=LARGEST_ARCHIVE >> 20)
    try:
        entries = list(_entries(data))
    except _BROKEN as error:
        if isinstance(error, PackingError):
            raise
        raise PackingError("archive_broken") from None
    return _without_top(entries)


def pack(files: Mapping[str, bytes], *, programs: Collection[str] = ()) -> bytes:
    """A ZIP archive that is the same whenever its files are. `programs`: paths, beside files with a `#!` line."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            member = zipfile.ZipInfo(path)  # of 1980: no time of today
            member.compress_type = zipfile.ZIP_DEFLATED
            executable = path in programs or content.startswith(b"#!")
            member.external_attr = (PROGRAM if executable else FILE) << 16
            archive.writestr(member, content)
    return stream.getvalue()


def _entries(data: bytes) -> Iterator[Entry]:
    if data[:4] in (b"PK\3\4", b"PK\5\6"):
        return _zipped(data)
    if data[:2] == b"\x1f\x8b":
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            data = _bounded(stream.read, MOST_UNPACKED)
    if data[257:262] != b"ustar":
        raise PackingError("archive_unknown")
    return _tarred(data)


def _zipped(data: bytes) -> Iterator[Entry]:
    archive = zipfile.ZipFile(io.BytesIO(data))
    members = archive.infolist()
    _check_count(len(members), sum(member.file_size for member in members))
    for member in members:
        if member.is_dir() or not _is_wanted(member.filename):
            continue
        if member.flag_bits & 1:
            raise PackingError("archive_encrypted", member.filename)
        if member.compress_type not in _METHODS:
            raise PackingError("archive_broken", member.filename)
        kind = stat.S_IFMT(member.external_attr >> 16)
        mode = LINK if kind == stat.S_IFLNK else PROGRAM if member.external_attr >> 16 & 0o100 else FILE
        if kind not in (0, stat.S_IFREG, stat.S_IFLNK):
            raise PackingError("archive_kind", member.filename)
        yield Entry(_path(member.filename), mode, member.file_size, _reader(archive, member))


def _reader(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Callable[[], bytes]:
    """Piece by piece: `ZipFile.read` unpacks all that there is before it cuts it to the size that was claimed."""

    def read() -> bytes:
        try:
            with archive.open(member) as stream:
                content = _bounded(stream.read, member.file_size)
        except _BROKEN:
            raise PackingError("archive_broken", member.filename) from None
        if len(content) != member.file_size:
            raise PackingError("archive_broken", member.filename)
        return content

    return read


def _tarred(data: bytes) -> Iterator[Entry]:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        for count, member in enumerate(archive, 1):
            _check_count(count, 0)
            if member.isdir() or not _is_wanted(member.name):
                continue
            if not (member.isreg() or member.issym()) or member.issparse():
                raise PackingError("archive_kind", member.name)
            if member.issym():
                content = member.linkname.encode(errors="surrogateescape")
                mode = LINK
            else:
                stream = archive.extractfile(member)
                content = stream.read() if stream else b""
                mode = PROGRAM if member.mode & 0o100 else FILE
            yield Entry(_path(member.name), mode, len(content), _given(content))


def _given(content: bytes) -> Callable[[], bytes]:
    return lambda: content


def _bounded(read: Callable[[int], bytes], limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while chunk := read(_CHUNK):
        size += len(chunk)
        if size > limit:
            raise PackingError("archive_unpacked", limit=MOST_UNPACKED >> 20)
        parts.append(chunk)
    return b"".join(parts)


def _check_count(members: int, size: int) -> None:
    if members > MOST_MEMBERS:
        raise PackingError("archive_members", limit=MOST_MEMBERS)
    if size > MOST_UNPACKED:
        raise PackingError("archive_unpacked", limit=MOST_UNPACKED >> 20)


def _is_wanted(name: str) -> bool:
    """What git keeps for itself in a working copy is no file of the repository, nor is what archivers add."""
    return ".git" not in name.split("/") and name != "pax_global_header"


def _path(name: str) -> str:
    name = name.removeprefix("./")
    try:
        check_path(name)
    except TreeError:
        raise PackingError("archive_path", name) from None
    return name


def _without_top(entries: list[Entry]) -> list[Entry]:
    tops = {entry.path.partition("/")[0] for entry in entries}
    if len(tops) != 1 or not all("/" in entry.path for entry in entries) or tops & {"src", ".github"}:
        return entries
    return [Entry(entry.path.partition("/")[2], entry.mode, entry.size, entry.read) for entry in entries]
