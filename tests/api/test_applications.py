"""Applications over the API: their values, files, versions, secrets."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from builds.models import Application, ApplicationVersion, Build
from core.jobs import JobState
from tests.api import make

pytestmark = pytest.mark.django_db
AT = "/api/applications/"
FILES = {"Dockerfile": "FROM scipy-notebook:3.11\nRUN apt-get install -y vim\n", "requirements.txt": "numpy\n"}
GIT = {"git_url": "https://git.example.com/team/images.git", "git_password": "hunter2"}


def values(**changed: Any) -> dict[str, Any]:
    usual = {
        "name": "lab", "description": "for team A", "base_registry": "QUAY.io", "base_namespace": "jupyter",
        "base_image": "scipy-notebook", "base_tag": "3.11", "target_namespace": "team", "suffix": "qlora",
    }  # fmt: skip
    return {**usual, **changed}


@pytest.fixture
def registry() -> Any:
    return make.registry(endpoint="registry.example.com/lab", is_default=True)


def test_an_application_comes_back_as_it_was_made(as_user: APIClient, registry: Any) -> None:
    answer = as_user.post(AT, values(files=FILES))
    assert answer.status_code == 201, answer.content
    made = as_user.get(f"{AT}{answer.json()['id']}/").json()
    assert made == answer.json()
    assert made["base_registry"] == "quay.io"
    assert made["target_registry"] == registry.pk
    assert made["image_repository"] == "registry.example.com/lab/team/scipy-notebook-qlora"
    assert (made["owner"], made["source"], made["version"], made["files"]) == ("ulrich", "files", 1, FILES)
    (listed,) = as_user.get(AT).json()["results"]
    assert listed == {name: value for name, value in made.items() if name != "files"}


def test_an_empty_one_has_no_version(as_user: APIClient, registry: Any) -> None:
    made = as_user.post(AT, values()).json()
    assert (made["version"], made["files"]) == (0, {})
    changed = as_user.patch(f"{AT}{made['id']}/", {"files": FILES, "version": 0}).json()
    assert (changed["version"], changed["files"]) == (1, FILES)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"name": "Lab"}, "name"),
        ({"name": "a" * 64}, "name"),
        ({"base_registry": "quay"}, "base_registry"),
        ({"base_registry": "quay.io/jupyter"}, "base_registry"),
        ({"base_namespace": "a//b"}, "base_namespace"),
        ({"base_image": "jupyter/notebook"}, "base_image"),
        ({"base_image": "notebook:1"}, "base_image"),
        ({"base_image": "Notebook"}, "base_image"),
        ({"base_tag": "a b"}, "base_tag"),
        ({"base_tag": "t" * 88}, "base_tag"),
        ({"target_namespace": "Team"}, "target_namespace"),
        ({"target_namespace": "n" * 250}, "target_namespace"),
        ({"target_registry": 0}, "target_registry"),
        ({"suffix": "-x"}, "suffix"),
        ({"files": {"Dockerfile": "", "../x": ""}}, "files"),
        ({"files": {"a": ""}}, "files"),
        ({"files": {"Dockerfile": 5, "a": ["x"]}}, "files.a"),
        ({"git_url": "git@git.example.com:a.git"}, "git_url"),
        ({"git_url": "ssh://git.example.com/a.git"}, "git_url"),
        ({"git_url": "https://me:hunter2@git.example.com/a.git"}, "git_url"),
        ({"git_url": "file:///etc"}, "git_url"),
        ({**GIT, "git_branch": "-x"}, "git_branch"),
        ({**GIT, "git_branch": "a..b"}, "git_branch"),
        ({**GIT, "git_path": "../x"}, "git_path"),
        ({**GIT, "webhook_secret": "fifteen letters"}, "webhook_secret"),
        ({**GIT, "files": FILES}, "files"),
        ({"sufix": "x"}, "sufix"),
    ],
)
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_what_is_wrong_is_named(
    as_user: APIClient, registry: Any, changed: dict[str, Any], field: str, language: str
) -> None:
    answer = as_user.post(AT, values(**changed), HTTP_ACCEPT_LANGUAGE=language)
    faults = make.problem(answer, 400, "invalid")["errors"]
    assert [fault["field"] for fault in faults] == [field]
    assert make.gives_example(faults[0]["message"], chinese=language != "en"), faults
    assert "hunter2" not in faults[0]["message"]
    assert not Application.objects.exists() and not ApplicationVersion.objects.exists()


def test_a_short_webhook_secret_that_is_stored_stays(as_user: APIClient, registry: Any) -> None:
    at = f"{AT}{as_user.post(AT, values(**GIT)).json()['id']}/"
    Application.objects.update(webhook_secret="short")
    assert as_user.patch(at, {"webhook_secret": "******", "suffix": "x"}).json()["has_webhook_secret"]
    assert make.faulty_fields(as_user.patch(at, {"webhook_secret": "fifteen letters"})) == {"webhook_secret"}
    assert not as_user.patch(at, {"webhook_secret": ""}).json()["has_webhook_secret"]


def test_every_wrong_field_is_named_at_once(as_user: APIClient, registry: Any) -> None:
    answer = as_user.post(AT, values(base_image="a/b", base_tag=" x ", suffix="-", base_registry="quay"))
    assert make.faulty_fields(answer) == {"base_image", "suffix", "base_registry"}


def test_a_target_is_needed(as_user: APIClient) -> None:
    make.registry()
    make.registry()
    assert make.faulty_fields(as_user.post(AT, values())) == {"target_registry"}


def test_names_are_unique(as_user: APIClient, as_other: APIClient, registry: Any) -> None:
    assert as_user.post(AT, values()).status_code == 201
    make.problem(as_other.post(AT, values()), 409, "duplicate")


# --- repositories ----------------------------------------------------------------------------------------------------


def test_files_may_be_in_a_repository(as_user: APIClient, registry: Any) -> None:
    made = as_user.post(AT, values(**GIT)).json()
    assert (made["source"], made["git_branch"], made["git_path"]) == ("git", "main", "src/lab")
    assert made["has_git_password"] and "git_password" not in made
    assert Application.objects.get().git_password.reveal() == "hunter2"
    assert make.faulty_fields(as_user.patch(f"{AT}{made['id']}/", {"files": FILES})) == {"files"}
    packages = {"ecosystem": "apt", "packages": ["git"]}
    assert make.faulty_fields(as_user.post(f"{AT}{made['id']}/add-packages/", packages)) == {"packages"}


def test_files_move_into_a_repository_and_back(as_user: APIClient, registry: Any) -> None:
    at = f"{AT}{as_user.post(AT, values(files=FILES)).json()['id']}/"
    moved = as_user.patch(at, {**GIT, "git_path": ""}).json()
    assert (moved["source"], moved["files"], moved["version"], moved["git_path"]) == ("git", {}, 1, "")
    assert as_user.patch(at, {"git_branch": "develop"}).json()["git_path"] == ""  # the whole repository, as was said
    back = as_user.patch(at, {"git_url": ""}).json()
    assert (back["source"], back["files"], back["git_branch"]) == ("files", FILES, "")
    assert not back["has_git_password"]
    assert as_user.patch(at, GIT).json()["git_path"] == "src/lab"


def test_a_password_stays_with_its_host(as_user: APIClient, registry: Any) -> None:
    at = f"{AT}{as_user.post(AT, values(**GIT)).json()['id']}/"
    elsewhere = {"git_url": "https://evil.example.com/team/images.git"}
    assert make.faulty_fields(as_user.patch(at, elsewhere)) == {"git_password"}
    assert make.faulty_fields(as_user.patch(at, {"git_url": GIT["git_url"].replace("https", "http")})) == {
        "git_password"
    }
    assert as_user.patch(at, {"git_url": "https://git.example.com/other.git"}).status_code == 200
    assert as_user.patch(at, {**elsewhere, "git_password": "other"}).status_code == 200
    assert as_user.patch(at, {"git_password": "******"}).status_code == 200
    assert Application.objects.get().git_password.reveal() == "other"


def test_repositories_of_ordinary_users_are_on_known_hosts(
    as_user: APIClient, as_operator: APIClient, registry: Any, settings: Any
) -> None:
    settings.GIT_HOSTS = ["code.example.com"]
    assert make.faulty_fields(as_user.post(AT, values(**GIT))) == {"git_url"}
    assert as_user.post(AT, values(git_url="https://code.example.com/a.git")).status_code == 201
    assert as_operator.post(AT, values(name="other", suffix="other", **GIT)).status_code == 201


# --- versions --------------------------------------------------------------------------------------------------------


def test_each_change_of_files_is_a_version(as_user: APIClient, user: User) -> None:
    at = f"{AT}{make.notebook(by=user, files=FILES).pk}/"
    changed = {**FILES, "requirements.txt": "numpy==1\n", "a.txt": ""}
    assert as_user.patch(at, {"files": changed}).json()["version"] == 2
    assert as_user.patch(at, {"files": changed, "description": "x"}).json()["version"] == 2
    listed = as_user.get(f"{at}versions/").json()["results"]
    assert [(item["number"], item["author"], len(item["revision"])) for item in listed] == [
        (2, "ulrich", 40),
        (1, "ulrich", 40),
    ]
    second = as_user.get(f"{at}versions/2/").json()
    assert (second["files"], second["against"]) == (changed, 1)
    assert "-numpy\n+numpy==1\n" in second["diff"] and "+++ " in second["diff"] and "a.txt" in second["diff"]
    first = as_user.get(f"{at}versions/1/").json()
    assert (first["files"], first["against"], first["diff"]) == (FILES, None, None)
    assert as_user.get(f"{at}versions/1/?against=2").json()["diff"].count("-numpy==1\n+numpy\n") == 1
    assert as_user.get(f"{at}versions/1/?against=1").json()["diff"] == ""
    make.problem(as_user.get(f"{at}versions/3/"), 404, "not_found")
    make.problem(as_user.get(f"{at}versions/999999999/"), 404, "not_found")
    assert make.faulty_fields(as_user.get(f"{at}versions/1/?against=x")) == {"against"}


def test_an_old_version_comes_back_as_a_new_one(as_user: APIClient, user: User) -> None:
    at = f"{AT}{make.notebook(by=user, files=FILES).pk}/"
    as_user.patch(at, {"files": {"Dockerfile": "FROM x"}})
    answer = as_user.post(f"{at}versions/1/rollback/").json()
    assert (answer["version"], answer["files"]) == (3, FILES)
    revisions = list(ApplicationVersion.objects.order_by("number").values_list("revision", flat=True))
    assert revisions[0] == revisions[2] != revisions[1]


def test_who_was_slower_is_told(as_user: APIClient, user: User) -> None:
    at = f"{AT}{make.notebook(by=user, files=FILES).pk}/"
    assert as_user.patch(at, {"files": {"Dockerfile": "FROM x"}, "version": 1}).json()["version"] == 2
    body = {"files": {"Dockerfile": "FROM y"}, "version": 1, "description": "not stored either"}
    make.problem(as_user.patch(at, body), 409, "version_conflict")
    now = as_user.get(at).json()
    assert (now["version"], now["files"], now["description"]) == (2, {"Dockerfile": "FROM x"}, "")
    packages = {"ecosystem": "apt", "packages": ["git"], "version": 1}
    make.problem(as_user.post(f"{at}add-packages/", packages), 409, "version_conflict")


def test_files_are_not_taken_away(as_user: APIClient, user: User) -> None:
    at = f"{AT}{make.notebook(by=user, files=FILES).pk}/"
    assert make.faulty_fields(as_user.patch(at, {"files": {}})) == {"files"}


def test_packages_are_added_once(as_user: APIClient, user: User) -> None:
    at = f"{AT}{make.notebook(by=user, files=FILES).pk}/"
    added = as_user.post(f"{at}add-packages/", {"ecosystem": "apt", "packages": ["git", "vim"]}).json()
    assert (added["version"], added["added"], added["present"]) == (2, ["git"], ["vim"])
    assert added["files"]["Dockerfile"].endswith("install -y vim git\n")
    assert as_user.get(at).json()["files"] == added["files"]
    assert as_user.post(f"{at}add-packages/", {"ecosystem": "apt", "packages": ["git"]}).json()["version"] == 2
    for body in ({"ecosystem": "apt", "packages": ["x; rm"]}, {"ecosystem": "apt", "packages": []}):
        assert make.faulty_fields(as_user.post(f"{at}add-packages/", body)) == {"packages"}
    assert make.faulty_fields(as_user.post(f"{at}add-packages/", {"ecosystem": "npm", "packages": ["x"]})) == {
        "ecosystem"
    }


@pytest.mark.parametrize(("language", "word"), [("en", "Add --yes"), ("zh-hans", "请加上 --yes")])
def test_hints_are_in_the_readers_language(as_user: APIClient, user: User, language: str, word: str) -> None:
    files = {"Dockerfile": "FROM scipy-notebook:3.11\nRUN conda install a\n"}
    row = make.notebook(by=user, files=files, base_registry="docker.io", base_namespace="library")
    stored = as_user.get(f"{AT}{row.pk}/hints/", HTTP_ACCEPT_LANGUAGE=language).json()["hints"]
    assert [(hint["path"], hint["line"], hint["severity"], hint["code"]) for hint in stored] == [
        ("Dockerfile", 2, "info", "conda_cache"),
        ("Dockerfile", 2, "error", "conda_yes_missing"),
    ]
    assert word in stored[1]["message"]
    body = {"files": files, "base_image": "scipy-notebook", "base_tag": "3.11"}
    assert as_user.post(f"{AT}hints/", body, HTTP_ACCEPT_LANGUAGE=language).json()["hints"] == stored
    other = as_user.post(f"{AT}hints/", {**body, "base_tag": "3.12"}).json()["hints"]
    assert [hint["code"] for hint in other] == ["base_ignored", *(hint["code"] for hint in stored)]
    free = as_user.post(f"{AT}hints/", {"files": files}).json()["hints"]
    assert [hint["code"] for hint in free] == [hint["code"] for hint in stored]


@pytest.mark.parametrize(("language", "word"), [("en", "in a git repository"), ("zh-hans", "git 仓库")])
def test_of_files_in_a_repository_it_is_said_why_there_are_no_hints(
    as_user: APIClient, user: User, language: str, word: str
) -> None:
    row = make.notebook(by=user, git_url=GIT["git_url"])
    told = as_user.get(f"{AT}{row.pk}/hints/", HTTP_ACCEPT_LANGUAGE=language).json()
    assert told["hints"] == [] and word in told["note"] and "/api/applications/hints/" in told["note"]


# --- copies, deletion, secrets, exports ------------------------------------------------------------------------------


def test_a_copy_has_the_files_and_no_secret(as_user: APIClient, user: User) -> None:
    row = make.notebook(by=user, files=FILES, webhook_secret="a word of sixteen", description="x")
    as_user.post(f"{AT}{row.pk}/secrets/", {"values": {"TOKEN": "word"}})
    copy = as_user.post(f"{AT}{row.pk}/copy/", {"name": "copy", "suffix": "other"}).json()
    assert (copy["files"], copy["version"], copy["suffix"], copy["description"]) == (FILES, 1, "other", "x")
    assert copy["target_registry"] == row.target_registry_id and not copy["has_webhook_secret"]
    assert as_user.get(f"{AT}{copy['id']}/secrets/").json() == {"values": {}}
    make.problem(as_user.post(f"{AT}{row.pk}/copy/", {"name": "copy"}), 409, "duplicate")
    of_git = make.notebook(by=user, git_password="word", git_url=GIT["git_url"])
    copied = as_user.post(f"{AT}{of_git.pk}/copy/", {"name": "copy2"}).json()
    assert (copied["git_url"], copied["git_path"], copied["has_git_password"]) == (
        GIT["git_url"],
        f"src/{of_git.name}",
        False,
    )


def test_an_application_is_not_deleted_while_it_is_built(as_user: APIClient, user: User) -> None:
    row = make.notebook(by=user)
    build = Build.objects.create(application=row, application_name=row.name, repository="r.example.com/a")
    told = make.problem(as_user.delete(f"{AT}{row.pk}/"), 409, "in_use")
    assert "cancel" in told["detail"]
    Build.objects.update(state=JobState.FAILED)
    assert as_user.delete(f"{AT}{row.pk}/").status_code == 204
    build.refresh_from_db()
    assert (build.application, build.application_name) == (None, row.name)


@pytest.mark.parametrize(("language", "word"), [("en", "Delete the applications first"), ("zh-hans", "应用")])
def test_a_registry_endpoint_is_not_deleted_while_applications_push_there(
    as_operator: APIClient, user: User, language: str, word: str
) -> None:
    row = make.notebook(by=user)
    at = f"/api/registries/{row.target_registry_id}/"
    told = make.problem(as_operator.delete(at, HTTP_ACCEPT_LANGUAGE=language), 409, "in_use")
    assert told["used_by"] == [row.name] and word in told["detail"]


def test_secrets_are_written_and_never_read(as_user: APIClient, user: User) -> None:
    row = make.notebook(by=user)
    at = f"{AT}{row.pk}/secrets/"
    assert as_user.post(at, {"values": {"B": "1", "A": "2"}}).json() == {"values": {"A": "******", "B": "******"}}
    assert as_user.post(at, {"values": {"A": "******", "B": ""}}).json() == {"values": {"A": "******"}}
    assert as_user.get(at).json() == {"values": {"A": "******"}}
    assert row.secrets.get().value.reveal() == "2"
    for wrong in ({"a b": "1"}, {"": "1"}, {"A": "x" * 20_001}, {f"N{number}": "1" for number in range(51)}):
        named = make.faulty_fields(as_user.post(at, {"values": wrong}))
        assert {field.partition(".")[0] for field in named} == {"values"}
    assert as_user.get(at).json() == {"values": {"A": "******"}}


def test_an_application_goes_out_as_two_folders(as_user: APIClient, user: User) -> None:
    row = make.notebook(by=user, files=FILES, name="lab", suffix="qlora", webhook_secret="hunter2-hunter2-")
    answer = as_user.get(f"{AT}{row.pk}/export/")
    assert (answer["Content-Type"], answer["Content-Disposition"]) == (
        "application/zip",
        'attachment; filename="lab.zip"',
    )
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        texts = {name: archive.read(name).decode() for name in archive.namelist()}
    workflow = as_user.get(f"{AT}{row.pk}/workflow/")
    assert workflow["Content-Type"].startswith("application/yaml")
    assert texts == {
        "src/lab/Dockerfile": FILES["Dockerfile"],
        "src/lab/requirements.txt": FILES["requirements.txt"],
        ".github/workflows/build-push-lab.yaml": workflow.content.decode(),
    }
    assert "-qlora:" in workflow.content.decode() and "hunter2" not in str(texts)


def test_the_workflow_of_an_application_in_git_builds_what_the_webhook_does(as_user: APIClient, user: User) -> None:
    row = make.notebook(by=user, name="lab", **{**GIT, "git_branch": "develop", "git_path": "images/foo"})
    text = as_user.get(f"{AT}{row.pk}/workflow/").content.decode()
    assert '    - "develop"\n' in text and '    - "images/foo/**"\n' in text and '  FOLDER: "images/foo"\n' in text
    assert "src/" not in text
