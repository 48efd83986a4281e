"""`POST /api/appimages/{name}/render/`: the configuration files of a role with given values."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from appimages.models import AppImageVersion
from tests.api import make

pytestmark = pytest.mark.django_db
LANGUAGES = pytest.mark.parametrize("language", ["en", "zh-CN"])


def role(name: str, *mounts: tuple[str, str]) -> dict[str, Any]:
    listed = [{"mountPath": path, "subPath": key} for path, key in mounts]
    return {"name": f"for-{name}", "role": name, "spec": {"containers": [{"name": "c", "configVolumeMounts": listed}]}}


def test_the_files_of_the_role_are_filled_in(as_operator: APIClient) -> None:
    make.app_image(
        "a", deployTemplates=[role("server", ("a.json", "app.json")), role("client", ("b.json", "app.json"))]
    )
    asked = {"variables": {"TASK_ID": 'say "x"'}, "role": "client"}
    answer = as_operator.post("/api/appimages/a/render/", asked)
    assert answer.json() == {
        "deploy_template": "for-client",
        "files": [
            {"container": "c", "path": "/b.json", "config_template": "app.json", "text": r'{"task": "say \"x\""}'}
        ],
        "unresolved": [],
        "warnings": [],
    }


def test_what_has_no_value_is_listed(as_operator: APIClient) -> None:
    row = make.app_image()
    answer = as_operator.post(f"/api/appimages/{row.name}/render/", {}).json()
    assert (answer["files"][0]["text"], answer["unresolved"]) == ('{"task": ""}', ["TASK_ID"])


@LANGUAGES
def test_a_mount_without_template_is_warned_of(as_operator: APIClient, language: str) -> None:
    row = make.app_image(deployTemplates=[role("", ("conf", "no.json"))])
    answer = as_operator.post(f"/api/appimages/{row.name}/render/", {}, HTTP_ACCEPT_LANGUAGE=language).json()
    (warning,) = answer["warnings"]
    assert answer["files"] == [] and "/conf" in warning and "no.json" in warning
    assert ("空目录" in warning) == (language != "en")


@LANGUAGES
@pytest.mark.parametrize("name", ["KUSCIA_API_TOKEN", "kuscia_domain_key_data"])
def test_secrets_cannot_be_given_and_are_never_filled_in(as_operator: APIClient, name: str, language: str) -> None:
    row = make.app_image(configTemplates={"app.json": "[{{.KUSCIA_API_TOKEN}}{{.KUSCIA_DOMAIN_KEY_DATA}}]"})
    at = f"/api/appimages/{row.name}/render/"
    refused = as_operator.post(at, {"variables": {name: "s3cret-Words"}}, HTTP_ACCEPT_LANGUAGE=language)
    (fault,) = make.problem(refused, 400)["errors"]
    assert fault["field"] == "variables" and name in fault["message"]
    assert make.gives_example(fault["message"], chinese=language != "en") and b"s3cret" not in refused.content
    answer = as_operator.post(at, {}, HTTP_ACCEPT_LANGUAGE=language).json()
    assert answer["files"][0]["text"] == "[]"
    assert answer["unresolved"] == ["KUSCIA_API_TOKEN", "KUSCIA_DOMAIN_KEY_DATA"]
    assert [name in warning for name, warning in zip(answer["unresolved"], answer["warnings"], strict=True)] == [
        True
    ] * 2


@LANGUAGES
@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"variables": {"A": 5}}, "variables.A"),
        ({"variables": {"A": None}}, "variables.A"),
        ({"variables": {"A": "a\0"}}, "variables.A"),
        ({"variables": ["A"]}, "variables"),
        ({"variables": {"": "a"}}, "variables"),
        ({"variables": {"A" * 256: "a"}}, "variables"),
        ({"variables": {f"A{number}": "a" for number in range(1001)}}, "variables"),
        ({"variables": {"A": "a" * 1_000_001}}, "variables"),
        ({"role": "nobody"}, "role"),
        ({"role": ["me"]}, "role"),
        ({"values": {}}, "values"),
    ],
)
def test_what_is_asked_wrongly_is_refused(
    as_operator: APIClient, asked: dict[str, Any], field: str, language: str
) -> None:
    row = make.app_image(deployTemplates=[role("me")])
    answer = as_operator.post(f"/api/appimages/{row.name}/render/", asked, HTTP_ACCEPT_LANGUAGE=language)
    (fault,) = make.problem(answer, 400)["errors"]
    assert fault["field"] == field
    assert make.gives_example(fault["message"], chinese=language != "en"), fault


@LANGUAGES
@pytest.mark.parametrize(
    ("template", "mount", "field"),
    [
        ("{{.A-B}}", ("a", "app.json"), "configTemplates.app.json"),
        ("a", ("../a", "app.json"), "deployTemplates[0].spec.containers[0].configVolumeMounts[0].mountPath"),
        ("a", ("a", "../app.json"), "deployTemplates[0].spec.containers[0].configVolumeMounts[0].subPath"),
    ],
)
def test_what_is_wrong_in_the_document_is_told_with_its_place(
    as_operator: APIClient, template: str, mount: tuple[str, str], field: str, language: str
) -> None:
    row = make.app_image(configTemplates={"app.json": template}, deployTemplates=[role("", mount)])
    answer = as_operator.post(f"/api/appimages/{row.name}/render/", {}, HTTP_ACCEPT_LANGUAGE=language)
    (fault,) = make.problem(answer, 400)["errors"]
    assert fault["field"] == field
    assert make.gives_example(fault["message"], chinese=language != "en"), fault


@pytest.mark.parametrize("name", ["nope", "NO NAME", "a%00b", "%E4%B8%AD"])
def test_an_unknown_name_is_not_found(as_operator: APIClient, name: str) -> None:
    make.problem(as_operator.post(f"/api/appimages/{name}/render/", {}), 404)


def test_nothing_is_stored(as_operator: APIClient, operator: User) -> None:
    row = make.app_image()
    as_operator.post(f"/api/appimages/{row.name}/render/", {"variables": {"TASK_ID": "t"}})
    assert AppImageVersion.objects.count() == 1
