"""Files of applications: which are taken, and the id that git gives them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from builds.trees import (
    FILE,
    LINK,
    MAX_BYTES,
    MAX_FILE_BYTES,
    MAX_FILES,
    MAX_PATH,
    PROGRAM,
    Entry,
    TreeError,
    clean_files,
    entries_of,
    revision_of,
)

# `git write-tree` says these ids of the same files. "a-b" sorts before "a.txt", and "a" as "a/" behind both.
FILES = {
    "Dockerfile": "FROM alpine\n",
    "a/x.txt": "x",
    "a-b/c/run.sh": "#!/bin/sh\necho 1\n",
    "a.txt": "",
    "a-b/ü.txt": "é\n",
}
ID = "47b4074e4aa997f1aff35c4f952a610c4d09f3cb"
ID_WITH_LINK = "c99cff59df9a652298989da77370cf7ba71e83d8"
ID_OF_NOTHING = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


def entry(path: str, content: bytes = b"", mode: int = FILE) -> Entry:
    return Entry(path, mode, len(content), lambda: content)


def code_of(files: dict[str, str]) -> tuple[str, str]:
    with pytest.raises(TreeError) as refused:
        clean_files(files)
    return refused.value.code, refused.value.path


def test_a_tree_has_the_id_that_git_gives_it() -> None:
    assert revision_of(entries_of(FILES)) == ID
    assert revision_of(reversed(entries_of(FILES))) == ID
    assert revision_of([*entries_of(FILES), entry("link", b"a/x.txt", LINK)]) == ID_WITH_LINK
    assert revision_of([]) == ID_OF_NOTHING


def test_every_change_changes_the_id() -> None:
    changed = [FILES | {"a.txt": "x"}, FILES | {"b.txt": ""}, {**FILES, "a.txt": "#!"}]
    assert len({ID, *(revision_of(entries_of(files)) for files in changed)}) == 4


def test_a_name_that_is_no_utf8_counts_by_its_bytes() -> None:
    name = b"\xff.txt".decode(errors="surrogateescape")
    assert revision_of([entry(name)]) != revision_of([entry("ÿ.txt")])


@pytest.mark.parametrize("paths", [["a", "a"], ["a", "a/b"], ["a/b", "a"]])
def test_a_tree_has_one_thing_at_each_path(paths: list[str]) -> None:
    with pytest.raises(TreeError) as refused:
        revision_of(map(entry, paths))
    assert refused.value.code == "path_twice"


def test_entries_have_modes_and_sizes() -> None:
    entries = {item.path: item for item in entries_of(FILES)}
    assert entries["a-b/c/run.sh"].mode == PROGRAM
    assert entries["Dockerfile"].mode == FILE
    assert (entries["a-b/ü.txt"].size, entries["a-b/ü.txt"].read()) == (3, "é\n".encode())


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("", "path_empty"),
        ("/etc/passwd", "path_absolute"),
        ("../x", "path_parts"),
        ("a/../x", "path_parts"),
        ("a/..", "path_parts"),
        ("./a", "path_parts"),
        ("a//b", "path_parts"),
        ("a/", "path_parts"),
        (".git/config", "path_git"),
        ("a/.GIT/hooks/x", "path_git"),
        ("a\0b", "path_characters"),
        ("a\nb", "path_characters"),
        ("a\\b", "path_characters"),
        ("C:x", "path_characters"),
        ("\udc80", "path_characters"),
        ("ü" * (MAX_PATH // 2 + 1), "path_too_long"),
    ],
)
def test_a_path_stays_below_its_folder(path: str, code: str) -> None:
    assert code_of({"Dockerfile": "", path: ""})[0] == code


@pytest.mark.parametrize("path", [".gitignore", "a.git/x", "..a", "a/...", "x y", "ü.txt", "a" * MAX_PATH])
def test_a_path_may_look_odd(path: str) -> None:
    assert path in clean_files({"Dockerfile": "", path: ""})


@pytest.mark.parametrize(
    ("files", "code", "path"),
    [
        ({"Dockerfile": "a\0"}, "content_nul", "Dockerfile"),
        ({"Dockerfile": "\udc80"}, "content_encoding", "Dockerfile"),
        ({"Dockerfile": "", "x": "é" * (MAX_FILE_BYTES // 2 + 1)}, "file_too_large", "x"),
        ({"Dockerfile": "", **dict.fromkeys("abcdef", "x" * (MAX_BYTES // 5))}, "files_too_large", ""),
        ({"Dockerfile": "", **{f"{n}": "" for n in range(MAX_FILES)}}, "files_too_many", ""),
        ({"dockerfile": ""}, "dockerfile_missing", ""),
        ({"a/Dockerfile": ""}, "dockerfile_missing", ""),
        ({"Dockerfile": "", "a": "", "a/b/c": ""}, "path_twice", "a/b/c"),
    ],
)
def test_files_keep_to_limits(files: dict[str, str], code: str, path: str) -> None:
    assert code_of(files) == (code, path)


def test_the_largest_files_are_taken() -> None:
    files = {"Dockerfile": "x" * MAX_FILE_BYTES, **dict.fromkeys("abcd", "x" * MAX_FILE_BYTES)}
    assert clean_files(files) == files
    assert len(clean_files({"Dockerfile": "", **{f"{n}": "" for n in range(MAX_FILES - 1)}})) == MAX_FILES
    assert clean_files({}) == {}


parts = st.one_of(st.sampled_from(["a", "b", "..", ".", "", ".git", "Dockerfile"]), st.text(max_size=4))
paths = st.lists(parts, min_size=1, max_size=4).map("/".join)


@given(st.dictionaries(paths, st.text(max_size=8), max_size=5))
@example({"Dockerfile": "", "a/b": "x", "a/c": "y"})
def test_files_that_are_taken_can_be_written_below_a_folder(files: dict[str, str]) -> None:
    root = Path("/folder")
    try:
        clean = clean_files(files | {"Dockerfile": ""})
    except TreeError:
        return
    places = [root.joinpath(path) for path in clean]
    assert all(root in place.parents and ".." not in place.parts for place in places)
    assert not {parent for place in places for parent in place.parents} & set(places)
    assert clean_files(clean) == clean
    assert list(clean) == sorted(clean)
    assert len(revision_of(entries_of(clean))) == 40
