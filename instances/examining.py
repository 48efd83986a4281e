"""Looking into containers that never run: the only way to see a node's files and an image's through Docker's API alone.

Mounts of a container that was created and never started are there for who reads its files (spec-vgpu.md §3.5). It works
for images without a shell too, and pulls nothing.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import structlog

from instances.accelerator import Mount, Preloaded
from instances.elf import ElfFacts, Version, elf_facts
from instances.preload import GLIBC, MUSL, NO_LIBC, ImageFacts, LibraryFacts
from nodes.engine import PROBE_LABEL, BindMount, ContainerSpec, Engine, EngineError, EngineRejected, FileStat

UNTIL = f"{PROBE_LABEL}-until"  # seconds since 1970: afterwards nobody uses it any more
LIFE = timedelta(minutes=10)
MOST_BYTES = 32 * 2**20  # of a library
_KIND = "files"
# architecture → glibc's loader, musl's, and glibc's own directory on Debian and its kin
_PLACES = {
    "amd64": ("/lib64/ld-linux-x86-64.so.2", "/lib/ld-musl-x86_64.so.1", "/lib/x86_64-linux-gnu"),
    "arm64": ("/lib/ld-linux-aarch64.so.1", "/lib/ld-musl-aarch64.so.1", "/lib/aarch64-linux-gnu"),
}
_USUAL = ("/lib64", "/usr/lib64", "/lib", "/usr/lib")
_SHELL = "/bin/sh"
_IN_NAME = re.compile(r"(?:ld|libc)-(\d+\.\d+(?:\.\d+)?)\.so")  # ld-2.31.so; newer ones bear no version
logger = structlog.get_logger(__name__)


@contextmanager
def opened(engine: Engine, image: str, *, mounts: tuple[Mount, ...] = (), now: datetime) -> Iterator[str]:
    """The id of a container of the image that does not run, and is gone afterwards. Raises `EngineError`."""
    spec = ContainerSpec(
        name="",
        image=image,
        entrypoint=(),
        command=(_KIND,),  # never run; images need not have one of their own
        labels=probe_labels(_KIND, now=now),
        mounts=tuple(BindMount(mount.source, mount.target, read_only=True) for mount in mounts),
        network_mode="none",
    )
    container = engine.create_container(spec)
    try:
        yield container
    finally:
        try:
            engine.remove_container(container, force=True, volumes=True)
        except EngineError as error:  # what was found counts; the sweep removes it
            logger.info("probe not removed yet", container=container, reason=str(error))


def probe_labels(kind: str, *, now: datetime) -> dict[str, str]:
    """Of a short-lived container: who finds it later than this may remove it."""
    return {PROBE_LABEL: kind, UNTIL: str(int((now + LIFE).timestamp()))}


def remove_leftovers(engine: Engine, *, now: datetime) -> int:
    """Remove what was left by workers that died while they looked, of whatever kind. Returns how many."""
    found = engine.list_containers(labels={PROBE_LABEL: "", UNTIL: ""})
    over = [one for one in found if _until(one.labels.get(UNTIL, "")) <= now.timestamp()]
    return sum(_removed(engine, one.id) for one in over)


def _removed(engine: Engine, container: str) -> bool:
    try:
        return engine.remove_container(container, force=True, volumes=True)
    except EngineRejected as error:  # its own trouble, nobody else's
        logger.info("leftover not removed", container=container, reason=str(error))
        return False


def _until(label: str) -> int:
    return int(label) if re.fullmatch(r"[0-9]{1,12}", label) else 0


def look_at_library(
    engine: Engine, container: str, preloaded: Preloaded, *, known: LibraryFacts | None = None
) -> LibraryFacts:
    """The library in a container that has its directory mounted. One that did not change is not read again."""
    directory = engine.stat_file(container, preloaded.target)
    permissions = directory.permissions if directory else 0
    stat = engine.stat_file(container, preloaded.path)
    if stat is None:
        return LibraryFacts("missing", permissions)
    seen = LibraryFacts(_kind(stat), permissions, stat.path, stat.permissions, stat.size, stat.modified)
    if seen.kind != "file":
        return seen
    if known is not None and known.stamp == seen.stamp:
        return known
    elf = elf_facts(engine.read_file(container, preloaded.path, limit=MOST_BYTES) or b"")
    return LibraryFacts(seen.kind, permissions, stat.path, stat.permissions, stat.size, stat.modified, elf)


def _kind(stat: FileStat) -> str:
    if stat.is_directory:
        return "directory"
    if not stat.is_file:
        return "other"
    return "file" if stat.size <= MOST_BYTES else "too_large"


def look_at_image(engine: Engine, container: str, *, architecture: str) -> ImageFacts:
    """The C library of the image of a container. `architecture`: the image's, as engines have it."""
    places = [_PLACES[architecture]] if architecture in _PLACES else list(_PLACES.values())
    for loader, musl, directory in places:
        has_musl = engine.stat_file(container, musl) is not None
        found = engine.stat_file(container, loader)
        if has_musl and (found is None or _is_musl_program(engine, container)):
            return ImageFacts(MUSL, architecture)
        if found is not None:
            return ImageFacts(GLIBC, architecture, _glibc(engine, container, found.path, directory))
    return ImageFacts(NO_LIBC, architecture)


def _is_musl_program(engine: Engine, container: str) -> bool:
    """Images may have both loaders, one for a program from elsewhere: the shell's is that of the system."""
    shell = elf_facts(engine.read_file(container, _SHELL, limit=MOST_BYTES) or b"")
    return "/ld-musl-" in shell.interpreter


def _glibc(engine: Engine, container: str, loader: str, directory: str) -> Version:
    """By the name of the loader's or the library's file, else by what the library defines."""
    if version := _in_name(loader):
        return version
    for folder in dict.fromkeys((posixpath.dirname(loader), directory, *_USUAL)):
        path = posixpath.join(folder, "libc.so.6")
        library = engine.stat_file(container, path)
        if library is None or not library.is_file:
            continue
        if version := _in_name(library.path):
            return version
        facts: ElfFacts = elf_facts(engine.read_file(container, path, limit=MOST_BYTES) or b"")
        return facts.glibc_defined
    return ()


def _in_name(path: str) -> Version:
    found = _IN_NAME.fullmatch(posixpath.basename(path))
    return tuple(map(int, found[1].split("."))) if found else ()
