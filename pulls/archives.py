"""What is in an image archive: one of `docker save`, or an OCI one. Pure but for reading the file.

`docker save` writes the list of its images last, so the archive is looked through as a whole before an engine gets it;
only its small JSON files are kept.
"""

from __future__ import annotations

import json
import lzma
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from imagelib.addresses import ImageReference
from pulls.archive_listing import ArchivedImage, Listing
from pulls.archive_reader import CHUNK, LARGEST_HEADER, Forwards, is_plain, opened
from pulls.failures import Failure, failure
from pulls.plan import runs_on

LARGEST_JSON = 4 << 20  # bytes
MOST_JSON = 64 << 20  # bytes, together
MOST_MEMBERS = 20_000
MOST_TIMES = 100  # its size, unpacked; images shrink to a half, seldom to a twentieth
# What Python raises for files that are not what they seem to be.
_BROKEN = (tarfile.TarError, EOFError, ValueError, OverflowError, zlib.error, lzma.LZMAError, RecursionError)


class ArchiveUnusable(Exception):
    def __init__(self, found: Failure) -> None:
        super().__init__(found.code)
        self.failure = found


@contextmanager
def _reading() -> Iterator[None]:
    """What is wrong with the file in this block is said as `ArchiveUnusable`."""
    try:
        yield
    except OSError as error:
        # Python also says this of bytes that are no gzip or bzip2.
        code = "archive_missing" if error.errno else "archive_invalid"
        raise ArchiveUnusable(failure(code, evidence=str(error))) from error
    except _BROKEN as error:
        raise ArchiveUnusable(failure("archive_invalid", evidence=f"{type(error).__name__}: {error}")) from error


def read_archive(path: str, *, glance: Callable[[], None] = lambda: None) -> list[ArchivedImage]:
    """All images of the archive. Raises `ArchiveUnusable`; `glance` is called now and then, and may raise."""
    with _reading():
        files = _small_files(path, glance)
        found = Listing(files, glance=glance).images()
    if not found:
        raise ArchiveUnusable(
            failure("archive_invalid", evidence="neither manifest.json nor index.json lists an image")
        )
    return found


def choose(images: list[ArchivedImage], reference: ImageReference, *, platform: str) -> ArchivedImage:
    """The image that is meant: by its name, or because there is no other one. Raises `ArchiveUnusable`, also when it
    is not for `platform`."""
    meant = [image for image in images if image.is_named(reference)] or images
    fitting = [image for image in meant if runs_on(image.info.platform or platform, platform)]
    if not fitting:
        params = {"image": sorted({image.info.platform for image in meant}), "node": platform}
        raise ArchiveUnusable(failure("platform_mismatch", params=params))
    if len({image.info for image in fitting}) > 1:
        names = sorted({name for image in fitting for name in image.names}) or ["-"]
        raise ArchiveUnusable(failure("archive_ambiguous", params={"names": names[:20]}))
    return fitting[0]


def demand_nothing_else(images: list[ArchivedImage], image: ArchivedImage) -> None:
    """Raises `ArchiveUnusable` when the archive names other images than `image`: engines load all that an archive has,
    and would move names on the node that nobody asked about. The same image for other platforms has no other names."""
    others = {name for other in images if other.info != image.info for name in other.names} - set(image.names)
    if others:
        raise ArchiveUnusable(failure("archive_others", params={"names": sorted(others)[:20]}))


@dataclass(frozen=True, slots=True)
class Packed:
    """The bytes for an engine."""

    chunks: Iterator[bytes]
    size: int
    exact: bool


def packed(path: str, image: ArchivedImage, reference: ImageReference) -> Packed:
    """The file as it is. To an OCI archive the list is added without which many engines do not know what to do with it;
    a compressed one is unpacked for that. Raises `ArchiveUnusable`, and so do the chunks: nobody has looked behind the
    archive's end yet."""
    with _reading():
        size = Path(path).stat().st_size
        if image.paths is None:
            return Packed(_chunks(open(path, "rb")), size, exact=True)
        file = opened(path)
    config, layers = image.paths
    listed = [{"Config": config, "RepoTags": [f"{reference.name}:{reference.tag or 'latest'}"], "Layers": list(layers)}]
    head = _member("manifest.json", json.dumps(listed).encode())
    return Packed(_chunks(file, head), size + len(head), exact=is_plain(file))


def _chunks(file: IO[bytes], head: bytes = b"") -> Iterator[bytes]:
    with file, _reading():
        if head:
            yield head
        while chunk := file.read(CHUNK):
            yield chunk


def _member(name: str, content: bytes) -> bytes:
    """A file as it stands in an archive, without an archive's end."""
    about = tarfile.TarInfo(name)
    about.size = len(content)
    return about.tobuf() + content + b"\0" * (-len(content) % tarfile.BLOCKSIZE)


def _small_files(path: str, glance: Callable[[], None]) -> dict[str, bytes]:
    """The JSON files of the archive, by name."""
    found: dict[str, bytes] = {}
    room, number, most = MOST_JSON, 0, Path(path).stat().st_size * MOST_TIMES + LARGEST_JSON
    with opened(path) as file:
        reader = Forwards(file, glance=glance)
        with tarfile.open(fileobj=cast(IO[bytes], reader), mode="r:") as archive:
            while (member := archive.next()) is not None:
                archive.members.clear()  # type: ignore[attr-defined]  # else it keeps them all
                number += 1
                if number > MOST_MEMBERS:
                    raise ValueError(f"more than {MOST_MEMBERS} files")
                if archive.offset > most:  # said before it is unpacked
                    raise ValueError(f"it would unpack to more than {MOST_TIMES} times its size")
                if member.isreg() and member.size <= min(LARGEST_JSON, room):
                    reader.allow(member.size)
                    content = _json_in(archive, member)
                    if content:
                        found[member.name.removeprefix("./")] = content
                        room -= len(content)
                reader.allow(LARGEST_HEADER)
    return found


def _json_in(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    """Nothing if it is no JSON."""
    part = archive.extractfile(member)
    content = part.read() if part else b""
    return content if content.lstrip()[:1] in (b"{", b"[") else b""
