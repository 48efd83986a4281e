"""The vGPU doctor: what it says of a node, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.utils import timezone, translation

from core.errors import NotFound, PermissionRefused
from instances.accelerators.nvidia_hami import DISCOVERY
from instances.doctor import BAD, DOUBTFUL, GOOD, IMAGES_CHECKED, Check, examine_node, examined
from instances.doctor_texts import DOCTOR
from instances.examination_texts import OF_SLICES
from instances.models import Gpu, ImageReport, LibraryReport
from nodes.engine import EngineError, EngineRejected
from nodes.paths import USUAL_LIBRARY_DIRECTORY
from tests.api import make
from tests.support.elf_files import AARCH64, elf_file
from tests.support.fake_engine import FakeEngine
from tests.support.fake_programs import Program
from tests.support.one_instance import AWAY, GLIBC_FILES, LIBRARY_FILE, MUSL_FILES, is_clean, prepare
from tests.support.one_pull import IMAGE, REFERENCE

pytestmark = pytest.mark.django_db
CARD = "0, GPU-5f1e-a, NVIDIA A10, 24576, 4, 550.107.02, Disabled\n"


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    with translation.override("en"):
        yield


@pytest.fixture
def node() -> Any:
    return make.node(name="gpu-1")


@pytest.fixture
def gpus(engine: FakeEngine) -> FakeEngine:
    """An engine on which all is well: a card, the library, an image."""
    prepare(engine)
    engine.containers.programs[DISCOVERY] = Program.saying(CARD)
    make.image(name="torch", address=REFERENCE, supports_vgpu=True)
    return engine


def findings(engine: FakeEngine, node: Any) -> list[Check]:
    with engine.connect() as connection:
        return list(examined(connection, node, now=timezone.now()))


def levels(checks: list[Check]) -> dict[str, str]:
    for check in checks:
        assert check.text and "%(" not in check.text + check.advice
        assert bool(check.advice) is (check.level != GOOD), f"{check.code}: what is not well has an advice"
    return {check.code: check.level for check in checks}


ALL_WELL = {
    "engine_answers": GOOD, "devices_found": GOOD, "library_fits": GOOD, "library_wants_driver": GOOD,
    "image_fits": GOOD,
}  # fmt: skip


def test_a_node_on_which_all_is_well(gpus, node) -> None:
    checks = findings(gpus, node)
    assert levels(checks) == ALL_WELL
    assert [check.text for check in checks] == [
        "The node's engine answers: Docker 20.10.24, linux/amd64.",
        "The engine gives GPUs to containers. Seen: 0: NVIDIA A10 (24576 MiB).",
        "The slicing library is there, readable for everybody, and built for amd64. It needs glibc 2.28.",
        "The library needs libcuda.so.1. Containers with slices have it; others do not get the library.",
        "Slices work with the image “torch” (glibc 2.31).",
    ]
    assert is_clean(gpus)
    assert (Gpu.objects.count(), LibraryReport.objects.count(), ImageReport.objects.count()) == (1, 1, 1)


def changed(checks: list[Check]) -> dict[str, str]:
    """What is not as on a node on which all is well."""
    found = levels(checks)
    return {code: level for code, level in found.items() if ALL_WELL.get(code) != level}


def test_an_engine_without_the_vendors_toolkit(gpus, node) -> None:
    gpus.containers.device_drivers.clear()
    assert changed(findings(gpus, node)) == {"no_device_support": BAD}


def test_cards_that_are_not_handed_out(gpus, node) -> None:
    gpus.containers.programs[DISCOVERY] = Program.saying(CARD.replace("Disabled", "Enabled"))
    Gpu.objects.create(
        node=node, device_id="GPU-old", index=3, model="Tesla T4", memory_mib=15360, seen_at=timezone.now()
    )
    checks = findings(gpus, node)
    assert changed(checks) == {"devices_out_of_service": DOUBTFUL}
    assert [check.params["devices"] for check in checks[1:3]] == [
        "0: NVIDIA A10 (24576 MiB)", "0: NVIDIA A10 (24576 MiB), 3: Tesla T4 (15360 MiB)",
    ]  # fmt: skip


@pytest.mark.parametrize("error", [EngineError("engine_timeout", "no complete answer within 8 s")])
def test_a_question_without_an_answer_keeps_the_others(gpus, node, error: EngineError) -> None:
    gpus.containers.refuse("start", error)
    assert changed(findings(gpus, node)) == {"gpus_unknown": DOUBTFUL}


def test_a_directory_that_is_not_there(gpus, node) -> None:  # P17
    gpus.containers.host_files.clear()
    checks = findings(gpus, node)
    assert changed(checks) == {"library_directory_missing": BAD}
    assert f"does not exist on gpu-1: {USUAL_LIBRARY_DIRECTORY}." in checks[-1].text


def test_a_directory_that_is_no_path(gpus, node) -> None:
    node.hami_core = "/opt//hami"
    assert changed(findings(gpus, node)) == {"library_directory_bad": BAD}


def test_a_refusal_that_nobody_knows(gpus, node) -> None:
    gpus.containers.programs[DISCOVERY] = Program.saying(CARD)
    gpus.containers.device_drivers.clear()
    with gpus.connect() as connection:
        checks = examined(connection, node, now=timezone.now())
        found = [next(checks), next(checks)]
        gpus.containers.refuse("create", EngineRejected(500, "something new"))
        found += checks
    assert found[-1].code == "library_not_seen" and "something new" in found[-1].text


@pytest.mark.parametrize(
    ("content", "codes"),
    [
        (b"", {"library_empty": BAD}),
        (b"text", {"library_damaged": BAD}),
        (elf_file(machine=AARCH64), {"library_architecture": BAD, "image_does_not_fit": BAD}),
        (elf_file(), {"library_fits_any_glibc": GOOD}),
    ],
)
def test_what_is_to_be_said_of_the_library(gpus, node, content: bytes, codes: dict[str, str]) -> None:
    gpus.containers.host_files[LIBRARY_FILE] = content
    assert changed(findings(gpus, node)) == codes


def test_modes(gpus, node) -> None:
    gpus.containers.permissions |= {LIBRARY_FILE: 0o600, USUAL_LIBRARY_DIRECTORY: 0o700}
    assert changed(findings(gpus, node)) == {"library_directory_closed": BAD, "library_not_readable": BAD}


@pytest.mark.parametrize(
    ("files", "code", "level"),
    [(MUSL_FILES, "image_does_not_fit", BAD), ({}, "image_uncertain", DOUBTFUL)],
)
def test_what_is_to_be_said_of_an_image(gpus, node, files: dict[str, Any], code: str, level: str) -> None:
    gpus.add_image(replace(IMAGE, files=files))
    checks = findings(gpus, node)
    assert changed(checks) == {code: level}
    assert {check.level_for_node for check in checks} == {GOOD, DOUBTFUL}, "other images may fit"
    assert "“torch”" in checks[-1].text and checks[-1].text.count(".") >= 2, "with the cause"


def test_images_are_those_that_are_listed_allow_slices_and_are_there(gpus, node) -> None:
    make.image(address=REFERENCE, supports_vgpu=True, is_listed=False)
    make.image(address=REFERENCE, supports_vgpu=False)
    make.image(address="registry.example.com/not/there:1", supports_vgpu=True)
    make.image(address="no address!", supports_vgpu=True)
    assert [check.code for check in findings(gpus, node)].count("image_fits") == 1
    for _ in range(IMAGES_CHECKED):
        make.image(address=REFERENCE, supports_vgpu=True)
    assert [check.code for check in findings(gpus, node)].count("image_fits") == IMAGES_CHECKED


def test_without_a_listed_image_the_library_is_looked_at_with_any(engine, node) -> None:
    prepare(engine, files=GLIBC_FILES)
    engine.containers.programs[DISCOVERY] = Program.saying(CARD)
    assert changed(findings(engine, node)) == {"no_image_to_check": DOUBTFUL}


def test_a_node_without_images(engine, node, settings) -> None:
    prepare(engine, image=False)
    assert [check.code for check in findings(engine, node)] == ["engine_answers", "no_probe_image"]
    settings.GPU_PROBE_IMAGE = "not/there:1"
    assert [check.code for check in findings(engine, node)] == ["engine_answers", "gpus_unknown", "no_probe_image"]


def test_a_node_that_goes_away_meanwhile(gpus, node) -> None:
    gpus.containers.refuse("file", AWAY)
    with pytest.raises(EngineError):
        findings(gpus, node)
    assert is_clean(gpus)


def test_who_may_and_what_needs_no_engine(django_user_model) -> None:
    operator = django_user_model.objects.create_user("olga", is_staff=True)
    with pytest.raises(PermissionRefused):
        examine_node(user=django_user_model.objects.create_user("u"), node=make.node().pk)
    with pytest.raises(NotFound):
        examine_node(user=operator, node=123456)
    away = examine_node(user=operator, node=make.node().pk)
    assert levels(away) == {"engine_away": BAD} and "Nothing accepts connections" in away[0].text
    assert levels(examine_node(user=operator, node=make.node(docker_address="").pk)) == {"no_address": BAD}


def test_every_code_has_its_words_in_chinese() -> None:
    english = {code: (str(text.cause), str(text.advice)) for code, text in DOCTOR.items()}
    with translation.override("zh-hans"):
        for code, text in DOCTOR.items():
            assert str(text.cause) != english[code][0], code
            assert not text.advice or str(text.advice) != english[code][1], code
    assert all(text.advice for text in OF_SLICES.values()), "what stands against slices can be mended"
