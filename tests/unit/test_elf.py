"""What files say of themselves, real ones, made-up ones and hostile ones."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from instances.elf import ElfFacts, elf_facts, version_text
from tests.support.elf_files import AARCH64, PROGRAM, elf_file

NEEDS = ("libc.so.6", "libdl.so.2", "libcuda.so.1")
FULL = elf_file(
    needed=NEEDS, glibc_needed=("GLIBC_2.2.5", "GLIBC_2.34", "GLIBC_2.4"), glibc_defined=("libx.so", "GLIBC_2.17")
)


def test_a_library() -> None:
    assert elf_facts(FULL) == ElfFacts(
        machine="amd64", is_library=True, needed=NEEDS, glibc_needed=(2, 34), glibc_defined=(2, 17)
    )


def test_one_that_needs_nothing() -> None:
    assert elf_facts(elf_file()) == ElfFacts(machine="amd64", is_library=True)


def test_a_program() -> None:
    found = elf_facts(elf_file(kind=PROGRAM, interpreter="/lib/ld-musl-x86_64.so.1"))
    assert (found.interpreter, found.is_library) == ("/lib/ld-musl-x86_64.so.1", False)


def test_what_cannot_be_loaded_is_no_library() -> None:
    assert not elf_facts(elf_file(dynamic=False)).is_library


@pytest.mark.parametrize(("number", "name"), [(AARCH64, "arm64"), (243, "riscv64"), (8, "mips"), (60000, "60000")])
def test_machines_are_named_as_engines_name_them(number: int, name: str) -> None:
    assert elf_facts(elf_file(machine=number)).machine == name


def test_versions_are_numbers_and_private_ones_do_not_count() -> None:
    names = ("GLIBC_2.9", "GLIBC_2.10", "GLIBC_PRIVATE", "GLIBC_ABI_DT_RELR", "GLIBCXX_3.4.30", "GCC_3.0")
    assert elf_facts(elf_file(glibc_needed=names)).glibc_needed == (2, 10)
    assert elf_facts(elf_file(glibc_needed=names[2:])).glibc_needed == ()
    assert version_text((2, 10)) == "2.10"


def test_texts_in_the_data_are_no_facts() -> None:
    """Libraries carry the names of what they look for at run time (spec-vgpu.md §3.3)."""
    found = elf_facts(elf_file(glibc_needed=("GLIBC_2.17",)) + b"\0libcuda.so.1\0GLIBC_2.38\0")
    assert (found.needed, found.glibc_needed) == ((), (2, 17))


def test_this_python_and_its_c_library() -> None:
    """Files that compilers made."""
    program = elf_facts(Path(sys.executable).resolve().read_bytes())
    assert not program.fault and program.interpreter.startswith("/lib") and "libc.so.6" in program.needed
    libc = next(line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines() if "libc.so.6" in line)
    library = elf_facts(Path(libc).read_bytes())
    assert library.glibc_defined >= program.glibc_needed > (2, 0)
    assert (library.is_library, library.machine) == (True, program.machine)


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", "empty"),
        (b"#!/bin/sh\n", "no_elf"),
        (b"\x7fEL", "no_elf"),
        (b"\x7fELF", "damaged"),
        (FULL[:64], "damaged"),
        (FULL[:300], "damaged"),
        (FULL[:-400], "damaged"),
        (b"\x7fELF" + b"\xff" * 5000, "damaged"),
    ],
)
def test_what_is_none(data: bytes, fault: str) -> None:
    assert elf_facts(data) == ElfFacts(fault)


def changed(at: int, new: bytes, data: bytes = FULL) -> bytes:
    return data[:at] + new + data[at + len(new) :]


def test_one_that_was_cut_off_is_damaged_though_its_tables_are_there() -> None:
    """Stripped of its sections: their table comes last, and its absence alone would tell."""
    stripped = changed(58, bytes(6), changed(40, bytes(8)))
    assert not elf_facts(stripped).fault
    assert elf_facts(stripped[:-400]).fault == "damaged"


def test_tables_without_end_end() -> None:
    """A count of sections and one of versions as large as their fields allow, and a name of a megabyte."""
    shoff = int.from_bytes(FULL[40:48], "little")
    many_sections = changed(60, b"\0\0", changed(shoff + 32, b"\xff" * 8))
    many_versions = changed(shoff + 3 * 64 + 44, b"\xff" * 4)
    endless_name = elf_file(needed=("a" * 1_000_000,))
    for data in (many_sections, many_versions, endless_name):
        assert elf_facts(data).fault in ("damaged", "")
    assert elf_facts(endless_name).fault == "damaged"


def plain(facts: ElfFacts) -> Any:
    return (facts.machine, *facts.needed, facts.interpreter)


@settings(max_examples=400, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, len(FULL) - 1), st.integers(0, 255)), min_size=1, max_size=40),
    st.integers(0, len(FULL)),
)
@example([(18, 0xFF)], len(FULL))
def test_whatever_the_bytes_are_there_is_an_answer(changes: list[tuple[int, int]], length: int) -> None:
    data = bytearray(FULL)
    for place, value in changes:
        data[place] = value
    found = elf_facts(bytes(data[:length]))
    assert found.fault in ("", "empty", "no_elf", "damaged")
    assert all("\0" not in text and len(text) < 256 for text in plain(found)), "fit for a database"


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=2000))
def test_noise_behind_the_magic(noise: bytes) -> None:
    assert elf_facts(b"\x7fELF" + noise).fault in ("", "damaged")
