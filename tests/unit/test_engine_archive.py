"""Files out of what an engine packs."""

from __future__ import annotations

import base64
import io
import json
import tarfile
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.engine import EngineError
from nodes.engine.archive import first_file, follow, path_stat


def packed(name: str, data: bytes = b"", *, kind: bytes = tarfile.REGTYPE, **pax: str) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as archive:
        entry = tarfile.TarInfo(name)
        entry.type, entry.size, entry.pax_headers = kind, len(data), pax
        archive.addfile(entry, io.BytesIO(data))
    return target.getvalue()


def header(**stat: object) -> str:
    return base64.b64encode(json.dumps(stat).encode()).decode()


@given(st.binary(max_size=3000), st.integers(0, 4000), st.integers(1, 2000))
def test_any_file_in_any_chunks(data: bytes, limit: int, size: int) -> None:
    archive = packed("libvgpu.so", data)
    chunks = (archive[start : start + size] for start in range(0, len(archive), size))
    assert first_file(chunks, limit=limit) == data[:limit]


def test_long_names_and_attributes() -> None:
    archive = packed("x" * 300, b"content", **{"SCHILY.xattr.user.a": "v" * 5000})
    assert first_file(iter([archive]), limit=100) == b"content"


def test_no_more_is_read_than_is_wanted() -> None:
    archive = packed("big", b"z" * 5_000_000)
    asked = 0

    def chunks() -> Iterator[bytes]:
        nonlocal asked
        for start in range(0, len(archive), 65536):
            asked += 1
            yield archive[start : start + 65536]

    assert first_file(chunks(), limit=10) == b"z" * 10
    assert asked == 1


def test_directories_and_empty_archives_are_no_files() -> None:
    assert first_file(iter([packed("d", kind=tarfile.DIRTYPE)]), limit=10) is None
    assert first_file(iter([bytes(10240)]), limit=10) is None


@pytest.mark.parametrize("data", [b"no archive at all" * 100, packed("cut", b"z" * 4000)[:1000], b"short"])
def test_what_is_no_archive(data: bytes) -> None:
    with pytest.raises(EngineError) as error:
        first_file(iter([data]), limit=5000)
    assert error.value.code == "engine_not_docker"


def test_headers_that_are_longer_than_anybody_needs() -> None:
    def endless() -> Iterator[bytes]:
        entry = tarfile.TarInfo("x")
        entry.type, entry.size = tarfile.XHDTYPE, 1 << 33
        yield entry.tobuf()
        while True:
            yield b"1" * 65536

    with pytest.raises(EngineError):
        first_file(endless(), limit=10)


def test_descriptions_of_paths() -> None:
    file, link, directory = 0o100644, (1 << 27) | 0o777, (1 << 31) | 0o755
    assert path_stat(header(mode=file & 0o777)).is_file
    found = path_stat(header(mode=link, linkTarget="/usr/lib/x.so"))
    assert (found.is_link, found.is_file, found.link_target) == (True, False, "/usr/lib/x.so")
    described = path_stat(header(mode=file & 0o777, size=7, mtime="2024-01-01T00:00:00.5Z"))
    assert (described.size, described.modified, described.is_directory) == (7, "2024-01-01T00:00:00.5Z", False)
    assert path_stat(header(mode=directory)).is_directory
    for kind in (directory, 1 << 26, 1 << 25, 1 << 24, 1 << 21 | 1 << 26):
        assert not path_stat(header(mode=kind)).is_file and not path_stat(header(mode=kind)).is_link


@pytest.mark.parametrize(
    "text", [None, "", "no base64!", header(), header(mode="x"), base64.b64encode(b"[1]").decode()]
)
def test_descriptions_that_are_none(text: str | None) -> None:
    with pytest.raises(EngineError) as error:
        path_stat(text)
    assert error.value.code == "engine_not_docker"


@pytest.mark.parametrize(
    ("path", "target", "found"),
    [
        ("/lib/x.so", "y.so", "/lib/y.so"),
        ("/lib/x.so", "/usr/y.so", "/usr/y.so"),
        ("/lib/x.so", "../../../../etc/y", "/etc/y"),
        ("x", "y", "/y"),
    ],
)
def test_where_links_lead(path: str, target: str, found: str) -> None:
    assert follow(path, target) == found
