"""From git's trees to entries: only what can safely be put into a build context."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

from builds.repositories.errors import GitError
from builds.repositories.packs import PackFile
from builds.trees import FILE, LINK, PROGRAM, Entry, TreeError, check_path

MAX_ENTRIES: Final = 100_000
MAX_DEPTH: Final = 64
_FOLDER, _SUBMODULE = 0o040000, 0o160000
_KIND = 0o170000
_LONGEST_LINK = 4096
_LFS = b"version https://git-lfs.github.com/spec/"  # what stands in a repository instead of the file itself
_LONGEST_LFS = 1024

NoticeCode = Literal["git_lfs_pointer", "git_submodule", "git_unsafe_path"]


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that people should know of a file."""

    code: NoticeCode
    path: str


@dataclass(frozen=True, slots=True)
class _Leaf:
    """A line of a tree that is no folder."""

    path: str
    mode: int
    name: bytes  # of the object


def folder_at(pack: PackFile, root: bytes, path: str) -> bytes:
    """The id of the folder `path`. Raises `git_path_missing`."""
    here = root
    for part in filter(None, path.split("/")):
        lines = {line.path: line for line in pack.lines(here)}
        found = lines.get(part.encode("utf-8", "replace"))
        if found is None or found.mode & _KIND != _FOLDER:
            raise GitError("git_path_missing", path, path=path)
        here = found.sha
    return here


def entries_below(pack: PackFile, folder: bytes, *, notices: list[Notice], lenient: bool) -> list[Entry]:
    found: list[Entry] = []
    for leaf in _leaves(pack, folder):
        pack.watch.check()
        code: Literal["git_submodule", "git_unsafe_path"] | None = None
        if leaf.mode & _KIND == _SUBMODULE:
            code = "git_submodule"
        elif not _is_path(leaf.path):
            code = "git_unsafe_path"
        if code:
            _refuse(code, leaf.path, notices, lenient)
            continue
        size = pack.size(leaf.name)
        found.append(Entry(leaf.path, _plain(leaf.mode), size, partial(pack.content, leaf.name)))
    links = {entry.path: entry for entry in found if entry.mode == LINK}
    outside = [path for path, entry in links.items() if not _stays_inside(entry, links)]
    for path in outside:
        _refuse("git_unsafe_path", path, notices, lenient)
    found = [entry for entry in found if entry.path not in outside]
    for entry in found:
        pack.watch.check()
        if _is_pointer(entry):
            notices.append(Notice("git_lfs_pointer", entry.path))
    return sorted(found, key=lambda entry: entry.path)


def all_paths(pack: PackFile, root: bytes) -> list[str]:
    return sorted(leaf.path for leaf in _leaves(pack, root) if _is_path(leaf.path))


def _leaves(pack: PackFile, folder: bytes) -> Iterator[_Leaf]:
    """Trees may contain one another any number of times: what counts is what comes out."""
    todo = [("", folder, 0)]
    seen = 0
    while todo:
        above, name, depth = todo.pop()
        if depth > MAX_DEPTH:
            raise GitError("git_too_large", f"folders are nested more than {MAX_DEPTH} levels deep")
        for line in pack.lines(name):
            seen += 1
            if seen > MAX_ENTRIES:
                raise GitError("git_too_large", f"more than {MAX_ENTRIES} files")
            path = above + line.path.decode("utf-8", "surrogateescape")
            if line.mode & _KIND == _FOLDER:
                todo.append((f"{path}/", line.sha, depth + 1))
            else:
                yield _Leaf(path, line.mode, line.sha)


def _is_path(path: str) -> bool:
    try:
        check_path(path)
    except TreeError:
        return False
    return True


def _plain(mode: int) -> int:
    """Old commits have other bits, which nobody means."""
    if mode & _KIND == LINK:
        return LINK
    return PROGRAM if mode & 0o100 else FILE


def _stays_inside(link: Entry, links: dict[str, Entry]) -> bool:
    """Whether the target is below the folder of the entries, for whoever follows it there. A way up through another
    link would have to be followed to be known."""
    if link.size > _LONGEST_LINK:
        return False
    target = link.read().decode("utf-8", "surrogateescape")
    if not target or target.startswith("/") or "\0" in target:
        return False
    here = link.path.split("/")[:-1]
    for part in target.split("/"):
        if part == "..":
            if not here or "/".join(here) in links:
                return False
            here.pop()
        elif part not in ("", "."):
            here.append(part)
    return True


def _is_pointer(entry: Entry) -> bool:
    return entry.mode != LINK and len(_LFS) < entry.size <= _LONGEST_LFS and entry.read().startswith(_LFS)


def _refuse(code: Literal["git_submodule", "git_unsafe_path"], path: str, notices: list[Notice], lenient: bool) -> None:
    shown = path.encode("utf-8", "replace").decode()
    if not lenient:
        raise GitError(code, shown, path=shown)
    notices.append(Notice(code, shown))
