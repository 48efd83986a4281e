"""Admin pages of applications."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from builds.models import Application, Build
from builds.packing import pack
from core.jobs import JobState
from tests.api import make
from tests.support.notebook_application import BASE, FILES

pytestmark = pytest.mark.django_db
HOOK = "a word of sixteen"


@pytest.fixture
def pages(operator: User) -> Client:
    client = Client(HTTP_ACCEPT_LANGUAGE="en")
    client.force_login(operator, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def row(user: User) -> Application:
    return make.notebook(by=user, files=FILES, name="lab", **BASE)


def at(name: str, *args: Any) -> str:
    return reverse(f"admin:builds_application_{name}", args=args)


def typed(files: dict[str, str], **values: Any) -> dict[str, Any]:
    """As browsers send it."""
    return {"path": list(files), "text": [text.replace("\n", "\r\n") for text in files.values()], **values}


def test_the_list_shows_what_is_made_of_what_and_the_newest_build(pages: Client, row: Application) -> None:
    for state in (JobState.SUCCEEDED, JobState.FAILED):
        Build.objects.create(application=row, application_name="lab", repository="r/x", reference="r/x:t", state=state)
    newest = Build.objects.latest("pk")
    text = pages.get(at("changelist")).content.decode()
    assert "quay.io/jupyter/scipy-notebook:python-3.11" in text
    assert f"→ {row.target_registry.endpoint}/scipy-notebook" in text
    assert reverse("admin:builds_build_change", args=[newest.pk]) in text and "ulrich" in text


def test_a_page_shows_all_of_it(pages: Client, row: Application, user: User) -> None:
    text = pages.get(at("change", row.pk)).content.decode()
    assert "mamba install" in text and "Nothing to say." in text
    of_git = make.notebook(by=user, git_url="https://git.example.com/a.git", git_password="hunter2")
    text = pages.get(at("change", of_git.pk)).content.decode()
    assert "https://git.example.com/a.git" in text and "Messages of the git server" in text and "hunter2" not in text
    assert f"http://testserver{reverse('hooks-git')}" in text and "every message is refused" in text
    with_secret = make.notebook(by=user, git_url="https://git.example.com/b.git", webhook_secret="hunter3-hunter3-")
    text = pages.get(at("change", with_secret.pk)).content.decode()
    assert "every message is refused" not in text and "hunter3" not in text
    assert "There are no files yet." in pages.get(at("change", make.notebook(by=user, files={}).pk)).content.decode()


def test_a_new_application_goes_on_to_its_files(pages: Client, operator: User) -> None:
    target = make.registry(is_default=True)
    assert f'value="{target.pk}" selected' in pages.get(at("add")).content.decode()
    values = {"name": "new", **BASE, "target_registry": target.pk}
    answer = pages.post(at("add"), values)
    made = Application.objects.get()
    assert answer["Location"] == at("edit_files", made.pk)
    assert (made.owner, made.version) == (operator, 0)
    page = pages.get(at("edit_files", made.pk)).content.decode()
    assert "FROM ${BASE_REGISTORY}/${BASE_NAMESPACE}/${BASE_IMAGE}:${BASE_TAG}" in page and "USER ${NB_UID}" in page
    values |= {"name": "git", "suffix": "git", "git_url": "https://git.example.com/a.git", "git_password": "hunter2"}
    answer = pages.post(at("add"), values)
    of_git = Application.objects.get(name="git")
    assert answer["Location"] == at("change", of_git.pk)
    assert (of_git.git_path, of_git.git_password.reveal()) == ("src/git", "hunter2")


def test_faults_stand_at_their_fields(pages: Client) -> None:
    target = make.registry()
    values = {"name": "New", **BASE, "base_image": "a/b", "target_registry": target.pk, "git_password": "hunter2"}
    page = pages.post(at("add"), values)
    faults = page.context["adminform"].form.errors
    assert {"name", "base_image", "git_password"} == set(faults)
    assert all(make.gives_example(text) for field in ("name", "base_image") for text in faults[field])
    assert "hunter2" not in page.content.decode() and not Application.objects.exists()


def test_files_move_into_a_folder_of_a_repository(pages: Client, row: Application) -> None:
    form = pages.get(at("values", row.pk)).context["adminform"].form
    values = {name: form[name].value() for name in form.fields}
    pages.post(at("values", row.pk), {**values, "git_url": "https://git.example.com/a.git"})
    row.refresh_from_db()
    assert (row.source, row.git_path) == ("git", f"src/{row.name}")


def test_values_are_changed_on_a_page_of_their_own(pages: Client, row: Application) -> None:
    form = pages.get(at("values", row.pk)).context["adminform"].form
    values = {name: form[name].value() for name in form.fields}
    answer = pages.post(at("values", row.pk), {**values, "suffix": "qlora", "webhook_secret": HOOK})
    row.refresh_from_db()
    assert answer["Location"] == at("change", row.pk)
    assert (row.suffix, row.webhook_secret.reveal(), row.owner and row.owner.username) == ("qlora", HOOK, "ulrich")
    assert HOOK not in pages.get(at("values", row.pk)).content.decode()


def test_files_are_saved_as_a_version(pages: Client, row: Application) -> None:
    files = {**FILES, "start.sh": "#!/bin/sh\n"}
    answer = pages.post(at("edit_files", row.pk), typed(files, version=1))
    assert answer["Location"] == at("change", row.pk)
    row.refresh_from_db()
    assert row.version == 2 and row.versions.get(number=2).files == dict(sorted(files.items()))
    twice = pages.post(
        at("edit_files", row.pk), {"path": ["a", "a"], "text": ["1", "2"], "version": 2}
    ).content.decode()
    assert "Two files have the path a." in twice
    assert row.versions.count() == 2


def test_what_was_typed_meanwhile_is_not_lost_and_both_changes_are_shown(pages: Client, row: Application) -> None:
    theirs = {**FILES, "start.sh": "#!/bin/sh\n"}
    pages.post(at("edit_files", row.pk), typed(theirs, version=1))
    mine = {**FILES, "requirements.txt": "scipy==1.14\n"}
    late = pages.post(at("edit_files", row.pk), typed(mine, version=1))
    page = late.content.decode()
    assert late.status_code == 200 and "Somebody changed" in page
    assert "scipy==1.14\n</textarea>" in page, "what was typed stays"
    (_, meanwhile, _), (_, by_mine, _) = late.context["conflict"]
    assert [line["text"] for line in meanwhile if line["kind"]][-1] == "+#!/bin/sh"
    assert {"-#!/bin/sh", "+scipy==1.14"} <= {line["text"] for line in by_mine if line["kind"]}
    assert "+scipy==1.14" in page and row.versions.count() == 2
    assert 'name="version" value="2"' in page, "who saves again has seen what goes"
    assert pages.post(at("edit_files", row.pk), typed(mine, version=2)).status_code == 302
    assert row.versions.get(number=3).files == mine and row.versions.get(number=2).files == theirs


def test_hints_come_while_one_types(pages: Client, row: Application) -> None:
    asked = typed({"Dockerfile": "FROM x\nRUM y"}, row=row.pk)
    found = pages.post(at("check"), asked).json()["hints"]
    assert [(hint["line"], hint["code"]) for hint in found] == [
        (1, "base_ignored"),
        (1, "base_untagged"),
        (2, "instruction_unknown"),
    ]
    assert pages.post(at("check"), {"path": ["a", "a"], "text": ["", ""], "row": row.pk}).json()["error"]
    assert pages.post(at("check"), typed(FILES)).status_code == 404
    assert pages.get(at("check")).status_code == 405


def test_of_two_first_versions_one_is_saved(pages: Client, operator: User) -> None:
    row = make.notebook(by=operator, files={}, name="fresh", **BASE)
    pages.post(at("edit_files", row.pk), typed({"Dockerfile": "FROM a:1\n"}, version="0"))
    late = pages.post(at("edit_files", row.pk), typed({"Dockerfile": "FROM b:1\n"}, version="0"))
    assert late.status_code == 200 and "FROM b:1" in late.content.decode(), "what was typed stays"
    assert [version.files["Dockerfile"] for version in row.versions.all()] == ["FROM a:1\n"]


def test_packages_are_added_to_what_was_typed(pages: Client, row: Application) -> None:
    said = {"row": row.pk, "ecosystem": "apt", "packages": " git\na1 "}
    asked = typed({"Dockerfile": "FROM x\nRUN apt-get install a1\n"}, **said)
    answer = pages.post(at("packages"), asked).json()
    assert answer["files"] == {"Dockerfile": "FROM x\nRUN apt-get install a1 git\n"}
    assert answer["said"] == "Added: git. There already: a1."
    assert "x;y" in pages.post(at("packages"), {**asked, "packages": "x;y"}).json()["error"]
    assert row.versions.count() == 1
    Application.objects.update(base_image="scipy-notebook")  # whose user installs nothing
    asked = typed({"Dockerfile": "FROM $BASE_IMAGE\n"}, **said)
    assert "USER root" in pages.post(at("packages"), asked).json()["files"]["Dockerfile"]


def test_an_old_version_comes_back_after_a_question(pages: Client, row: Application) -> None:
    pages.post(at("edit_files", row.pk), typed({"Dockerfile": "FROM y\n"}, version=1))
    now, old = (pages.get(at("version", row.pk, number)).content.decode() for number in (2, 1))
    assert "+FROM y" in now and "/rollback/" not in now
    assert at("rollback", row.pk, 1) in old and at("version", row.pk, 2) + "?against=1" in old
    assert "-FROM y" in pages.get(at("version", row.pk, 1) + "?against=2").content.decode()
    asked = pages.post(at("rollback", row.pk, 1)).content.decode()
    assert "as a new version" in asked and row.versions.count() == 2
    pages.post(at("rollback", row.pk, 1), {"confirmed": "yes"})
    assert row.versions.get(number=3).files == FILES
    assert pages.get(at("version", row.pk, 9)).status_code == pages.get(at("rollback", row.pk, 9)).status_code == 404


def test_files_in_a_repository_are_not_edited_here(pages: Client, user: User) -> None:
    of_git = make.notebook(by=user, git_url="https://git.example.com/a.git")
    assert pages.get(at("edit_files", of_git.pk))["Location"] == at("change", of_git.pk)


def test_a_copy_is_made_and_a_taken_name_is_said(pages: Client, row: Application, operator: User) -> None:
    assert "lab-2" in pages.get(at("copy_row", row.pk)).content.decode()
    assert "this name already" in pages.post(at("copy_row", row.pk), {"name": "lab"}).content.decode()
    answer = pages.post(at("copy_row", row.pk), {"name": "lab-2", "suffix": "x", "description": ""})
    copy = Application.objects.get(name="lab-2")
    assert answer["Location"] == at("change", copy.pk)
    assert (copy.owner, copy.suffix, copy.version) == (operator, "x", 1)


def test_a_repository_is_imported_or_all_its_faults_are_shown(pages: Client) -> None:
    target = make.registry()

    def send(files: dict[str, bytes]) -> Any:
        file = SimpleUploadedFile("x.zip", pack(files))
        return pages.post(at("import_files"), {"file": file, "target_registry": target.pk}, follow=True)

    faulty = send({"src/a/Dockerfile": b"FROM $X", "src/b/Dockerfile": b"FROM x:1"}).content.decode()
    assert "src/a/Dockerfile" in faulty and not Application.objects.exists()
    done = send({"src/b/Dockerfile": b"FROM x:1"}).content.decode()
    assert "Imported: 1 new, 0 changed." in done and "No workflow is about" in done
    assert "neither" not in pages.get(at("import_files")).content.decode()
    assert "no ZIP and no TAR" in pages.post(at("import_files"), {}).content.decode()
    refused = pages.post(at("import_files"), {"git_url": "ftp://x"}).content.decode()
    assert "The address of the git repository cannot be used" in refused and "git_url:" not in refused


def test_secrets_are_stored_and_removed(pages: Client, row: Application) -> None:
    page = pages.post(at("secrets", row.pk), {"name": "TOKEN", "value": "hunter2"}, follow=True).content.decode()
    assert "TOKEN is stored." in page and "hunter2" not in page
    wrong = pages.post(at("secrets", row.pk), {"name": "a b", "value": "hunter3"}).content.decode()
    assert "PIP_TOKEN" in wrong and "hunter3" not in wrong
    assert row.secrets.get().value.reveal() == "hunter2"
    asked = pages.post(at("secrets", row.pk), {"remove": "TOKEN"}).content.decode()
    assert "cannot be brought back" in asked and row.secrets.exists(), "it asks first"
    gone = pages.post(at("secrets", row.pk), {"remove": "TOKEN", "confirmed": "yes"}, follow=True).content.decode()
    assert "TOKEN is removed." in gone and not row.secrets.exists()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [("", "", "needs a name"), ("", "hunter2", "needs a name"), ("TOKEN", "", "Type the secret itself"),
     ("TOKEN", "******", "Type the secret itself")],
)  # fmt: skip
def test_nothing_is_said_to_be_stored_or_removed_that_is_not(
    pages: Client, row: Application, name: str, value: str, said: str
) -> None:
    page = pages.post(at("secrets", row.pk), {"name": name, "value": value}, follow=True).content.decode()
    assert said in page and "is stored." not in page and "is removed." not in page and "hunter2" not in page
    assert not row.secrets.exists()


def test_both_exports_are_files(pages: Client, row: Application) -> None:
    workflow = pages.get(at("export", row.pk, "workflow"))
    assert workflow["Content-Disposition"] == 'attachment; filename="build-push-lab.yaml"'
    with zipfile.ZipFile(io.BytesIO(pages.get(at("export", row.pk, "zip")).content)) as archive:
        assert archive.read(".github/workflows/build-push-lab.yaml") == workflow.content


def test_deleting_waits_for_the_build(pages: Client, row: Application) -> None:
    Build.objects.create(application=row, application_name="lab", repository="r/x")
    pages.post(at("delete", row.pk), {"post": "yes"})
    assert Application.objects.exists()
    Build.objects.update(state=JobState.FAILED)
    assert "go with it, for good" in pages.get(at("delete", row.pk)).content.decode()
    pages.post(at("delete", row.pk), {"post": "yes"})
    assert not Application.objects.exists()


@pytest.mark.parametrize(("owner", "warned"), [("ulrich", True), ("olga", False), (None, True)])
def test_an_operator_who_copies_a_users_application_is_told_what_it_means(
    pages: Client, row: Application, operator: User, owner: str | None, warned: bool
) -> None:
    Application.objects.update(owner=User.objects.filter(username=owner).first() if owner else None)
    shown = pages.get(at("copy_row", row.pk)).content.decode()
    assert ("read its files first" in shown) is warned
