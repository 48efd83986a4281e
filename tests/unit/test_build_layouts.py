"""Repositories of applications: what is found in them, and what is wrong."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from builds.layouts import MOST_APPLICATIONS, Layout, find_applications
from builds.packing import PackingError
from builds.trees import FILE, LINK, MAX_FILE_BYTES, Entry
from builds.workflows import Workflow, workflow_path, write_workflow

WORKFLOW = Workflow("lab", "quay.io", "jupyter", "scipy-notebook", "3.11", "registry.example.com", "team", "qlora")
USUAL = "ARG BASE_IMAGE\nFROM $BASE_IMAGE\n"


def entry(path: str, content: str | bytes = "", mode: int = FILE) -> Entry:
    data = content.encode() if isinstance(content, str) else content
    return Entry(path, mode, len(data), lambda: data)


def workflow_of(name: str, path: str = "") -> Entry:
    return entry(path or workflow_path(name), write_workflow(replace(WORKFLOW, application=name)))


def found(*entries: Entry) -> Layout:
    return find_applications(entries)


def errors(*entries: Entry) -> list[tuple[str, str]]:
    return [(notice.code, notice.path) for notice in found(*entries).errors]


def warnings(*entries: Entry) -> list[tuple[str, str]]:
    return [(notice.code, notice.path) for notice in found(*entries).warnings]


def test_folders_and_workflows_belong_together() -> None:
    layout = found(
        entry("README.md"),
        entry("LICENSE", b"\xff"),
        entry(".github/workflows/test.yaml", "x: ["),
        entry("src/lab/Dockerfile", USUAL),
        entry("src/lab/requirements.txt", "numpy\n"),
        entry("src/lab/a/b.txt", "c"),
        workflow_of("lab"),
    )
    (application,) = layout.applications
    assert (application.name, application.path, application.workflow) == ("lab", "src/lab", WORKFLOW)
    assert application.files == {"Dockerfile": USUAL, "a/b.txt": "c", "requirements.txt": "numpy\n"}
    assert (layout.errors, layout.warnings) == ([], [])


def test_a_fixed_base_stands_in_for_a_workflow() -> None:
    text = "ARG TAG=1.27\nFROM golang AS x\nFROM registry.example.com:5000/a/b/nginx:$TAG\nCOPY --from=x / /\n"
    layout = found(entry("src/web/Dockerfile", text))
    (application,) = layout.applications
    assert application.workflow is None
    assert application.base is not None
    assert application.base.canonical == "registry.example.com:5000/a/b/nginx:1.27"
    assert [(notice.code, notice.path) for notice in layout.warnings] == [("workflow_missing", "src/web/")]


@pytest.mark.parametrize("text", [USUAL, "", "FROM scratch", "FROM a@sha256:" + "0" * 64, "FROM A"])
def test_a_base_that_nobody_knows_is_a_fault(text: str) -> None:
    assert errors(entry("src/web/Dockerfile", text)) == [("base_unknown", "src/web/Dockerfile")]


FINE = [entry("src/lab/Dockerfile", USUAL), workflow_of("lab")]


@pytest.mark.parametrize(
    ("bad", "code", "path"),
    [
        (entry("src/lab/link", "Dockerfile", LINK), "link", "src/lab/link"),
        (entry("src/lab/x", b"\xff"), "content_encoding", "src/lab/x"),
        (entry("src/lab/x", b"\0"), "content_nul", "src/lab/x"),
        (entry("src/lab/x", b"x" * (MAX_FILE_BYTES + 1)), "file_too_large", "src/lab/x"),
    ],
)
def test_faults_name_their_file(bad: Entry, code: str, path: str) -> None:
    assert errors(*FINE, bad) == [(code, path)]


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (entry(workflow_path("a"), "a: ["), "no_yaml"),
        (entry(workflow_path("a"), "- x"), "no_workflow"),
        (entry(workflow_path("a"), "x", LINK), "link"),
    ],
)
def test_an_application_whose_workflow_cannot_be_read_has_one_fault(bad: Entry, code: str) -> None:
    assert errors(*FINE, entry("src/a/Dockerfile", USUAL), bad) == [(code, bad.path)]


@pytest.mark.parametrize("text", ["a: [", "- x", "on: push"])
def test_a_workflow_of_no_application_keeps_none_out(text: str) -> None:
    layout = found(*FINE, entry(workflow_path("lint"), text))
    assert layout.errors == [] and [one.name for one in layout.applications] == ["lab"]
    assert {notice.path for notice in layout.warnings} == {workflow_path("lint")}


@pytest.mark.parametrize(
    ("name", "example", "said"),
    [("BASE_TAG", "python-3.11", '"${{ github.ref_name }}"'), ("BASE_IMAGE", "scipy-notebook", '""')],
)
def test_what_no_image_can_be_named_without_is_asked_of_the_workflow(name: str, example: str, said: str) -> None:
    text = re.sub(rf"  {name}: .*", f"  {name}: {said}", write_workflow(WORKFLOW))
    (fault,) = found(FINE[0], entry(workflow_path("lab"), text)).errors
    assert (fault.code, fault.path) == ("value_needed", workflow_path("lab"))
    assert fault.params == {"name": name, "example": example}
    layout = found(entry("src/web/Dockerfile", "FROM x:1"), entry(workflow_path("lab"), text))
    assert layout.errors == [] and fault.code not in {notice.code for notice in layout.warnings}


class TestCopiedWorkflows:
    """`WORKLOAD_TYPE` was not changed. Sorted by name the copy would come first."""

    COPY = workflow_of("lab", workflow_path("lab-x"))

    def test_the_copy_is_named(self) -> None:
        layout = found(*FINE, self.COPY, entry("src/lab-x/Dockerfile", USUAL))
        assert [(fault.code, fault.path, dict(fault.params)) for fault in layout.errors] == [
            ("workflow_of_other", self.COPY.path, {"name": "lab-x", "other": "lab"})
        ]
        (twice,) = layout.warnings
        assert (twice.code, twice.path, twice.params["first"]) == ("workflow_twice", self.COPY.path, FINE[1].path)

    def test_it_takes_nothing_from_what_it_was_copied_from(self) -> None:
        copy = entry(workflow_path("lab-x"), write_workflow(WORKFLOW).replace("3.11", "3.12"))
        assert [one.workflow for one in found(*FINE, copy).applications] == [WORKFLOW]

    def test_a_fixed_base_stands_in_and_the_copy_is_named_all_the_same(self) -> None:
        layout = found(*FINE, self.COPY, entry("src/lab-x/Dockerfile", "FROM x:1"))
        assert layout.errors == [] and [one.name for one in layout.applications] == ["lab", "lab-x"]
        assert {"workflow_of_other", "workflow_missing"} <= {notice.code for notice in layout.warnings}


def test_faults_have_lines_and_limits() -> None:
    layout = found(FINE[0], entry(workflow_path("lab"), "\na: ["), entry("src/lab/x", b"x" * (MAX_FILE_BYTES + 1)))
    assert [(notice.line, dict(notice.params)) for notice in layout.errors][1] == (None, {"limit": MAX_FILE_BYTES})
    assert layout.errors[0].line in (2, 3)


def test_what_cannot_be_unpacked_is_a_fault_of_its_file() -> None:
    def broken() -> bytes:
        raise PackingError("archive_broken", "src/lab/x")

    assert errors(*FINE, Entry("src/lab/x", FILE, 1, broken)) == [("content_broken", "src/lab/x")]


def test_every_fault_is_said() -> None:
    found_errors = errors(
        entry("src/a/Dockerfile", b"\xff"), entry("src/b/Dockerfile", USUAL), entry(workflow_path("a"), "- x"), *FINE
    )
    assert [code for code, _ in found_errors] == ["no_workflow", "content_encoding", "base_unknown"]


def test_what_is_left_out_is_said() -> None:
    layout = warnings(
        *FINE,
        entry("src/docs/index.md"),
        entry("src/lose.txt"),
        workflow_of("gone"),
        workflow_of("lab", ".github/workflows/build-push-z.yaml"),
        entry(".github/workflows/build-push-y.yml", write_workflow(WORKFLOW).replace('"main"', '"master"')),
    )
    assert sorted(layout) == [
        ("no_dockerfile", "src/docs/"),
        ("workflow_alone", workflow_path("gone")),
        ("workflow_twice", ".github/workflows/build-push-y.yml"),
        ("workflow_twice", ".github/workflows/build-push-z.yaml"),
    ]


def test_warnings_of_a_workflow_name_it() -> None:
    text = write_workflow(WORKFLOW).replace('"main"', '"master"')
    assert warnings(FINE[0], entry(workflow_path("lab"), text)) == [("branches_other", workflow_path("lab"))]


def test_a_repository_without_applications_is_refused() -> None:
    assert errors(entry("README.md")) == [("nothing_found", "")]
    assert errors() == [("nothing_found", "")]


def test_there_is_a_limit_of_applications() -> None:
    entries = [entry(f"src/a{number}/Dockerfile", "FROM x:1") for number in range(MOST_APPLICATIONS + 1)]
    assert errors(*entries) == [("too_many_applications", "")]
