"""What a program file or library says of itself: read from its tables, never guessed from text. Pure.

Texts such as the name of a library occur in the data of files that do not need it (spec-vgpu.md §3.3). The bytes come
from other machines and may be anything: whatever they are, the answer is an `ElfFacts`.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from elftools.common.exceptions import ELFError
from elftools.construct import ConstructError
from elftools.elf.dynamic import DynamicSegment
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerDefSection, GNUVerNeedSection, GNUVersionSection
from elftools.elf.segments import InterpSegment

Version = tuple[int, ...]
MOST_ENTRIES = 4096  # of a table
MOST_NEEDED = 256
_WORK = 4 * 2**20  # bytes; tables of real libraries take a hundredth
_EACH_READ = 256  # counted on top of its bytes: a table may also be endless in small pieces
_MACHINES = {
    "EM_X86_64": "amd64", "EM_AARCH64": "arm64", "EM_386": "386", "EM_ARM": "arm", "EM_PPC64": "ppc64le",
    "EM_S390": "s390x", "EM_RISCV": "riscv64", "EM_LOONGARCH": "loong64",
}  # fmt: skip
_GLIBC = re.compile(r"GLIBC_(\d{1,4}(?:\.\d{1,4}){1,3})")
# What parsing made-up tables may end with.
_NONSENSE = (
    ELFError, ConstructError, struct.error, ArithmeticError, AssertionError, AttributeError, LookupError, TypeError,
    ValueError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ElfFacts:
    """With a `fault` the rest says nothing. Versions are those of glibc, such as (2, 34); () for none."""

    fault: str = ""  # "empty", "no_elf", "damaged"
    machine: str = ""  # in Go's spelling, as engines have it: "amd64"
    is_library: bool = False
    needed: tuple[str, ...] = ()  # libraries
    interpreter: str = ""  # of a program: its loader
    glibc_needed: Version = ()  # the oldest that has all it needs
    glibc_defined: Version = ()  # which one it is


def elf_facts(data: bytes) -> ElfFacts:
    """Takes time in proportion to a real library's tables, whatever `data` is."""
    if not data:
        return ElfFacts("empty")
    if not data.startswith(b"\x7fELF"):
        return ElfFacts("no_elf")
    try:
        return _facts(ELFFile(_Metered(data)), len(data))
    except _NONSENSE:
        return ElfFacts("damaged")


def version_text(version: Version) -> str:
    return ".".join(map(str, version))


class _Metered(io.BytesIO):
    """Ends a reading that goes round in circles."""

    _left = _WORK

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self._left -= len(data) + _EACH_READ
        if self._left < 0:
            raise ELFError("more tables than any library has")
        return data


def _facts(file: ELFFile, size: int) -> ElfFacts:
    segments = list(islice(file.iter_segments(), MOST_ENTRIES))
    if any(part["p_type"] == "PT_LOAD" and part["p_offset"] + part["p_filesz"] > size for part in segments):
        return ElfFacts("damaged")  # cut off: the loader calls it too short
    sections = list(islice(file.iter_sections(), MOST_ENTRIES))
    machine = str(file["e_machine"])
    return ElfFacts(
        machine=_MACHINES.get(machine, machine.removeprefix("EM_").lower()[:32]),
        is_library=file["e_type"] == "ET_DYN" and any(isinstance(part, DynamicSegment) for part in segments),
        needed=tuple(islice(_needed(segments), MOST_NEEDED)),
        interpreter=next((part.get_interp_name() for part in segments if isinstance(part, InterpSegment)), "")[:255],
        glibc_needed=max(_versions(sections, GNUVerNeedSection), default=()),
        glibc_defined=max(_versions(sections, GNUVerDefSection), default=()),
    )


def _needed(segments: list[Any]) -> Iterator[str]:
    for segment in segments:
        if isinstance(segment, DynamicSegment):
            tags: Iterator[Any] = segment.iter_tags("DT_NEEDED")
            yield from (str(tag.needed)[:255] for tag in islice(tags, MOST_ENTRIES))


def _versions(sections: list[Any], kind: type[GNUVersionSection]) -> Iterator[Version]:
    """Of glibc, in the section's entries."""
    for section in sections:
        if isinstance(section, kind):
            for _version, names in islice(section.iter_versions(), MOST_ENTRIES):
                for name in islice(names, MOST_ENTRIES):
                    if found := _GLIBC.fullmatch(name.name):
                        yield tuple(map(int, found[1].split(".")))
