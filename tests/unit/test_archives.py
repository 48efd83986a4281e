"""Reading image archives: of `docker save` and of OCI tools, whole and broken ones."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import json
import lzma
import random
import tarfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from imagelib.addresses import parse
from pulls.archive_listing import ArchivedImage
from pulls.archive_reader import CHUNK, LARGEST_HEADER, MOST_READ, Forwards, opened
from pulls.archives import ArchiveUnusable, choose, demand_nothing_else, packed, read_archive
from tests.support.fake_registry import FakeImage
from tests.support.fake_transfers import archive_of, tar_of
from tests.support.one_pull import IMAGE, REFERENCE

ARM = replace(IMAGE, platform="linux/arm64")


def written(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    return str(path)


def blob(content: Any) -> tuple[str, bytes, dict[str, Any]]:
    """Path, bytes and descriptor."""
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    hexadecimal = hashlib.sha256(data).hexdigest()
    return f"blobs/sha256/{hexadecimal}", data, {"digest": f"sha256:{hexadecimal}", "size": len(data)}


def oci_archive(*images: FakeImage, name: str = REFERENCE, nested: bool = False) -> bytes:
    """As buildx and skopeo write it; `nested`: an index in the index, for several platforms."""
    files = {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}'}
    entries = []
    for image in images:
        system, _, architecture = image.platform.partition("/")
        layer_path, layer, layer_entry = blob(gzip.compress(b"layer", mtime=0))
        config_path, config, config_entry = blob(
            {"os": system, "architecture": architecture, "rootfs": {"diff_ids": list(image.diff_ids)}, "config": {}}
        )
        path, manifest, entry = blob({"schemaVersion": 2, "config": config_entry, "layers": [layer_entry]})
        files |= {layer_path: layer, config_path: config, path: manifest}
        entries.append(entry | {"platform": {"os": system, "architecture": architecture}})
    attested_path, attested, attested_entry = blob({"config": {}, "layers": []})
    files[attested_path] = attested
    entries.append(attested_entry | {"platform": {"os": "unknown", "architecture": "unknown"}})
    annotations = {"io.containerd.image.name": name}
    if nested:
        index_path, index, index_entry = blob({"manifests": entries})
        files[index_path] = index
        entries = [index_entry | {"annotations": annotations}]
    else:
        entries = [entry | {"annotations": annotations} for entry in entries]
    files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": entries}).encode()
    return tar_of(files)


@pytest.mark.parametrize("squeeze", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_what_docker_saves(tmp_path: Path, squeeze: Callable[[bytes], bytes]) -> None:
    path = written(tmp_path / "a.tar", squeeze(archive_of(IMAGE, [REFERENCE])))
    [image] = read_archive(path)
    assert image.names == (REFERENCE,) and image.paths is None
    assert (image.info.platform, image.info.diff_ids) == (IMAGE.platform, IMAGE.diff_ids)
    assert (dict(image.info.environment), image.info.command) == (dict(IMAGE.environment), IMAGE.command)
    whole = packed(path, image, parse(REFERENCE))
    data = Path(path).read_bytes()
    assert (b"".join(whole.chunks), whole.size, whole.exact) == (data, len(data), True)


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("squeeze", [bytes, gzip.compress])
def test_oci_archives_get_the_list_that_engines_look_for(
    tmp_path: Path, squeeze: Callable[[bytes], bytes], nested: bool
) -> None:
    path = written(tmp_path / "a.tar", squeeze(oci_archive(ARM, IMAGE, nested=nested)))
    images = read_archive(path)
    assert [image.info.platform for image in images] == ["linux/arm64", "linux/amd64"]
    image = choose(images, parse(REFERENCE), platform="linux/amd64")
    assert image.info.diff_ids == IMAGE.diff_ids and image.is_named(parse(REFERENCE))
    whole = packed(path, image, parse("registry.example.com/team/other:2"))
    data = b"".join(whole.chunks)
    assert whole.exact == (squeeze is bytes)
    assert not whole.exact or whole.size == len(data)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        names = archive.getnames()
        listed = archive.extractfile("manifest.json")
        assert listed is not None
        [entry] = json.load(listed)
    assert entry["RepoTags"] == ["registry.example.com/team/other:2"]
    assert {entry["Config"], *entry["Layers"], "index.json"} <= set(names)


def test_the_image_of_the_name_is_meant(tmp_path: Path) -> None:
    other = FakeImage.sized("docker.io/library/other", "1", [5])
    files: dict[str, bytes] = {}
    listed = []
    for image, name in ((other, "other:1"), (IMAGE, REFERENCE)):
        with tarfile.open(fileobj=io.BytesIO(archive_of(image, [name]))) as archive:
            for member in archive:
                part = archive.extractfile(member)
                assert part is not None
                content = part.read()
                if member.name == "manifest.json":
                    listed += json.loads(content)
                else:
                    files[member.name] = content
    path = written(tmp_path / "two.tar", tar_of({**files, "manifest.json": json.dumps(listed).encode()}))
    images = read_archive(path)
    assert choose(images, parse(REFERENCE), platform="linux/amd64").info.diff_ids == IMAGE.diff_ids
    assert choose(images, parse("docker.io/library/other:1"), platform="linux/amd64").info.diff_ids == other.diff_ids
    with pytest.raises(ArchiveUnusable) as error:
        choose(images, parse("third:1"), platform="linux/amd64")
    assert error.value.failure.code == "archive_ambiguous"
    assert error.value.failure.params == {"names": f"{REFERENCE}, other:1"}

    demand_nothing_else(images[:1], images[0])
    with pytest.raises(ArchiveUnusable) as error:
        demand_nothing_else(images, images[1])
    assert (error.value.failure.code, error.value.failure.params) == ("archive_others", {"names": "other:1"})


def test_other_platforms_and_other_names_of_the_image_are_no_other_images(tmp_path: Path) -> None:
    images = read_archive(written(tmp_path / "a.tar", oci_archive(ARM, IMAGE)))
    demand_nothing_else(images, images[1])
    again = replace(images[1], names=("other:2",))
    demand_nothing_else([*images, again], images[1])


def test_the_only_image_is_meant_whatever_it_is_called(tmp_path: Path) -> None:
    images = read_archive(written(tmp_path / "a.tar", archive_of(IMAGE, [])))
    assert choose(images, parse("third:1"), platform="linux/amd64").names == ()


def test_another_platform_is_refused(tmp_path: Path) -> None:
    images = read_archive(written(tmp_path / "a.tar", archive_of(ARM, [REFERENCE])))
    with pytest.raises(ArchiveUnusable) as error:
        choose(images, parse(REFERENCE), platform="linux/amd64")
    assert error.value.failure.code == "platform_mismatch"
    assert error.value.failure.params == {"image": "linux/arm64", "node": "linux/amd64"}


_GOOD = archive_of(IMAGE, [REFERENCE])
_NO_CONFIG = tar_of({"manifest.json": b'[{"Config": "x.json", "RepoTags": null, "Layers": []}]'})


@pytest.mark.parametrize(
    "data",
    [
        b"", b"rubbish", b"\0" * 10240, _GOOD[: len(_GOOD) // 2], gzip.compress(_GOOD, mtime=0)[:300],
        b"\x1f\x8b rubbish",
        b"BZh rubbish", tar_of({"readme": b"no image"}), tar_of({"manifest.json": b"[]"}),
        tar_of({"manifest.json": b"{"}),
        tar_of({"manifest.json": b'["x", 1, null]'}), _NO_CONFIG, tar_of({"index.json": b'{"manifests": [{}]}'}),
        tar_of({"index.json": b'{"manifests": [{"digest": "sha256:00"}]}'}), tar_of({"index.json": b"[" * 100_000}),
        tar_of({"manifest.json": b"[" * 100_000}),
    ],
)  # fmt: skip
def test_what_is_none(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(ArchiveUnusable) as error:
        read_archive(written(tmp_path / "a.tar", data))
    assert error.value.failure.code == "archive_invalid"
    assert error.value.failure.evidence


@given(st.data())
def test_a_damaged_byte_never_crashes(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    good = data.draw(st.sampled_from([_GOOD, oci_archive(IMAGE, ARM, nested=True), gzip.compress(_GOOD, mtime=0)]))
    place = data.draw(st.integers(0, len(good) - 1))
    broken = good[:place] + data.draw(st.binary(min_size=1, max_size=200)) + good[place + 1 :]
    try:
        images = read_archive(written(tmp_path_factory.getbasetemp() / "damaged.tar", broken))
        assert all(isinstance(image, ArchivedImage) for image in images)
    except ArchiveUnusable as error:
        assert error.failure.code == "archive_invalid"


def test_what_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path / "nosuch.tar", tmp_path):
        with pytest.raises(ArchiveUnusable) as error:
            read_archive(str(path))
        assert error.value.failure.code == "archive_missing"


def test_large_files_are_not_kept(tmp_path: Path) -> None:
    """A layer may look like JSON."""
    files = {"layer.tar": b"{" * (5 << 20), "manifest.json": b"[]"}
    with pytest.raises(ArchiveUnusable, match="archive_invalid"):
        read_archive(written(tmp_path / "a.tar", tar_of(files)))


def test_reading_can_be_stopped(tmp_path: Path) -> None:
    class Enough(Exception):
        pass

    def glance() -> None:
        raise Enough

    with pytest.raises(Enough):
        read_archive(written(tmp_path / "a.tar", _GOOD), glance=glance)


def test_what_would_unpack_without_end(tmp_path: Path) -> None:
    bomb = gzip.compress(tar_of({"layer.tar": bytes(64 << 20), "manifest.json": b"[]"}))
    assert len(bomb) < 1 << 20
    with pytest.raises(ArchiveUnusable) as error:
        read_archive(written(tmp_path / "a.tar", bomb))
    assert "times" in error.value.failure.evidence


def header(kind: bytes, size: int) -> bytes:
    member = tarfile.TarInfo("x")
    member.type, member.size = kind, size
    return member.tobuf(tarfile.GNU_FORMAT)


def pax(record: str) -> bytes:
    data = record.encode()
    return header(tarfile.XHDTYPE, len(data)) + data + bytes(-len(data) % 512)


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE])
def test_long_names_are_not_read(tmp_path: Path, kind: bytes) -> None:
    """They would be kept in memory as a whole."""
    bomb = gzip.compress(header(kind, 2 << 20) + bytes(2 << 20) + _GOOD)
    with pytest.raises(ArchiveUnusable) as error:
        read_archive(written(tmp_path / "a.tar", bomb))
    assert error.value.failure.evidence == "ValueError: what describes its files is too long"


def test_all_that_is_read_is_limited() -> None:
    """Names of usual length, but without end."""
    reader, most = Forwards(io.BytesIO(), glance=lambda: None), MOST_READ // LARGEST_HEADER
    for _ in range(most):
        reader.allow(LARGEST_HEADER)
        reader.read(LARGEST_HEADER)
    reader.allow(LARGEST_HEADER)
    with pytest.raises(ValueError, match="too long"):
        reader.read(1)


def test_files_without_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pulls.archives.MOST_MEMBERS", 3)
    with pytest.raises(ArchiveUnusable) as error:
        read_archive(written(tmp_path / "a.tar", header(tarfile.REGTYPE, 0) * 4))
    assert error.value.failure.evidence == "ValueError: more than 3 files"


def test_files_that_lead_back(tmp_path: Path) -> None:
    back = pax("14 size=-2048\n") + header(tarfile.REGTYPE, 0)
    with pytest.raises(ArchiveUnusable) as error:
        read_archive(written(tmp_path / "a.tar", back + _GOOD))
    assert error.value.failure.evidence == "ValueError: its files overlap"


@pytest.mark.parametrize("squeeze", [gzip.compress, bz2.compress, lzma.compress])
def test_leaving_out_a_large_layer_can_be_stopped(tmp_path: Path, squeeze: Callable[[bytes], bytes]) -> None:
    glances: list[int] = []
    layer = random.Random(1).randbytes(5 << 20)
    path = written(tmp_path / "a.tar", squeeze(tar_of({"layer.tar": layer, "manifest.json": b"[1]"})))
    with pytest.raises(ArchiveUnusable):
        read_archive(path, glance=lambda: glances.append(1))
    assert len(glances) >= len(layer) // CHUNK


def with_dictionary(code: int, data: bytes) -> bytes:
    """As xz, with a dictionary of (2 | code & 1) << code // 2 + 11 bytes, as far as its header says."""
    packed = bytearray(lzma.compress(data, filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 16}]))
    first, length = 12, (packed[12] + 1) * 4
    assert packed[first + 2 : first + 4] == b"\x21\x01"  # LZMA2 and the length of its properties: one byte
    packed[first + 4] = code
    packed[first + length - 4 : first + length] = zlib.crc32(packed[first : first + length - 4]).to_bytes(4, "little")
    return bytes(packed)


@pytest.mark.parametrize("code", [29, 30, 40])  # 96 and 128 MiB, 4 GiB
def test_xz_files_that_want_a_large_dictionary_get_none(tmp_path: Path, code: int) -> None:
    assert read_archive(written(tmp_path / "a.tar", with_dictionary(28, _GOOD))), "as much as xz -9 takes"
    with pytest.raises(ArchiveUnusable) as error:
        read_archive(written(tmp_path / "a.tar", with_dictionary(code, _GOOD)))
    assert error.value.failure.code == "archive_invalid"
    assert error.value.failure.evidence == "ValueError: to unpack it takes more than 80 MiB of memory"


@given(st.lists(st.tuples(st.binary(max_size=2000), st.sampled_from([0, 4, 400_000])), min_size=1, max_size=4))
@example([(bytes(3 << 20), 0)])  # little becomes much
def test_xz_streams_one_behind_the_other_are_one_file(
    tmp_path_factory: pytest.TempPathFactory, parts: list[tuple[bytes, int]]
) -> None:
    path = written(
        tmp_path_factory.getbasetemp() / "streams.xz", b"".join(lzma.compress(data) + bytes(pad) for data, pad in parts)
    )
    whole = b"".join(data for data, _ in parts)
    with opened(path) as file:
        assert file.read(1) + file.read() == whole and file.read(1) == b""


@pytest.mark.parametrize("left", [6, 12, 40, -1])
def test_an_xz_stream_that_ends_too_early(tmp_path: Path, left: int) -> None:
    with opened(written(tmp_path / "a.tar", lzma.compress(_GOOD)[:left])) as file, pytest.raises(EOFError):
        file.read()
