"""Importing repositories of applications: all or nothing."""

from __future__ import annotations

import io
import re
import tarfile
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from rest_framework.test import APIClient

from builds.models import Application, ApplicationVersion
from builds.packing import pack, unpack
from builds.services.application_imports import Repository, import_repository
from builds.trees import FILE, PROGRAM, Entry, entries_of, revision_of
from builds.workflows import Workflow, workflow_path, write_workflow
from tests.api import make
from tests.support.notebook_application import DOCKERFILE, REQUIREMENTS

pytestmark = pytest.mark.django_db
AT = "/api/applications/"
USUAL = Workflow(
    "lab", "quay.io", "jupyter", "scipy-notebook", "python-3.11", "registry.example.com", "team/a", "qlora"
)


def repository(*workflows: Workflow, **others: str) -> dict[str, bytes]:
    files: dict[str, str] = {"README.md": "x", **others}
    for workflow in workflows or (USUAL,):
        folder = f"src/{workflow.application}"
        files |= {
            workflow_path(workflow.application): write_workflow(workflow),
            f"{folder}/Dockerfile": DOCKERFILE,
            f"{folder}/requirements.txt": REQUIREMENTS,
            f"{folder}/noop.txt": "",
        }
    return {path: text.encode() for path, text in files.items()}


def send(client: APIClient, files: dict[str, bytes], query: str = "", **options: Any) -> Any:
    return client.generic("POST", f"{AT}import/{query}", pack(files), content_type="application/zip", **options)


def named(name: str, **changed: str) -> Workflow:
    values = {name: getattr(USUAL, name) for name in Workflow.__slots__}
    return Workflow(**{**values, "application": name, "suffix": name, **changed})


@pytest.fixture
def registry() -> Any:
    return make.registry(endpoint="registry.example.com")


def test_a_repository_becomes_applications(as_user: APIClient, registry: Any) -> None:
    files = repository(USUAL, named("web", suffix="", target_namespace=""))
    answer = send(as_user, {f"images-main/{path}": content for path, content in files.items()})
    assert answer.json() == {"created": ["lab", "web"], "updated": [], "warnings": [], "errors": []}
    lab = as_user.get(f"{AT}{Application.objects.get(name='lab').pk}/").json()
    assert lab["files"] == {"Dockerfile": DOCKERFILE, "noop.txt": "", "requirements.txt": REQUIREMENTS}
    assert (lab["owner"], lab["base_tag"], lab["suffix"]) == ("ulrich", "python-3.11", "qlora")
    assert lab["image_repository"] == "registry.example.com/team/a/scipy-notebook-qlora"
    assert as_user.get(f"{AT}{lab['id']}/hints/").json() == {"hints": []}


def test_what_is_exported_is_imported_as_the_same(as_user: APIClient, registry: Any) -> None:
    send(as_user, repository())
    row = Application.objects.get()
    exported = as_user.get(f"{AT}{row.pk}/export/").content
    again = as_user.generic("POST", f"{AT}import/", exported, content_type="application/zip").json()
    assert again == {"created": [], "updated": [], "warnings": [], "errors": []}
    assert ApplicationVersion.objects.count() == 1


def test_a_second_import_changes_what_differs(as_user: APIClient, registry: Any) -> None:
    send(as_user, repository(USUAL, named("web")))
    files = {**repository(USUAL, named("web", base_tag="python-3.12")), "src/lab/noop.txt": b"x"}
    assert send(as_user, files).json()["updated"] == ["lab", "web"]
    rows = {row.name: row for row in Application.objects.all()}
    assert (rows["lab"].version, rows["web"].version, rows["web"].base_tag) == (2, 1, "python-3.12")


def test_a_file_in_a_form_is_taken_too(as_user: APIClient, registry: Any) -> None:
    file = SimpleUploadedFile("x.zip", pack(repository()))
    assert as_user.post(f"{AT}import/", {"file": file}, format="multipart").json()["created"] == ["lab"]


def test_images_go_to_the_endpoint_of_their_namespace(as_user: APIClient, registry: Any) -> None:
    nearer = make.registry(endpoint="registry.example.com/team")
    make.registry(endpoint="registry.example.com/tea", is_default=True)
    send(as_user, repository())
    row = Application.objects.get()
    assert (row.target_registry, row.target_namespace) == (nearer, "a")


def test_a_registry_that_is_not_here_is_an_error_or_replaced(as_user: APIClient) -> None:
    chosen = make.registry(name="chosen")
    told = make.problem(send(as_user, repository()), 400, "invalid_file")
    assert [fault["field"] for fault in told["errors"]] == ["src/lab"]
    assert "registry.example.com" in told["detail"]
    answer = send(as_user, repository(), f"?target_registry={chosen.pk}").json()
    assert answer["created"] == ["lab"]
    assert [(item["field"], "chosen" in item["message"]) for item in answer["warnings"]] == [("src/lab", True)]
    assert Application.objects.get().target_registry == chosen
    assert make.faulty_fields(send(as_user, repository(), "?target_registry=0")) == {"target_registry"}


def test_the_default_registry_stands_in(as_user: APIClient) -> None:
    usual = make.registry(is_default=True)
    plain = {"src/web/Dockerfile": b"FROM python:3.12\n"}
    answer = send(as_user, plain).json()
    assert (answer["created"], len(answer["warnings"])) == (["web"], 1)
    row = Application.objects.get()
    assert (row.target_registry, row.base_registry, row.base_namespace, row.base_image, row.base_tag) == (
        usual,
        "docker.io",
        "library",
        "python",
        "3.12",
    )


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_one_fault_keeps_everything_out(
    as_user: APIClient, as_operator: APIClient, other: User, registry: Any, language: str
) -> None:
    make.notebook(by=other, name="web")
    files = repository(USUAL, named("web"), named("Upper"), named("tag", base_tag="t" * 100))
    told = make.problem(send(as_user, files, HTTP_ACCEPT_LANGUAGE=language), 400, "invalid_file")
    assert {fault["field"] for fault in told["errors"]} == {"src/web", "src/Upper", "src/tag"}
    assert Application.objects.count() == 1
    assert all(make.gives_example(fault["message"], chinese=language != "en") for fault in told["errors"])
    assert send(as_operator, repository(USUAL, named("web"))).json()["updated"] == ["web"]


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize(
    "data", [b"hello", b"", pack({"../x": b""}), pack({"src/a/Dockerfile": b"FROM x"})[:-30], b"x" * 5_300_000]
)
def test_archives_that_cannot_be_read_are_refused(as_user: APIClient, data: bytes, language: str) -> None:
    answer = as_user.generic(
        "POST", f"{AT}import/", data, content_type="application/zip", HTTP_ACCEPT_LANGUAGE=language
    )
    [fault] = make.problem(answer, 400)["errors"]
    assert fault["field"] == "file" and make.gives_example(fault["message"], chinese=language != "en")


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize(
    "files",
    [
        {"README.md": b""},
        {"src/a/Dockerfile": b"FROM $X"},
        {"src/a/Dockerfile": b"\xff"},
        {"src/a/Dockerfile": b"FROM x:1", "src/a/.git": b""},
        {"src/a/Dockerfile": b"FROM x:1", ".github/workflows/build-push-a.yaml": b"x: ["},
        {"src/a/Dockerfile": b"FROM x:1", ".github/workflows/build-push-a.yaml": b"x: 1"},
    ],
)
def test_repositories_that_are_none_are_refused(
    as_user: APIClient, registry: Any, files: dict[str, bytes], language: str
) -> None:
    told = make.problem(send(as_user, files, HTTP_ACCEPT_LANGUAGE=language), 400, "invalid_file")
    assert told["errors"] and not Application.objects.exists()
    assert all(make.gives_example(fault["message"], chinese=language != "en") for fault in told["errors"])


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_a_refusal_names_the_workflow_that_is_to_blame(as_user: APIClient, registry: Any, language: str) -> None:
    wrong = named("web")
    files = {**repository(USUAL, wrong), workflow_path("web"): write_workflow(USUAL).encode()}
    told = make.problem(send(as_user, files, HTTP_ACCEPT_LANGUAGE=language), 400, "invalid_file")
    (fault,) = told["errors"]
    assert fault["field"] == workflow_path("web") and "WORKLOAD_TYPE: web" in fault["message"]
    assert make.gives_example(fault["message"], chinese=language != "en")
    (warning,) = told["warnings"]
    assert warning["field"] == workflow_path("web") and workflow_path("lab") in warning["message"]
    text = re.sub("BASE_TAG: .*", 'BASE_TAG: "${{ github.ref_name }}"', write_workflow(wrong)).encode()
    (fault,) = make.problem(
        send(as_user, {**repository(USUAL, wrong), workflow_path("web"): text}, HTTP_ACCEPT_LANGUAGE=language), 400
    )["errors"]
    assert fault["field"] == workflow_path("web") and "BASE_TAG: python-3.11" in fault["message"]
    assert make.gives_example(fault["message"], chinese=language != "en")


def test_a_workflow_of_nothing_keeps_nothing_out(as_user: APIClient, registry: Any) -> None:
    answer = send(as_user, {**repository(), workflow_path("lint"): b"a: ["}).json()
    assert answer["created"] == ["lab"] and [item["field"] for item in answer["warnings"]] == [workflow_path("lint")]


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_where_images_go_has_to_be_said(as_user: APIClient, language: str) -> None:
    make.registry()
    make.registry(name="other", endpoint="other.example.com")
    answer = send(as_user, {"src/web/Dockerfile": b"FROM python:3.12\n"}, HTTP_ACCEPT_LANGUAGE=language)
    told = make.problem(answer, 400, "invalid_file")
    (fault,) = told["errors"]
    assert fault["field"] == "src/web" and make.gives_example(fault["message"], chinese=language != "en")
    assert [item["field"] for item in told["warnings"]] == ["src/web/"]


def test_the_page_shows_what_was_seen_besides_the_faults(admin_client: Any, registry: Any) -> None:
    files = {**repository(), "src/web/Dockerfile": b"FROM $X", "src/docs/index.md": b""}
    page = reverse("admin:builds_application_import_files")
    shown = admin_client.post(page, {"file": SimpleUploadedFile("x.zip", pack(files))}).content.decode()
    assert "src/web/Dockerfile" in shown and "此外还发现" in shown and "src/docs/" in shown
    assert not Application.objects.exists()


def test_files_may_stay_in_their_repository(user: User, registry: Any) -> None:
    entries = [Entry(path, FILE, len(data), lambda data=data: data) for path, data in repository().items()]  # type: ignore[misc]
    place = Repository("https://git.example.com/team/images.git", "main", "robot", "word")
    assert "word" not in repr(place)
    done = import_repository(user=user, entries=entries, repository=place)
    row = Application.objects.get()
    assert (done.created, row.source, row.git_url, row.git_branch, row.git_path, row.git_username) == (
        ["lab"],
        "git",
        place.url,
        "main",
        "src/lab",
        "robot",
    )
    assert row.git_password.reveal() == "word" and not ApplicationVersion.objects.exists()
    # And back: an archive takes the files over.
    done = import_repository(user=user, entries=entries)
    row.refresh_from_db()
    assert (done.updated, row.source, row.version, row.git_url) == (["lab"], "files", 1, "")


class TestPrograms:
    """Archives know which files may be executed; editors know texts alone."""

    @pytest.fixture
    def row(self, as_user: APIClient, registry: Any) -> Application:
        files = {**repository(), "src/lab/run": b"echo hi\n", "src/lab/start.sh": b"#!/bin/sh\n"}
        answer = as_user.generic(
            "POST", f"{AT}import/", pack(files, programs=["src/lab/run"]), content_type="application/zip"
        )
        assert answer.json()["created"] == ["lab"]
        return Application.objects.get()

    def programs(self, row: Application) -> list[Any]:
        return [version.programs for version in row.versions.order_by("number")]

    def test_they_are_kept(self, as_user: APIClient, row: Application) -> None:
        assert self.programs(row) == [["run"]]
        tar = io.BytesIO()
        with tarfile.open(fileobj=tar, mode="w") as archive:
            for path, content in {
                **repository(),
                "src/lab/run": b"echo hi\n",
                "src/lab/start.sh": b"#!/bin/sh\n",
            }.items():
                member = tarfile.TarInfo(path)
                member.size, member.mode = len(content), 0o755 if path == "src/lab/run" else 0o644
                archive.addfile(member, io.BytesIO(content))
        again = as_user.generic("POST", f"{AT}import/", tar.getvalue(), content_type="application/x-tar").json()
        assert again["updated"] == []

    def test_whoever_edits_texts_keeps_them(self, as_user: APIClient, row: Application) -> None:
        at = f"{AT}{row.pk}/"
        files = as_user.get(at).json()["files"]
        as_user.patch(at, {"files": {**files, "run": "echo there\n"}})
        as_user.patch(at, {"files": {path: text for path, text in files.items() if path != "run"}})
        as_user.patch(at, {"files": files})
        as_user.post(f"{at}versions/1/rollback/")
        assert self.programs(row) == [["run"], ["run"], [], [], ["run"]]

    def test_they_go_along_into_copies_and_archives(self, as_user: APIClient, row: Application) -> None:
        copy = as_user.post(f"{AT}{row.pk}/copy/", {"name": "copy"}).json()
        assert self.programs(Application.objects.get(pk=copy["id"])) == [["run"]]
        modes = {entry.path: entry.mode for entry in unpack(as_user.get(f"{AT}{row.pk}/export/").content)}
        assert (modes["src/lab/run"], modes["src/lab/start.sh"]) == (PROGRAM, PROGRAM)
        assert modes["src/lab/Dockerfile"] == FILE

    def test_they_are_part_of_the_revision_as_they_are_for_git(self, row: Application) -> None:
        version = row.versions.get()
        assert version.revision == revision_of(entries_of(version.files, programs=["run"]))
        assert version.revision != revision_of(entries_of(version.files))
