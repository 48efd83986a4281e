"""The context of a build: a tar archive that is made while it is sent, never on a disk. Pure.

Its headers are always the same for the same files, so that what an engine remembers of a step is found again.
"""

from __future__ import annotations

import posixpath
import tarfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from builds.trees import DOCKERFILE, LINK, PROGRAM, Entry, TreeError, check_path
from nodes.engine.ignoring import sent

IGNORE = ".dockerignore"
TIME = 315_532_800  # 1980, the first year that every archive format can hold
CHUNK = 1 << 18
_BLOCK = 512
_TOLD = 5  # of the largest files


class ContextUnusable(Exception):
    """The files cannot be sent: code and parameters as in `builds.failures`."""

    def __init__(self, code: str, *, evidence: str = "", **params: object) -> None:
        super().__init__(code)
        self.code, self.evidence, self.params = code, evidence, params


@dataclass(frozen=True, slots=True)
class Context:
    """`size`: bytes of the files. `chunks` may be called again for another attempt."""

    entries: Sequence[Entry]
    size: int

    def chunks(self) -> Iterator[bytes]:
        folders: set[str] = set()
        for entry in self.entries:
            for folder in _folders(entry.path):
                if folder not in folders:
                    folders.add(folder)
                    yield _header(folder, tarfile.DIRTYPE, mode=0o755)
            yield from _packed(entry)
        yield bytes(2 * _BLOCK)


def context_of(entries: Iterable[Entry], *, limit: int, glance: Callable[[], None] = lambda: None) -> Context:
    """What of the files is sent. `limit`: bytes. `glance` is called while it is found out. Raises `ContextUnusable`."""
    by_path = {entry.path: entry for entry in entries}
    if DOCKERFILE not in by_path or by_path[DOCKERFILE].mode == LINK:
        raise ContextUnusable("dockerfile_missing")
    ignore = by_path[IGNORE].read().decode("utf-8", "replace") if IGNORE in by_path else ""
    kept = [by_path[path] for path in sent(sorted(by_path), ignore, always=(DOCKERFILE, IGNORE), glance=glance)]
    for entry in kept:
        glance()
        _check(entry)
    size = sum(entry.size for entry in kept)
    if size > limit:
        largest = sorted(kept, key=lambda entry: entry.size, reverse=True)[:_TOLD]
        told = ", ".join(f"{entry.path} ({_megabytes(entry.size)})" for entry in largest)
        raise ContextUnusable("context_too_large", size=_megabytes(size), limit=_megabytes(limit), paths=told)
    return Context(kept, size)


def _check(entry: Entry) -> None:
    try:
        check_path(entry.path)
    except TreeError as error:
        raise ContextUnusable("context_unsafe", path=ascii(entry.path), evidence=error.code) from None
    if entry.mode == LINK:
        target = entry.read().decode("utf-8", "surrogateescape")
        there = posixpath.normpath(posixpath.join(posixpath.dirname(entry.path), target))
        if posixpath.isabs(target) or there == ".." or there.startswith("../"):
            raise ContextUnusable("context_link_outside", path=entry.path, evidence=f"{entry.path} -> {target}")


def _folders(path: str) -> Iterator[str]:
    parts = path.split("/")[:-1]
    return ("/".join(parts[:count]) for count in range(1, len(parts) + 1))


def _packed(entry: Entry) -> Iterator[bytes]:
    content = entry.read()
    if entry.mode == LINK:
        yield _header(entry.path, tarfile.SYMTYPE, mode=0o777, target=content.decode("utf-8", "surrogateescape"))
        return
    mode = 0o755 if entry.mode == PROGRAM else 0o644
    yield _header(entry.path, tarfile.REGTYPE, mode=mode, size=len(content))
    for start in range(0, len(content), CHUNK):
        yield content[start : start + CHUNK]
    if rest := len(content) % _BLOCK:
        yield bytes(_BLOCK - rest)


def _header(path: str, kind: bytes, *, mode: int, size: int = 0, target: str = "") -> bytes:
    member = tarfile.TarInfo(path)
    member.type, member.mode, member.size, member.linkname, member.mtime = kind, mode, size, target, TIME
    return member.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def _megabytes(size: int) -> str:
    return f"{size / 1_000_000:.1f} MB"
