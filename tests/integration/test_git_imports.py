"""Importing the applications of a git repository that is read while somebody waits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.urls import reverse
from rest_framework.test import APIClient

from builds.models import Application
from builds.services import git_imports
from builds.workflows import Workflow, workflow_path, write_workflow
from tests.api import make
from tests.services.git_server import GitServer
from tests.support.notebook_application import DOCKERFILE, REQUIREMENTS

pytestmark = [pytest.mark.real, pytest.mark.django_db, pytest.mark.usefixtures("no_checkouts_left")]
AT = "/api/applications/import/"
WORKFLOW = Workflow(
    "lab", "quay.io", "jupyter", "scipy-notebook", "python-3.11", "registry.example.com", "team", "qlora"
)
FILES = {
    "README.md": "x", workflow_path("lab"): write_workflow(WORKFLOW), "src/lab/Dockerfile": DOCKERFILE,
    "src/lab/requirements.txt": REQUIREMENTS, "src/lab/noop.txt": "",
}  # fmt: skip
PASSWORD = "git-S3cret-Words"
Server = Callable[..., GitServer]


@pytest.fixture
def client() -> APIClient:
    cache.clear()
    make.registry(endpoint="registry.example.com")
    client = APIClient(enforce_csrf_checks=False, HTTP_ACCEPT_LANGUAGE="en", raise_request_exception=False)
    client.force_authenticate(User.objects.create_user("ulrich"))
    return client


def test_the_applications_stay_in_the_repository(client: APIClient, git_server: Server) -> None:
    server = git_server(users={"robot": PASSWORD})
    repository = server.repository()
    repository.commit(FILES)
    body = {"git_url": server.url_of(repository), "git_username": "robot", "git_password": PASSWORD}
    answer = client.post(AT, body)
    assert answer.json() == {"created": ["lab"], "updated": [], "warnings": [], "errors": []}, answer.content
    row = Application.objects.get()
    assert (row.source, row.git_url, row.git_branch, row.git_path) == ("git", body["git_url"], "main", "src/lab")
    assert (row.git_username, row.git_password.reveal(), row.version) == ("robot", PASSWORD, 0)
    assert (row.base_image, row.base_tag, row.suffix, row.owner) == (
        "scipy-notebook", "python-3.11", "qlora", User.objects.get(username="ulrich"),
    )  # fmt: skip
    assert client.post(AT, body).json()["updated"] == []
    server.users = {}
    assert client.post(AT, {"git_url": body["git_url"]}).json()["updated"] == []
    assert Application.objects.get().git_password.reveal() == PASSWORD


def test_the_page_takes_an_address_as_well_and_never_shows_the_password(
    git_server: Server, client: APIClient, admin_client: Any
) -> None:
    server = git_server(users={"robot": PASSWORD})
    repository = server.repository()
    repository.commit(FILES)
    page = reverse("admin:builds_application_import_files")
    form = {"git_url": server.url_of(repository), "git_username": "robot", "git_password": "wrong-" + PASSWORD}
    refused = admin_client.post(page, form).content.decode()
    assert "robot" in refused and PASSWORD not in refused and not Application.objects.exists()
    done = admin_client.post(page, {**form, "git_password": PASSWORD}, follow=True).content.decode()
    assert Application.objects.get().git_password.reveal() == PASSWORD
    assert "lab" in done and PASSWORD not in done


def test_another_branch_and_another_registry(client: APIClient, git_server: Server) -> None:
    server = git_server()
    repository = server.repository()
    repository.commit({"README.md": "x"})
    repository.commit(
        {**FILES, workflow_path("lab"): write_workflow(replace(WORKFLOW, target_registry="r.io"))}, branch="feat/a"
    )
    usual = make.registry(endpoint="usual.example.com")
    body = {"git_url": server.url_of(repository), "git_branch": "feat/a", "target_registry": usual.pk}
    done = client.post(AT, body).json()
    assert done["created"] == ["lab"] and len(done["warnings"]) == 1
    row = Application.objects.get()
    assert (row.git_branch, row.target_registry) == ("feat/a", usual)


def test_what_is_left_out_is_told(client: APIClient, git_server: Server) -> None:
    server = git_server()
    repository = server.repository()
    repository.write(FILES)
    (repository.work / "src/lab/secret").symlink_to("/etc/passwd")
    (repository.work / "src/lab/model.bin").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:a\n")
    repository.commit()
    done = client.post(AT, {"git_url": server.url_of(repository)}).json()
    assert done["created"] == ["lab"]
    assert {warning["field"] for warning in done["warnings"]} == {"src/lab/secret", "src/lab/model.bin"}


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_every_mistake_names_its_field(client: APIClient, git_server: Server, language: str) -> None:
    server = git_server(users={"robot": PASSWORD})
    repository, empty = server.repository(), server.repository("team/empty")
    repository.commit(FILES)
    empty.commit({"README.md": "x"})
    right = {"git_url": server.url_of(repository), "git_username": "robot", "git_password": PASSWORD}
    for change, field in (
        ({"git_url": "git@git.example.com:team/images.git"}, "git_url"),
        ({"git_url": f"{server.url}/team/none.git"}, "git_url"),
        ({"git_branch": "feat/none"}, "git_branch"),
        ({"git_password": "wrong-One"}, "git_password"),
        ({"target_registry": 987654}, "target_registry"),
        ({"colour": "red"}, "colour"),
    ):
        answer = client.post(AT, {**right, **change}, HTTP_ACCEPT_LANGUAGE=language)
        assert make.problem(answer, 400)["errors"][0]["field"] == field, answer.content
        assert b"wrong-One" not in answer.content and PASSWORD.encode() not in answer.content
    answer = client.post(AT, {**right, "git_url": server.url_of(empty)}, HTTP_ACCEPT_LANGUAGE=language)
    assert make.problem(answer, 400)["errors"]
    assert not Application.objects.exists()


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_a_server_that_is_away_slow_or_none(
    client: APIClient, git_server: Server, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    server = git_server()
    repository = server.repository()
    repository.commit(FILES)
    body = {"git_url": server.url_of(repository)}
    monkeypatch.setattr(git_imports, "LIMITS", replace(git_imports.LIMITS, total=1.0))
    server.stalled.set()
    slow = make.problem(client.post(AT, body, HTTP_ACCEPT_LANGUAGE=language), 502, "git_unreachable")
    assert "evidence" not in slow  # it is for operators
    server.stalled.clear()
    server.instead = (200, "text/html", b"<p>Log in</p>")
    make.problem(client.post(AT, body, HTTP_ACCEPT_LANGUAGE=language), 502, "git_unreachable")
    server.close()
    make.problem(client.post(AT, body, HTTP_ACCEPT_LANGUAGE=language), 502, "git_unreachable")
    assert not Application.objects.exists()


def test_hosts_that_users_may_not_have_asked(client: APIClient, git_server: Server, settings: Any) -> None:
    server = git_server()
    settings.GIT_HOSTS = ["git.example.com"]
    answer = client.post(AT, {"git_url": f"{server.url}/a.git"})
    assert make.problem(answer, 400)["errors"][0]["field"] == "git_url" and server.requests == []


def test_how_often_is_limited(client: APIClient, git_server: Server, settings: Any) -> None:
    limit = int(settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]["git_import"].split("/")[0])
    server = git_server()
    statuses = [client.post(AT, {"git_url": f"{server.url}/none.git"}).status_code for _ in range(limit + 1)]
    assert statuses == [400] * limit + [429]
