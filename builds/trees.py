"""Files that an image is built from, wherever they come from: kept here, a git repository, an archive.

Pure. A tree is a list of entries; its revision is the id that git gives a tree with that content, so that the same
files have the same id on either way.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

FILE: Final = 0o100644
PROGRAM: Final = 0o100755
LINK: Final = 0o120000

DOCKERFILE: Final = "Dockerfile"
MAX_FILES: Final = 200
MAX_FILE_BYTES: Final = 1_000_000
MAX_BYTES: Final = 5_000_000
MAX_PATH: Final = 255

_FOLDER = 0o40000
# Control characters, and what Windows reads as a separator or a drive.
_STRANGE = re.compile(r"[\x00-\x1f\x7f\\]|\A[A-Za-z]:")

TreeCode = Literal[
    "path_empty",
    "path_too_long",
    "path_characters",
    "path_absolute",
    "path_parts",
    "path_git",
    "path_twice",
    "content_nul",
    "content_encoding",
    "content_broken",
    "link",
    "file_too_large",
    "files_too_large",
    "files_too_many",
    "dockerfile_missing",
]


class TreeError(ValueError):
    """Files break the rule `code`; `path` is the file, "" for all of them; `limit` belongs to the rule."""

    def __init__(self, code: TreeCode, path: str = "", *, limit: int = 0) -> None:
        super().__init__(code, path)
        self.code = code
        self.path = path
        self.limit = limit


@dataclass(frozen=True, slots=True)
class Entry:
    """A file, a program or a symbolic link, whose target is what `read` gives. `path` is relative, joined by "/"."""

    path: str
    mode: int
    size: int
    read: Callable[[], bytes]


def entries_of(files: Mapping[str, str], *, programs: Collection[str] = ()) -> list[Entry]:
    """Texts have no mode: one that starts with `#!` is a program, as whoever wrote it means it to be; `programs` are
    the paths of others that were ones where they came from."""
    return [_entry(path, text.encode(), path in programs) for path, text in sorted(files.items())]


def clean_files(files: Mapping[str, str]) -> dict[str, str]:
    """Files as an application may hold them, sorted; raises `TreeError`. None at all is right, too."""
    if len(files) > MAX_FILES:
        raise TreeError("files_too_many", limit=MAX_FILES)
    size = 0
    for path, text in files.items():
        check_path(path)
        size += _checked_size(path, text)
    if size > MAX_BYTES:
        raise TreeError("files_too_large", limit=MAX_BYTES)
    _check_folders(files)
    if files and DOCKERFILE not in files:
        raise TreeError("dockerfile_missing")
    return dict(sorted(files.items()))


def check_path(path: str) -> None:
    if not path:
        raise TreeError("path_empty")
    try:
        length = len(path.encode())
    except UnicodeEncodeError:
        raise TreeError("path_characters") from None  # a path that cannot be shown
    if _STRANGE.search(path):
        raise TreeError("path_characters", path)
    if length > MAX_PATH:
        raise TreeError("path_too_long", path, limit=MAX_PATH)
    if path.startswith("/"):
        raise TreeError("path_absolute", path)
    parts = path.split("/")
    if {"", ".", ".."} & set(parts):
        raise TreeError("path_parts", path)
    if ".git" in map(str.lower, parts):
        raise TreeError("path_git", path)


def revision_of(entries: Iterable[Entry]) -> str:
    """40 hexadecimal digits: `git write-tree` of the same files says the same."""
    root: dict[str, _Node] = {}
    for entry in entries:
        *folders, name = entry.path.split("/")
        folder = root
        for part in folders:
            child = folder.setdefault(part, {})
            if not isinstance(child, dict):
                raise TreeError("path_twice", entry.path)
            folder = child
        if name in folder:
            raise TreeError("path_twice", entry.path)
        folder[name] = entry
    return _tree_id(root).hex()


_Node = Entry | dict[str, "_Node"]


def _entry(path: str, content: bytes, program: bool) -> Entry:
    mode = PROGRAM if program or content.startswith(b"#!") else FILE
    return Entry(path, mode, len(content), lambda: content)


def _checked_size(path: str, text: str) -> int:
    if "\0" in text:
        raise TreeError("content_nul", path)
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise TreeError("content_encoding", path) from None
    if size > MAX_FILE_BYTES:
        raise TreeError("file_too_large", path, limit=MAX_FILE_BYTES)
    return size


def _check_folders(paths: Iterable[str]) -> None:
    """No file is a folder of another one."""
    known = set(paths)
    for path in sorted(known):
        parts = path.split("/")
        for count in range(1, len(parts)):
            if "/".join(parts[:count]) in known:
                raise TreeError("path_twice", path)


def _tree_id(folder: Mapping[str, _Node]) -> bytes:
    def in_gits_order(item: tuple[str, _Node]) -> bytes:
        return _bytes(item[0]) + b"/" * isinstance(item[1], dict)

    return _object_id(b"tree", b"".join(_line(name, node) for name, node in sorted(folder.items(), key=in_gits_order)))


def _line(name: str, node: _Node) -> bytes:
    if isinstance(node, dict):
        return _listed(_FOLDER, name, _tree_id(node))
    return _listed(node.mode, name, _object_id(b"blob", node.read()))


def _listed(mode: int, name: str, object_id: bytes) -> bytes:
    return b"%o %s\0%s" % (mode, _bytes(name), object_id)


def _bytes(name: str) -> bytes:
    """A repository may have names that are not UTF-8; who reads them keeps their bytes this way."""
    return name.encode(errors="surrogateescape")


def _object_id(kind: bytes, content: bytes) -> bytes:
    # What git names its objects by; nothing here relies on it being hard to forge.
    return hashlib.sha1(b"%s %d\0%s" % (kind, len(content), content), usedforsecurity=False).digest()
