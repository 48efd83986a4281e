"""The verdict on a library and an image, every row of it (spec-vgpu.md §3.1)."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instances.accelerators.nvidia_hami import PRELOADED
from instances.elf import ElfFacts
from instances.preload import GLIBC, MUSL, NO_LIBC, ImageFacts, LibraryFacts, as_json, image_facts, judge, library_facts
from instances.refusal_texts import sentence

ELF = ElfFacts(machine="amd64", is_library=True, needed=("libc.so.6",), glibc_needed=(2, 34))
LIBRARY = LibraryFacts("file", 0o755, PRELOADED.path, 0o644, 300_000, "2024-01-01T00:00:00Z", ELF)
IMAGE = ImageFacts(GLIBC, "amd64", (2, 36))


def codes(library: LibraryFacts | None, image: ImageFacts | None, **more: Any) -> list[str]:
    return [finding.code for finding in judge(library, image, PRELOADED, **{"node": "amd64", **more})]


@pytest.mark.parametrize(("library", "image"), [(LIBRARY, IMAGE), (LIBRARY, None), (None, IMAGE), (None, None)])
def test_nothing_stands_against_what_fits(library: LibraryFacts | None, image: ImageFacts | None) -> None:
    assert codes(library, image) == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"kind": "missing", "elf": ElfFacts()}, "library_missing"),
        ({"kind": "directory", "elf": ElfFacts()}, "library_is_directory"),
        ({"kind": "other", "elf": ElfFacts()}, "library_no_file"),
        ({"kind": "too_large", "elf": ElfFacts()}, "library_damaged"),
        ({"elf": ElfFacts("empty")}, "library_empty"),
        ({"elf": ElfFacts("no_elf")}, "library_damaged"),
        ({"elf": ElfFacts("damaged")}, "library_damaged"),
        ({"elf": replace(ELF, is_library=False)}, "library_damaged"),
        ({"elf": replace(ELF, machine="arm64")}, "library_architecture"),
        ({"permissions": 0o640}, "library_not_readable"),
        ({"permissions": 0o700}, "library_not_readable"),
        ({"directory_permissions": 0o750}, "library_directory_closed"),
        ({"directory_permissions": 0o754}, "library_directory_closed"),
    ],
)
def test_libraries_that_cannot_work(changes: dict[str, Any], code: str) -> None:
    [finding] = judge(replace(LIBRARY, **changes), None, PRELOADED, node="amd64")
    assert (finding.code, finding.refuses) == (code, True)
    assert "%(" not in sentence(code, finding.params), "the params fill the sentence"
    assert code in codes(replace(LIBRARY, **changes), IMAGE)


@pytest.mark.parametrize("mode", [0o711, 0o755, 0o555, 0o701])
def test_a_directory_need_only_be_entered(mode: int) -> None:
    assert codes(replace(LIBRARY, directory_permissions=mode), IMAGE) == []


def test_all_that_is_wrong_with_a_library_is_told() -> None:
    bad = replace(LIBRARY, permissions=0o600, directory_permissions=0o700, elf=replace(ELF, machine="arm64"))
    assert codes(bad, None) == ["library_directory_closed", "library_not_readable", "library_architecture"]


def test_an_unknown_node_is_no_other_one() -> None:
    assert codes(replace(LIBRARY, elf=replace(ELF, machine="arm64")), None, node="") == []


def test_a_library_that_needs_the_driver() -> None:
    """Containers with slices have it: the device request asks for computing (§0 fact 4)."""
    linked = replace(LIBRARY, elf=replace(ELF, needed=("libc.so.6", PRELOADED.driver)))
    assert codes(linked, IMAGE) == []


@pytest.mark.parametrize(
    ("image", "code", "refuses"),
    [
        (ImageFacts(MUSL, "amd64"), "image_musl", True),
        (ImageFacts(GLIBC, "amd64", (2, 33)), "image_glibc_old", True),
        (ImageFacts(GLIBC, "amd64", (2, 4)), "image_glibc_old", True),
        (ImageFacts(GLIBC, "arm64", (2, 36)), "image_architecture", True),
        (ImageFacts(GLIBC, "amd64"), "image_glibc_unknown", False),
        (ImageFacts(NO_LIBC, "amd64"), "image_without_libc", False),
    ],
)
def test_images_that_cannot_take_it(image: ImageFacts, code: str, refuses: bool) -> None:
    [finding] = judge(LIBRARY, image, PRELOADED, node="amd64")
    assert (finding.code, finding.refuses) == (code, refuses)
    assert "%(" not in sentence(code, finding.params)


@pytest.mark.parametrize(
    "image", [ImageFacts(GLIBC, "amd64", (2, 34)), ImageFacts(GLIBC, "amd64", (2, 100)), ImageFacts(GLIBC, "", (2, 34))]
)
def test_images_that_can(image: ImageFacts) -> None:
    assert codes(LIBRARY, image) == []


def test_a_library_that_needs_no_glibc_runs_on_any() -> None:
    free = replace(LIBRARY, elf=replace(ELF, glibc_needed=()))
    assert codes(free, ImageFacts(GLIBC, "amd64")) == codes(free, ImageFacts(GLIBC, "amd64", (2, 1))) == []


def test_of_an_image_alone_only_what_no_library_changes() -> None:
    missing = LibraryFacts("missing")
    for library in (None, missing):
        own = ["library_missing"] if library else []
        assert codes(library, ImageFacts(GLIBC, "arm64", (2, 1))) == own
        assert codes(library, ImageFacts(MUSL, "amd64")) == [*own, "image_musl"]


def test_refusals_come_before_doubts() -> None:
    found = judge(replace(LIBRARY, elf=replace(ELF, machine="arm64")), ImageFacts(NO_LIBC, "amd64"), PRELOADED, node="")
    assert [finding.refuses for finding in found] == [True, False]


@pytest.mark.parametrize("changes", [{"size": 1}, {"modified": "x"}, {"permissions": 0}, {"directory_permissions": 0}])
def test_a_stamp_differs_with_everything_that_matters(changes: dict[str, Any]) -> None:
    assert replace(LIBRARY, **changes).stamp != LIBRARY.stamp
    assert replace(LIBRARY, elf=ElfFacts()).stamp == LIBRARY.stamp, "what was read of it is no part"


VERSIONS = st.lists(st.integers(0, 99), max_size=3).map(tuple)


@given(VERSIONS, VERSIONS, st.sampled_from([GLIBC, MUSL, NO_LIBC]))
def test_what_is_stored_comes_back(needed: tuple[int, ...], there: tuple[int, ...], libc: str) -> None:
    library = replace(LIBRARY, elf=replace(ELF, glibc_needed=needed))
    image = ImageFacts(libc, "amd64", there)
    assert library_facts(json.loads(json.dumps(as_json(library)))) == library
    assert image_facts(json.loads(json.dumps(as_json(image)))) == image
