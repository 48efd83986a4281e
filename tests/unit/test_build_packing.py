"""Archives of repositories, as strangers may make them."""

from __future__ import annotations

import gzip
import io
import stat
import tarfile
import zipfile
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builds.packing import LARGEST_ARCHIVE, MOST_MEMBERS, MOST_UNPACKED, PackingError, pack, unpack
from builds.trees import FILE, LINK, PROGRAM

Members = dict[str, bytes]


def zipped(members: Members, change: Callable[[zipfile.ZipInfo], None] = lambda member: None) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            member = zipfile.ZipInfo(name)
            member.compress_type = zipfile.ZIP_DEFLATED
            change(member)
            archive.writestr(member, content)
    return stream.getvalue()


def tarred(members: Members, change: Callable[[tarfile.TarInfo], None] = lambda member: None) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            change(member)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def gzipped(members: Members) -> bytes:
    return gzip.compress(tarred(members))


def contents(data: bytes) -> Members:
    return {entry.path: entry.read() for entry in unpack(data)}


def code_of(data: bytes) -> str:
    with pytest.raises(PackingError) as refused:
        contents(data)
    return refused.value.code


FILES = {"src/a/Dockerfile": b"FROM x\n", "src/a/b.txt": b"", "README.md": b"x"}


@pytest.mark.parametrize("archived", [zipped, tarred, gzipped])
def test_archives_are_read(archived: Callable[[Members], bytes]) -> None:
    assert contents(archived(FILES)) == FILES
    assert contents(archived({f"repository-main/{name}": content for name, content in FILES.items()})) == FILES
    assert contents(archived({f"./{name}": content for name, content in FILES.items()})) == FILES
    assert contents(archived({".git/config": b"x", "a/.git": b"x", **FILES})) == FILES
    assert contents(archived({"src/a/Dockerfile": b""})) == {"src/a/Dockerfile": b""}
    assert contents(archived({"a": b""})) == {"a": b""}
    assert contents(zipped({})) == {}


def test_folders_are_no_files() -> None:
    assert contents(zipped({"a/": b"", "a/b": b"x"})) == {"b": b"x"}

    def folder(member: tarfile.TarInfo) -> None:
        member.type = tarfile.DIRTYPE if member.name == "a" else tarfile.REGTYPE

    assert contents(tarred({"a": b"", "a/b": b"x"}, folder)) == {"b": b"x"}


@pytest.mark.parametrize(
    ("mode", "kind"), [(0o100644, FILE), (0o100755, PROGRAM), (0o120777, LINK), (0o644, FILE), (0, FILE)]
)
def test_modes_are_read_from_a_zip(mode: int, kind: int) -> None:
    def change(member: zipfile.ZipInfo) -> None:
        member.external_attr = mode << 16

    assert [entry.mode for entry in unpack(zipped({"a": b"b"}, change))] == [kind]


def test_modes_are_read_from_a_tar() -> None:
    def change(member: tarfile.TarInfo) -> None:
        member.mode = 0o755
        if member.name == "c":
            member.type, member.linkname, member.size = tarfile.SYMTYPE, "../x", 0

    entries = unpack(tarred({"a": b"b", "c": b""}, change))
    assert [(entry.path, entry.mode, entry.read()) for entry in entries] == [
        ("a", PROGRAM, b"b"),
        ("c", LINK, b"../x"),
    ]


@pytest.mark.parametrize("archived", [zipped, tarred])
@pytest.mark.parametrize("name", ["../a", "/a", "a/../../b", "a\\b", "C:/a", "a//b", "a\nb"])
def test_no_path_leads_outside(archived: Callable[[Members], bytes], name: str) -> None:
    assert code_of(archived({"src/x": b"", name: b""})) == "archive_path"


@pytest.mark.parametrize("kind", [tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_only_files_are_taken_from_a_tar(kind: bytes) -> None:
    def change(member: tarfile.TarInfo) -> None:
        member.type, member.linkname = kind, "b"

    assert code_of(tarred({"a": b""}, change)) == "archive_kind"


def test_only_files_are_taken_from_a_zip() -> None:
    def change(member: zipfile.ZipInfo) -> None:
        member.external_attr = stat.S_IFIFO << 16

    assert code_of(zipped({"a": b""}, change)) == "archive_kind"


def test_what_unpacks_to_too_much_is_refused() -> None:
    large = b"\0" * (MOST_UNPACKED + 1)
    assert code_of(zipped({"a": large})) == "archive_unpacked"
    assert code_of(gzip.compress(large)) == "archive_unpacked"


def test_a_size_that_is_a_lie_is_found_out() -> None:
    data = zipped({"a": b"\0" * 1000})
    assert data.count((1000).to_bytes(4, "little")) == 2
    for size in (1, 1001):
        assert code_of(data.replace((1000).to_bytes(4, "little"), size.to_bytes(4, "little"))) == "archive_broken"


def test_too_many_members_are_refused() -> None:
    names = {str(number): b"" for number in range(MOST_MEMBERS + 1)}
    assert code_of(zipped(names)) == "archive_members"
    assert code_of(gzipped(names)) == "archive_members"


def test_other_methods_of_packing_are_refused() -> None:
    def change(member: zipfile.ZipInfo) -> None:
        member.compress_type = zipfile.ZIP_LZMA

    assert code_of(zipped({"a": b"b"}, change)) == "archive_broken"


def test_a_password_is_refused() -> None:
    data = bytearray(zipped({"a": b"b"}))
    data[data.index(b"PK\1\2") + 8] |= 1
    assert code_of(bytes(data)) == "archive_encrypted"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "archive_unknown"),
        (b"hello", "archive_unknown"),
        (gzip.compress(b"hello", mtime=0), "archive_unknown"),
        (b"\x1f\x8bhello", "archive_broken"),
        (b"PK\3\4hello", "archive_broken"),
        (gzipped(FILES)[:-20], "archive_broken"),
        (zipped(FILES)[:-5], "archive_broken"),
        (b"x" * (LARGEST_ARCHIVE + 1), "archive_too_large"),
    ],
)
def test_other_data_is_refused(data: bytes, code: str) -> None:
    assert code_of(data) == code


def test_content_that_does_not_match_its_sum_is_refused() -> None:
    data = bytearray(zipped({"a": b"hello hello"}))
    data[data.index(b"PK\1\2") + 16] ^= 1
    assert code_of(bytes(data)) == "archive_broken"


def test_what_is_packed_can_be_unpacked() -> None:
    files = {"src/a/run.sh": b"#!/bin/sh", "x/y": b"z"}
    data = pack(files)
    assert [(entry.path, entry.mode, entry.read()) for entry in unpack(data)] == [
        ("src/a/run.sh", PROGRAM, b"#!/bin/sh"),
        ("x/y", FILE, b"z"),
    ]
    assert pack(files) == data


@given(st.binary(max_size=200), st.sampled_from([b"", b"PK\3\4", b"PK\5\6", b"\x1f\x8b"]), st.integers(0, 600))
def test_any_data_is_read_or_refused(noise: bytes, start: bytes, position: int) -> None:
    damaged = bytearray(tarred({"src/a": b"x" * 20}))
    damaged[position : position + len(noise)] = noise
    for data in (start + noise, bytes(damaged)):
        try:
            contents(data)
        except PackingError:
            continue
