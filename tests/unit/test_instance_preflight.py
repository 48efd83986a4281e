"""Before a slice's container exists: what is looked at, what is refused, what is remembered."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone, translation

from core.jobs import JobState
from instances.creation import INEFFECTIVE
from instances.examining import LIFE, MOST_BYTES, remove_leftovers
from instances.models import ImageReport, Instance, LibraryReport, Observed
from instances.preflight import examine
from instances.snapshot import snapshot
from instances.spec import LABEL
from instances.sweep import sweep_instances
from nodes.engine import PROBE_LABEL, EngineRejected
from nodes.paths import USUAL_LIBRARY_DIRECTORY
from pulls.tools import Tools
from tests.support.elf_files import AARCH64, PROGRAM, elf_file
from tests.support.fake_engine import FakeEngine
from tests.support.one_instance import (
    AWAY,
    GLIBC_FILES,
    LIBRARY,
    LIBRARY_FILE,
    MUSL_FILES,
    NOTHING,
    WHOLE_CARD,
    gpu_node,
    holds,
    instance_of,
    is_clean,
    made,
    only,
    prepare,
    run,
)
from tests.support.one_pull import IMAGE, REFERENCE, in_background

pytestmark = pytest.mark.django_db(transaction=True)


def probes(engine: FakeEngine) -> list[Any]:
    return [spec for spec in engine.containers.created if PROBE_LABEL in spec.labels]


def refused(instance: Instance, engine: FakeEngine, tools: Tools, code: str) -> str:
    """It was refused before there was a container, for this reason; nothing is left. Returns the sentence."""
    operation = run(instance, tools)
    assert (operation.state, operation.error_code, operation.attempt) == (JobState.FAILED, code, 1)
    assert (instance.observed, instance.problem_code) == (Observed.FAILED, code)
    assert is_clean(engine) and holds(instance) == NOTHING and made(engine) == []
    with translation.override("en"):
        return str(snapshot(instance, now=timezone.now())["problem"]["text"])


# --- the library ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "library_empty"),
        (b"library", "library_damaged"),
        (LIBRARY[:200], "library_damaged"),
        (elf_file(kind=PROGRAM), "library_damaged"),
        (elf_file(machine=AARCH64), "library_architecture"),
        ("/opt/elsewhere/libvgpu.so", "library_missing"),
        (bytes(MOST_BYTES + 1), "library_damaged"),
    ],
)
def test_libraries_that_cannot_work_are_refused(instance, engine, tools, content: bytes | str, code: str) -> None:
    engine.containers.host_files[LIBRARY_FILE] = content
    assert "libvgpu.so" in refused(instance, engine, tools, code)


def test_a_library_that_is_not_there(instance, engine, tools) -> None:
    engine.containers.host_files = {f"{USUAL_LIBRARY_DIRECTORY}/README": b"nothing else"}
    refused(instance, engine, tools, "library_missing")


def test_a_directory_in_its_place(instance, engine, tools) -> None:
    """An engine makes one where a file was to be mounted."""
    engine.containers.host_files = {f"{LIBRARY_FILE}/x": b""}
    refused(instance, engine, tools, "library_is_directory")


@pytest.mark.parametrize(
    ("path", "mode", "code"),
    [(LIBRARY_FILE, 0o640, "library_not_readable"), (USUAL_LIBRARY_DIRECTORY, 0o700, "library_directory_closed")],
)
def test_what_only_root_may_read_is_refused(instance, engine, tools, path: str, mode: int, code: str) -> None:
    engine.containers.permissions[path] = mode
    assert f"{mode:04o}" in refused(instance, engine, tools, code)


def test_a_bad_path_of_older_rules_is_told(instance, engine, tools, node) -> None:
    node.hami_core = "/opt//hami"
    node.save()
    refused(instance, engine, tools, "bad_library_directory")


# --- the image --------------------------------------------------------------------------------------------------------


def libc_with(*versions: str) -> bytes:
    return elf_file(glibc_defined=("libc.so.6", *versions))


NEW = "/lib/x86_64-linux-gnu/"
OLD_NAMES = {"/lib64/ld-linux-x86-64.so.2": "ld-2.17.so", "/lib64/ld-2.17.so": b""}
OLD_LIBRARY = {
    "/lib64/ld-linux-x86-64.so.2": b"loader", "/lib64/libc.so.6": "libc-2.17.so", "/lib64/libc-2.17.so": b"",
}  # fmt: skip
OLD_TABLE = {
    "/lib64/ld-linux-x86-64.so.2": f"{NEW}ld-linux-x86-64.so.2", f"{NEW}ld-linux-x86-64.so.2": b"loader",
    f"{NEW}libc.so.6": libc_with("GLIBC_2.2.5", "GLIBC_2.17"), "/usr/lib64/libc.so.6": libc_with("GLIBC_2.39"),
}  # fmt: skip
BOTH = {**GLIBC_FILES, **MUSL_FILES}
MUSL_SHELL = elf_file(kind=PROGRAM, interpreter="/lib/ld-musl-x86_64.so.1")
GLIBC_SHELL = elf_file(kind=PROGRAM, interpreter="/lib64/ld-linux-x86-64.so.2")


@pytest.mark.parametrize(
    ("files", "code"),
    [
        (MUSL_FILES, "image_musl"),
        ({**BOTH, "/bin/sh": "/bin/busybox", "/bin/busybox": MUSL_SHELL}, "image_musl"),
        (OLD_NAMES, "image_glibc_old"),
        (OLD_LIBRARY, "image_glibc_old"),
        (OLD_TABLE, "image_glibc_old"),
    ],
)
def test_images_that_cannot_take_it_are_refused(ulrich, node, engine, tools, files: dict[str, Any], code: str) -> None:
    prepare(engine, files=files)
    text = refused(instance_of(ulrich, node), engine, tools, code)
    assert code == "image_musl" or ("2.28" in text and "2.17" in text)


@pytest.mark.parametrize(
    "files",
    [
        GLIBC_FILES,
        {**BOTH, "/bin/sh": GLIBC_SHELL},
        BOTH,
        {**OLD_TABLE, f"{NEW}libc.so.6": libc_with("GLIBC_2.28")},
        {"/lib64/ld-linux-x86-64.so.2": b"loader", "/usr/lib/libc.so.6": libc_with("GLIBC_2.40")},
    ],
)
def test_images_that_can_take_it(ulrich, node, engine, tools, files: dict[str, Any]) -> None:
    prepare(engine, files=files)
    instance = instance_of(ulrich, node)
    assert run(instance, tools).state == JobState.SUCCEEDED
    assert instance.notes == ["data_disk_not_limited"]


@pytest.mark.parametrize(
    ("files", "code"),
    [({}, "image_without_libc"), ({"/lib64/ld-linux-x86-64.so.2": b"loader"}, "image_glibc_unknown")],
)
def test_what_cannot_be_known_is_noted(ulrich, node, engine, tools, files: dict[str, Any], code: str) -> None:
    prepare(engine, files=files)
    instance = instance_of(ulrich, node)
    assert run(instance, tools).state == JobState.SUCCEEDED
    assert instance.notes == ["data_disk_not_limited", code]
    assert "%" not in snapshot(instance, now=timezone.now())["notes"][1]["text"]


def test_an_image_of_another_machine_is_refused(ulrich, node, engine, tools) -> None:
    """Emulated, its programs would run, and ignore the library."""
    prepare(engine, image=False)
    loader = "/lib/ld-linux-aarch64.so.1"
    engine.add_image(replace(IMAGE, platform="linux/arm64", files={loader: "ld-2.31.so", "/lib/ld-2.31.so": b""}))
    refused(instance_of(ulrich, node), engine, tools, "image_architecture")


# --- how it is looked at ----------------------------------------------------------------------------------------------


def test_the_look_is_a_container_that_never_runs_and_goes(instance, engine, tools) -> None:
    run(instance, tools)
    [spec] = probes(engine)
    assert LABEL not in spec.labels and spec.network_mode == "none" and not spec.device_requests
    [mount] = spec.mounts
    assert (mount.source, mount.read_only) == (USUAL_LIBRARY_DIRECTORY, True)
    assert only(engine).spec in made(engine), "the other one is gone"
    actions = [event["Action"] for event in engine.containers.happened]
    assert actions == ["destroy", "start"]


def test_without_slices_nothing_is_looked_at(ulrich, node, engine, tools) -> None:
    prepare(engine)
    engine.containers.host_files.clear()
    instance = instance_of(ulrich, node, **WHOLE_CARD)
    assert run(instance, tools).state == JobState.SUCCEEDED
    assert probes(engine) == [] and not LibraryReport.objects.exists()


def test_a_slice_as_large_as_its_card_needs_the_library_and_shows_its_limits(ulrich, node, engine, tools) -> None:
    prepare(engine)
    large = instance_of(ulrich, node, gpu_memory_gb=24)
    run(large, tools)
    assert (large.problem_code, large.problem["params"]) == (INEFFECTIVE, {"seen": 8192, "planned": 24576})
    [spec] = made(engine)
    assert (spec.environment["CUDA_DEVICE_MEMORY_LIMIT"], spec.environment["CUDA_DEVICE_SM_LIMIT"]) == ("24g", "100")
    assert [mount.source for mount in spec.mounts] == [USUAL_LIBRARY_DIRECTORY]
    engine.containers.host_files[LIBRARY_FILE] = b""
    other = instance_of(ulrich, node, name="other", gpu_memory_gb=24)
    assert run(other, tools).error_code == "library_empty"


def looks(engine: FakeEngine, action: Any) -> int:
    """How many files were asked for meanwhile."""
    asked: list[str] = []
    allow = engine.containers.allow
    engine.containers.allow = lambda operation: (asked.append(operation), allow(operation))  # type: ignore[method-assign]
    action()
    engine.containers.allow = allow  # type: ignore[method-assign]
    return asked.count("file")


def test_what_is_known_is_not_read_again(ulrich, node, engine, tools) -> None:
    prepare(engine)
    first, second, third = (instance_of(ulrich, node, name=f"t{n}", gpu_memory_gb=1) for n in range(3))
    assert looks(engine, lambda: run(first, tools)) == 5, "directory, library, its content, and two of the image"
    assert looks(engine, lambda: run(second, tools)) == 2
    engine.containers.host_files[LIBRARY_FILE] = elf_file(machine=AARCH64)
    assert looks(engine, lambda: refused_only(third, tools)) == 3, "it changed"
    assert LibraryReport.objects.count() == ImageReport.objects.count() == 1


def refused_only(instance: Instance, tools: Tools) -> None:
    assert run(instance, tools).error_code == "library_architecture"


def test_an_image_is_looked_at_once_for_all_nodes(ulrich, node, engine, tools) -> None:
    prepare(engine)
    run(instance_of(ulrich, node), tools)
    other = instance_of(ulrich, gpu_node(), name="other")
    assert looks(engine, lambda: run(other, tools)) == 3, "directory, library and its content"
    assert (LibraryReport.objects.count(), ImageReport.objects.count()) == (2, 1)


def test_an_image_that_was_pushed_anew_is_looked_at_again(ulrich, node, engine, tools) -> None:
    prepare(engine)
    run(instance_of(ulrich, node), tools)
    engine.add_image(replace(IMAGE, layers=IMAGE.layers[:1], files=MUSL_FILES))
    instance = instance_of(ulrich, node, name="other")
    assert run(instance, tools).error_code == "image_musl"
    assert ImageReport.objects.count() == 2


def test_what_was_just_written_is_not_written_again(node, engine, tools) -> None:
    prepare(engine)
    began = timezone.now()

    def written(after: timedelta) -> list[timedelta]:
        with tools.connect(node.endpoint()) as connection:
            image = connection.inspect_image(REFERENCE)
            examine(connection, node, image, reference=REFERENCE, now=began + after)
        return [report.objects.get().checked_at - began for report in (LibraryReport, ImageReport)]

    none, minute, hour = timedelta(), timedelta(minutes=1), timedelta(hours=1)
    assert written(none) == written(minute) == [none, none]
    engine.containers.permissions[LIBRARY_FILE] = 0o600
    assert written(minute) == [minute, none], "what changed is"
    assert written(hour) == [hour, hour]


def test_many_who_look_at_the_same_moment_write_one_report(node, engine, tools) -> None:
    prepare(engine)
    failures: list[Exception] = []

    def look() -> None:
        with tools.connect(node.endpoint()) as connection:
            image = connection.inspect_image(REFERENCE)
            for _ in range(5):
                examine(connection, node, image, reference=REFERENCE, now=timezone.now())

    def tried() -> None:
        try:
            look()
        except Exception as error:  # noqa: BLE001  told by the test
            failures.append(error)

    for thread in [in_background(tried) for _ in range(6)]:
        thread.join(30)
    assert failures == []
    assert LibraryReport.objects.count() == ImageReport.objects.count() == 1
    assert is_clean(engine)


# --- bad luck ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", ["create", "file"])
def test_a_node_that_goes_away_meanwhile_is_asked_again(instance, engine, tools, call: str) -> None:
    engine.containers.refuse(call, AWAY)
    assert run(instance, tools).state == JobState.QUEUED
    assert is_clean(engine)
    assert run(instance, tools).state == JobState.SUCCEEDED


def test_what_a_dead_worker_left_is_removed_when_nobody_uses_it_any_more(instance, engine, tools) -> None:
    engine.containers.refuse("remove", AWAY)
    assert run(instance, tools).state == JobState.SUCCEEDED, "what was found counts"
    left = {one.info.id for one in engine.containers.all.values() if PROBE_LABEL in one.info.labels}
    assert len(left) == 1 and len(engine.containers.all) == 2
    sweep_instances(tools=tools)
    instance.refresh_from_db()
    assert instance.observed == Observed.RUNNING, "it is not taken for the instance's"
    assert left < set(engine.containers.all), "somebody may be looking"
    later = timezone.now() + LIFE + timedelta(seconds=1)
    sweep_instances(tools=replace(tools, now=lambda: later))
    assert not left & set(engine.containers.all)
    assert only(engine).info.id == instance.container_id


def test_one_that_cannot_be_removed_keeps_no_other(node, engine, tools) -> None:
    prepare(engine)
    later = timezone.now() + 2 * LIFE
    with tools.connect(node.endpoint()) as connection:
        image = connection.inspect_image(REFERENCE)
        for _ in range(2):
            engine.containers.refuse("remove", AWAY)
            examine(connection, node, image, reference=REFERENCE, now=timezone.now())
        assert len(engine.containers.all) == 2
        engine.containers.refuse("remove", EngineRejected(409, "removal is already in progress"))
        assert remove_leftovers(connection, now=later) == 1
        assert remove_leftovers(connection, now=later) == 1
    assert is_clean(engine)


def test_labels_of_somebody_else_are_no_times(node, engine, tools) -> None:
    prepare(engine)
    with tools.connect(node.endpoint()) as connection:
        spec = replace(
            probe_of(connection, node, engine), labels={PROBE_LABEL: "files", "imagelib.probe-until": "soon"}
        )
        connection.create_container(spec)
        assert remove_leftovers(connection, now=timezone.now()) == 1


def probe_of(connection: Any, node: Any, engine: FakeEngine) -> Any:
    examine(connection, node, connection.inspect_image(REFERENCE), reference=REFERENCE, now=timezone.now())
    return probes(engine)[0]


def test_the_rows_go_with_their_node(node, engine, tools) -> None:
    prepare(engine)
    with tools.connect(node.endpoint()) as connection:
        probe_of(connection, node, engine)
    node.gpus.all().delete()
    node.delete()
    assert not LibraryReport.objects.exists() and ImageReport.objects.count() == 1
    assert str(ImageReport.objects.get()) == f"{REFERENCE} amd64"
