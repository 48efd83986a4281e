"""Image layers made from nothing: the same specification always gives the same bytes."""

from __future__ import annotations

import gzip
import hashlib
import io
import random
import re
import subprocess
import tarfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tests.services.requirements import program

_FILE_SIZE = 4_000_000
_MODIFIED = 1_600_000_000
_DIRECTORIES = ("bin", "etc", "tmp", "root", "proc", "sys", "dev", "usr", "usr/bin")
_APPLETS = ("sh", "ls", "cat", "env", "sleep", "echo", "id", "df", "true", "false", "mkdir", "rm", "dd", "hostname")
_TEXTS = {
    "etc/passwd": b"root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/tmp:/bin/sh\n",
    "etc/group": b"root:x:0:\nuser:x:1000:\n",
    "etc/os-release": b'NAME="Test image"\nID=test\n',
}


@dataclass(frozen=True)
class LayerSpec:
    """`size`: incompressible bytes, about what is downloaded; `padding`: further bytes that compress to nothing.
    `files`: paths without their slash, each with its content or with where a link leads."""

    name: str
    size: int = 0
    padding: int = 0
    files: tuple[tuple[str, bytes | str], ...] = ()


@dataclass(frozen=True)
class BuiltLayer:
    """A layer's blob. `diff_id` is the digest of the uncompressed archive."""

    digest: str
    size: int
    diff_id: str
    uncompressed_size: int

    @property
    def short(self) -> str:
        """The 12 hex digits by which pull events name the layer."""
        return self.digest.removeprefix("sha256:")[:12]


class LayerBuilder:
    """Builds layers into blob files below one directory, each once."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self._built: dict[LayerSpec | str, BuiltLayer] = {}

    def blob_path(self, digest: str) -> Path:
        return self.directory / digest.removeprefix("sha256:")

    def layer(self, spec: LayerSpec) -> BuiltLayer:
        """A layer of pseudo-random files."""
        return self._once(spec, lambda archive: _write_files(archive, spec), compress=spec.padding > 0)

    def busybox(self) -> BuiltLayer:
        """A root file system in which a container can run: static busybox, a shell and a few commands."""
        return self._once("busybox", _write_busybox, compress=True)

    def glibc(self) -> BuiltLayer:
        """A root file system for programs of this machine: loader, C library, a shell and `sleep`."""
        return self._once("glibc", _write_glibc, compress=True)

    def _once(self, key: LayerSpec | str, write: Callable[[tarfile.TarFile], None], *, compress: bool) -> BuiltLayer:
        if key not in self._built:
            self._built[key] = self._build(write, compress=compress)
        return self._built[key]

    def _build(self, write: Callable[[tarfile.TarFile], None], *, compress: bool) -> BuiltLayer:
        partial = self.directory / "partial"
        with partial.open("wb") as file:
            blob = _Hashed(file)
            # level 0 stores: random bytes do not get smaller, and 200 MB of them are ready in a second
            with gzip.GzipFile(fileobj=blob, mode="wb", compresslevel=1 if compress else 0, mtime=0) as zipped:
                archive = _Hashed(zipped)
                with tarfile.open(fileobj=archive, mode="w|", format=tarfile.PAX_FORMAT) as tar:  # type: ignore[call-overload]
                    write(tar)
        partial.rename(self.blob_path(blob.digest))
        return BuiltLayer(blob.digest, blob.size, archive.digest, archive.size)


class _Hashed:
    """A file to write to that knows the digest and the size of what went through."""

    def __init__(self, file: BinaryIO | gzip.GzipFile) -> None:
        self._file, self._hash, self.size = file, hashlib.sha256(), 0

    @property
    def digest(self) -> str:
        return f"sha256:{self._hash.hexdigest()}"

    def write(self, data: bytes) -> int:
        self._hash.update(data)
        self.size += len(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()


def _write_files(tar: tarfile.TarFile, spec: LayerSpec) -> None:
    source = random.Random(f"{spec.name} {spec.size} {spec.padding}")
    folder = f"opt/{spec.name.replace('/', '-').replace(':', '-')}"
    for name, content in spec.files:
        if isinstance(content, str):
            _add(tar, name, kind=tarfile.SYMTYPE, link=content, mode=0o777)
        else:
            _add(tar, name, content, mode=0o755)
    for number, size in enumerate(_pieces(spec.size)):
        _add(tar, f"{folder}/{number}.bin", source.randbytes(size))
    for number, size in enumerate(_pieces(spec.padding)):
        _add(tar, f"{folder}/{number}.pad", bytes(size))


def _pieces(total: int) -> Iterable[int]:
    while total > 0:
        yield min(total, _FILE_SIZE)
        total -= _FILE_SIZE


def _write_busybox(tar: tarfile.TarFile) -> None:
    for name in _DIRECTORIES:
        _add(tar, name, kind=tarfile.DIRTYPE, mode=0o1777 if name == "tmp" else 0o755)
    _add(tar, "bin/busybox", Path(program("busybox")).read_bytes(), mode=0o755)
    for name in _APPLETS:
        _add(tar, f"bin/{name}", kind=tarfile.SYMTYPE, link="busybox", mode=0o777)
    for name, text in _TEXTS.items():
        _add(tar, name, text)


def _write_glibc(tar: tarfile.TarFile) -> None:
    for name in (*_DIRECTORIES, "lib", "lib64"):
        _add(tar, name, kind=tarfile.DIRTYPE, mode=0o1777 if name == "tmp" else 0o755)
    for name in ("sh", "sleep"):
        _add(tar, f"bin/{name}", Path(program(name)).read_bytes(), mode=0o755)
    for path in _libraries_of(program("sh"), program("sleep")):
        _add(tar, str(path).lstrip("/"), path.read_bytes(), mode=0o755)
    for name, text in _TEXTS.items():
        _add(tar, name, text)


def _libraries_of(*programs: str) -> list[Path]:
    """The loader and the libraries that programs of this machine are linked to, `dlopen` of older ones included."""
    linked = subprocess.run(["ldd", *programs], capture_output=True, text=True, check=True).stdout
    found = {Path(path) for path in re.findall(r"(/\S+) \(0x", linked)}
    return sorted(found | {old for path in found if (old := path.with_name("libdl.so.2")).exists()})


def _add(
    tar: tarfile.TarFile,
    name: str,
    data: bytes = b"",
    *,
    kind: bytes = tarfile.REGTYPE,
    link: str = "",
    mode: int = 0o644,
) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname, entry.mode, entry.mtime, entry.size = kind, link, mode, _MODIFIED, len(data)
    tar.addfile(entry, io.BytesIO(data) if kind == tarfile.REGTYPE else None)
