"""The C library of an image, from the bytes of its layers."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builds.layers import UnreadableLayer, libc_of_layer, members, unpacked
from tests.support.submitted import File, archive

BANNER = b"\x7fELF" + b"\0" * 300_000 + b"GNU C Library (Debian GLIBC 2.36-9+deb12u4) stable release version 2.36.\n"


def source(data: bytes, *, at_once: int = 1000) -> Callable[[int], bytes]:
    """Gives at most `at_once` bytes, as a network does."""
    stream = io.BytesIO(data)
    return lambda size: stream.read(min(size, at_once))


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("files", "libc"),
    [
        ([("lib/ld-musl-x86_64.so.1", b"x" * 700)], "musl"),
        ([("./usr/lib/ld-musl-aarch64.so.1", b"x")], "musl"),
        ([("lib64/ld-linux-x86-64.so.2", "../lib/x"), ("usr/lib/x86_64-linux-gnu/libc.so.6", BANNER)], "glibc 2.36"),
        ([("lib/x86_64-linux-gnu/libc.so.6", "libc-2.31.so")], "glibc 2.31"),
        ([("lib64/libc-2.28.so", b"x")], "glibc 2.28"),
        ([("usr/lib/aarch64-linux-gnu/libc.so.6", b"no word of it")], ""),
        ([("lib64/ld-linux-x86-64.so.2", b"x")], "glibc"),
        ([("lib/ld-linux-aarch64.so.1", b"x")], "glibc"),
        # beside musl its stand-in for glibc comes first, and glibc of one's own lies elsewhere
        ([("lib/ld-linux-x86-64.so.2", "libgcompat.so.0"), ("lib/ld-musl-x86_64.so.1", b"x")], "musl"),
        ([("usr/glibc-compat/lib/libc.so.6", BANNER), ("lib/ld-musl-x86_64.so.1", b"x")], "musl"),
        ([("app/lib/ld-musl-x86_64.so.1", b"x"), ("lib/ld-musl-x86_64.so.1.bak", b"x")], ""),
        ([("bin/tool", b"static")], ""),
        ([], ""),
    ],
)
def test_what_a_layer_tells(files: list[File], libc: str, packed: bool) -> None:
    data = archive(("etc/before", b"y" * 5000), *files)
    assert libc_of_layer(source(gzip.compress(data) if packed else data)) == libc


def test_reading_ends_when_it_is_known() -> None:
    data = archive(("lib/ld-musl-x86_64.so.1", b"x"), ("large", b"\0" * 3_000_000))
    given_out = []

    def read(size: int) -> bytes:
        given_out.append(size)
        return stream(size)

    stream = source(data, at_once=70_000)
    assert libc_of_layer(read) == "musl"
    assert sum(given_out) < 200_000


@pytest.mark.parametrize("format", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT])
def test_names_and_contents_are_those_of_tarfile(format: int) -> None:
    deep = "/".join(["d" * 40] * 3)  # longer than the field for names
    files: list[File] = [
        ("a", b"1"),
        (deep, b"22"),
        ("empty", b""),
        ("b" * 99, b"3" * 513),
        ("link", "a"),
        ("c", b"4" * 512),
    ]
    known: dict[str, bytes] = {}
    for member in members(source(archive(*files, format=format), at_once=300)):
        content = b""
        while part := member.read():
            content += part
        known[member.name] = content
    assert {name: known[name] for name in ("a", "empty", "b" * 99, "link", "c")} == {
        "a": b"1", "empty": b"", "b" * 99: b"3" * 513, "link": b"", "c": b"4" * 512,
    }  # fmt: skip


def test_what_is_not_read_here() -> None:
    whole = archive(("bin/tool", b"x" * 2000))
    for data in (
        b"\x28\xb5\x2f\xfd" + b"x" * 100, b"no archive at all" * 100, whole[:700], whole[:1300],
        gzip.compress(whole)[:20] + b"damaged" * 10,
    ):  # fmt: skip
        with pytest.raises(UnreadableLayer):
            libc_of_layer(source(data))
    cut = archive(("lib64/ld-linux-x86-64.so.2", b"x"), ("large", b"x" * 5000))[:2000]
    assert libc_of_layer(source(cut)) == "glibc"  # that is known all the same


def test_a_layer_that_ends_within_a_header() -> None:
    with pytest.raises(UnreadableLayer, match="ends in the middle"):
        libc_of_layer(source(archive(("bin/tool", b"x"))[:1024] + b"bin/another"))


def test_a_layer_that_grows_beyond_reason() -> None:
    data = gzip.compress(archive(("zeros", b"\0" * 3_000_000)))
    read = unpacked(source(data), most=1_000_000)
    total = 0
    with pytest.raises(UnreadableLayer):
        while part := read(1 << 16):
            assert len(part) <= 1 << 16, "what is unpacked at once is limited too"
            total += len(part)
    assert 900_000 < total <= 1_000_000


def test_a_network_that_gives_a_byte_at_a_time() -> None:
    data = archive(("lib/ld-musl-x86_64.so.1", b"x"))
    assert libc_of_layer(source(gzip.compress(data), at_once=1)) == "musl"


def test_archives_that_go_on_behind_their_end() -> None:
    data = archive(("etc/before", b"y" * 5000)) + archive(("lib/ld-musl-x86_64.so.1", b"x"))
    assert libc_of_layer(source(data)) == "musl"


def test_a_size_that_needs_more_than_digits() -> None:
    other = tarfile.TarInfo("small")
    other.size = 5
    header = bytearray(other.tobuf(tarfile.GNU_FORMAT))
    header[124:136] = b"\x80" + (5).to_bytes(11, "big")
    rest = archive(("lib/ld-musl-x86_64.so.1", b"x"))
    assert libc_of_layer(source(bytes(header) + b"12345".ljust(512, b"\0") + rest)) == "musl"


def test_several_members_of_gzip_are_one_file() -> None:
    data = archive(("etc/before", b"y" * 5000), ("lib/ld-musl-x86_64.so.1", b"x"))
    packed = gzip.compress(data[:3000]) + gzip.compress(b"") + gzip.compress(data[3000:])
    assert libc_of_layer(source(packed)) == "musl"


@settings(max_examples=60, derandomize=True, deadline=None, database=None)
@given(st.binary(max_size=3000), st.integers(0, 6000), st.booleans())
def test_nothing_else_comes_out_of_damaged_layers(noise: bytes, at: int, packed: bool) -> None:
    data = archive(("bin/tool", b"x" * 2000), ("lib64/libc.so.6", "libc-2.31.so"))
    data = data[:at] + noise + data[at + len(noise) :]
    try:
        found = libc_of_layer(source(gzip.compress(data) if packed else data))
    except UnreadableLayer:
        return
    assert found in ("", "glibc 2.31")
