"""Whether a library that is to be preloaded can do its work: what is known of it and an image, and the verdict. Pure.

A loader that cannot use the library says one line and goes on, without any limit, or lets every program die
(spec-vgpu.md §3.1). Docker shows neither, so it is judged before there is a container.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from instances.accelerator import Finding, Preloaded
from instances.elf import ElfFacts, Version, version_text

UNREAD = ElfFacts()
GLIBC, MUSL, NO_LIBC = "glibc", "musl", "none"
_READABLE, _SEARCHABLE = 0o004, 0o001  # for everybody: programs in containers have any user


@dataclass(frozen=True, slots=True)
class LibraryFacts:
    """The library as containers on a node see it. `kind`: "missing", "file", "directory", "other", "too_large"."""

    kind: str
    directory_permissions: int = 0o755
    path: str = ""
    permissions: int = 0
    size: int = 0
    modified: str = ""
    elf: ElfFacts = UNREAD

    @property
    def stamp(self) -> tuple[Any, ...]:
        """As long as it is the same, so is the content."""
        return (self.kind, self.path, self.size, self.modified, self.permissions, self.directory_permissions)


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """The C library of an image's programs; `glibc` () when it is another, or its version is not known."""

    libc: str
    architecture: str = ""  # as engines have it; "" is unknown
    glibc: Version = ()
    environment: tuple[tuple[str, str], ...] | None = None  # what matters of it to a slice; None: not looked at


def judge(library: LibraryFacts | None, image: ImageFacts | None, preloaded: Preloaded, *, node: str) -> list[Finding]:
    """All that stands against it, the gravest first. `library`, `image`: None for one that is not known. `node`: its
    architecture, "" if unknown. A library may need its vendor's others: containers with slices have them."""
    found: list[Finding] = []
    if library is not None:
        found += _of_library(library, preloaded, node=node)
    if image is not None:
        found += _of_image(image, library.elf if library and library.elf.is_library else None)
    return sorted(found, key=lambda finding: not finding.refuses)


def _of_library(library: LibraryFacts, preloaded: Preloaded, *, node: str) -> Iterator[Finding]:
    elf, name = library.elf, {"name": preloaded.name}
    if not library.directory_permissions & _SEARCHABLE:
        yield Finding("library_directory_closed", {"mode": f"{library.directory_permissions:04o}"})
    if library.kind != "file":
        yield Finding(_KINDS.get(library.kind, "library_no_file"), name)
        return
    if not library.permissions & _READABLE:
        yield Finding("library_not_readable", {**name, "mode": f"{library.permissions:04o}"})
    if elf.fault or not elf.is_library:
        yield Finding("library_empty" if elf.fault == "empty" else "library_damaged", name)
        return
    if node and elf.machine != node:
        yield Finding("library_architecture", {**name, "library": elf.machine, "node": node})


_KINDS = {"missing": "library_missing", "directory": "library_is_directory", "too_large": "library_damaged"}


def _of_image(image: ImageFacts, library: ElfFacts | None) -> Iterator[Finding]:
    """`library` None: it cannot be used anyhow, so only what no library would change is told."""
    if image.libc == MUSL:
        yield Finding("image_musl")
    elif image.libc == NO_LIBC:
        yield Finding("image_without_libc", refuses=False)
    if library is None:
        return
    if image.architecture and library.machine != image.architecture:
        yield Finding("image_architecture", {"library": library.machine, "image": image.architecture})
    if image.libc != GLIBC or not library.glibc_needed:
        return
    if not image.glibc:
        yield Finding("image_glibc_unknown", refuses=False)
    elif image.glibc < library.glibc_needed:
        needed, there = version_text(library.glibc_needed), version_text(image.glibc)
        yield Finding("image_glibc_old", {"needed": needed, "there": there})


# --- as it is stored --------------------------------------------------------------------------------------------------


def as_json(facts: LibraryFacts | ImageFacts) -> dict[str, Any]:
    return asdict(facts)


def library_facts(stored: Mapping[str, Any]) -> LibraryFacts:
    elf = dict(stored["elf"])
    lists = {name: tuple(elf[name]) for name in ("needed", "glibc_needed", "glibc_defined")}
    return LibraryFacts(**{**stored, "elf": ElfFacts(**{**elf, **lists})})


def image_facts(stored: Mapping[str, Any]) -> ImageFacts:
    environment = stored.get("environment")
    return ImageFacts(
        stored["libc"], stored["architecture"], tuple(stored["glibc"]),
        None if environment is None else tuple((name, value) for name, value in environment),
    )  # fmt: skip
