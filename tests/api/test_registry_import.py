"""`POST /api/registries/import/`: the registries of a Kuscia configuration become endpoints, all or none."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from imagelib.models import RegistryEndpoint
from tests.api import make

IMPORT = "/api/registries/import/"
# As Kuscia's documentation writes it, and as its code reads it.
AS_LISTS = """
- image:
  - defaultRegistry: private # any name
  - registries:
    - name: private
      endpoint: private.registry.com/test
      username: testname
      password: testpass
"""
AS_MAPPINGS = """
mode: autonomy
domainKeyData: c2VjcmV0
image:
  pullPolicy: remote
  defaultRegistry: second
  httpProxy: http://proxy.example.com:8080
  registries:
    - name: first
      endpoint: r.io:5000/team/
    - name: second
      endpoint: private.registry.com/test
      username: testname
      password: 0123
logLevel: INFO
"""


def send(client: APIClient, text: str | bytes, language: str = "en") -> Any:
    body = text.encode() if isinstance(text, str) else text
    return client.generic("POST", IMPORT, body, content_type="application/yaml", HTTP_ACCEPT_LANGUAGE=language)


def stored() -> dict[str, tuple[str, str, str, bool]]:
    rows = RegistryEndpoint.objects.all()
    return {row.endpoint: (row.name, row.username, row.password.reveal(), row.is_default) for row in rows}


def test_the_form_of_the_documentation(as_operator: APIClient) -> None:
    answer = send(as_operator, AS_LISTS)
    assert answer.json() == {"created": ["private"], "updated": [], "default": "private", "warnings": [], "errors": []}
    assert stored() == {"private.registry.com/test": ("private", "testname", "testpass", True)}
    assert b"testpass" not in answer.content


def test_the_form_of_the_code_with_its_second_registry_as_the_default(as_operator: APIClient) -> None:
    answer = send(as_operator, AS_MAPPINGS).json()
    assert (answer["created"], answer["default"]) == (["first", "second"], "second")
    assert [(item["field"], item["line"]) for item in answer["warnings"]] == [
        ("image.pullPolicy", 5),
        ("image.httpProxy", 7),
    ]
    assert stored() == {
        "r.io:5000/team": ("first", "", "", False),
        "private.registry.com/test": ("second", "testname", "0123", True),
    }


def test_the_same_again_in_json_and_in_a_form(as_operator: APIClient) -> None:
    send(as_operator, AS_LISTS)
    config = {
        "image": {
            "registries": [
                {"name": "other", "endpoint": "https://private.registry.com/test", "username": "u", "password": "p"}
            ]
        }
    }
    upload = SimpleUploadedFile("kuscia.json", json.dumps(config).encode())
    answer = as_operator.post(IMPORT, {"file": upload}, format="multipart").json()
    assert (answer["created"], answer["updated"], answer["default"]) == ([], ["private"], "private")
    assert stored() == {"private.registry.com/test": ("private", "u", "p", True)}


def test_credentials_that_a_file_does_not_give_stay(as_operator: APIClient) -> None:
    send(as_operator, AS_LISTS)
    for credentials in (
        "",
        "      username: testname\n",
        "      username: new\n      password: '******'\n",
        "      username: null\n",
    ):
        text = f"image:\n  registries:\n    - name: private\n      endpoint: private.registry.com/test\n{credentials}"
        answer = send(as_operator, text).json()
        assert answer["updated"] == ["private"] and len(answer["warnings"]) == (
            "name:" in credentials and "null" not in credentials
        )
    assert stored() == {"private.registry.com/test": ("private", "testname", "testpass", True)}


def test_the_default_moves_and_names_stay_unique(as_operator: APIClient) -> None:
    make.registry(name="private", endpoint="elsewhere.example.com", is_default=True)
    answer = send(as_operator, AS_LISTS).json()
    assert answer["created"] == ["private (2)"] and answer["default"] == "private (2)"
    assert len(answer["warnings"]) == 2 and "elsewhere" not in str(stored()["private.registry.com/test"])
    assert [row.endpoint for row in RegistryEndpoint.objects.filter(is_default=True)] == ["private.registry.com/test"]


def test_p48_a_default_that_is_not_there_is_the_first(as_operator: APIClient) -> None:
    answer = send(as_operator, AS_MAPPINGS.replace("defaultRegistry: second", "defaultRegistry: x")).json()
    assert answer["default"] == "first" and any("first" in item["message"] for item in answer["warnings"])
    assert _meaning(as_operator)["registry"]["name"] == "first"


def test_p49_short_names_go_to_the_default_and_not_to_the_first(as_operator: APIClient) -> None:
    assert send(as_operator, AS_MAPPINGS).json()["default"] == "second"
    second = RegistryEndpoint.objects.get(name="second").endpoint
    found = _meaning(as_operator)
    assert (found["registry"]["name"], found["reference"]) == ("second", f"{second}/app:v1")


def _meaning(client: APIClient) -> dict[str, Any]:
    return dict(client.post("/api/resolve/", {"name": "app", "tag": "v1"}).json())


FAULTY = {
    "": ("file", "invalid"),
    "mode: lite\n": ("", "invalid_file"),
    "image:\n": ("", "invalid_file"),
    "image: nginx\n": ("image", "invalid_file"),
    "image: [a]\n": ("image", "invalid_file"),
    "text\n": ("", "invalid_file"),
    "image: {registries: r.io}\n": ("image.registries", "invalid_file"),
    "image: {registries: }\n": ("", "invalid_file"),
    "image: {registries: []}\n": ("", "invalid_file"),
    "image: {registries: [r.io]}\n": ("image.registries[0]", "invalid_file"),
    "image: {registries: [{name: a}]}\n": ("image.registries[0].endpoint", "invalid_file"),
    "image: {registries: [{name: [a], endpoint: r.io}]}\n": ("image.registries[0].name", "invalid_file"),
    "image: {registries: [{name: a, endpoint: r}]}\n": ("image.registries[0].endpoint", "invalid_file"),
    "image: {registries: [{name: a, endpoint: 'u:pw@r.io'}]}\n": ("image.registries[0].endpoint", "invalid_file"),
    "image: {registries: [{endpoint: r.io}, {endpoint: R.io/}]}\n": ("image.registries[1].endpoint", "invalid_file"),
    "image: {registries: [{name: a, endpoint: r.io}, {name: a, endpoint: s.io}]}\n": (
        "image.registries[1].name", "invalid_file",
    ),
    f"image: {{registries: [{{name: {'a' * 300}, endpoint: r.io, username: {'u' * 300}, password: p}}]}}\n": (
        "image.registries[0].username", "invalid_file",
    ),
    "image: {registries: [{name: a, endpoint: r.io}, {name: b, endpoint: '/'}]}\n": (
        "image.registries[1].endpoint", "invalid_file",
    ),
    "image: {{.X}}\n": ("", "invalid_file"),
    "image: &a [*a]\n": ("", "invalid_file"),
}  # fmt: skip


@pytest.mark.parametrize("text", FAULTY)
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_files_that_are_refused(as_operator: APIClient, text: str, language: str) -> None:
    field, code = FAULTY[text]
    answer = send(as_operator, text, language)
    [error] = make.problem(answer, 400, code)["errors"]
    assert error["field"] == field and b"pw@" not in answer.content
    assert make.gives_example(error["message"], chinese=language != "en") or "300" in error["message"]
    assert not RegistryEndpoint.objects.exists()


def test_a_password_is_not_sent_over_plain_http_by_an_import(as_operator: APIClient) -> None:
    send(as_operator, AS_LISTS)
    text = "image: {registries: [{name: private, endpoint: 'http://private.registry.com/test'}]}"
    [error] = make.problem(send(as_operator, text), 400, "invalid_file")["errors"]
    assert error["field"] == "image.registries[0].password"
    assert RegistryEndpoint.objects.get().insecure is False


def test_nothing_of_a_configuration_is_repeated(as_operator: APIClient, caplog: pytest.LogCaptureFixture) -> None:
    """Such a file holds keys and tokens."""
    answer = send(as_operator, AS_MAPPINGS.replace("endpoint: private.registry.com/test", "endpoint: [c2VjcmV0]"))
    make.problem(answer, 400, "invalid_file")
    for secret in ("c2VjcmV0", "0123", "testname"):
        assert secret not in answer.content.decode() and secret not in caplog.text


def test_the_admin_page(operator: Any) -> None:
    client = Client(HTTP_ACCEPT_LANGUAGE="en")
    client.force_login(operator, backend="django.contrib.auth.backends.ModelBackend")
    page = reverse("admin:imagelib_registryendpoint_import_configuration")
    assert page in client.get(reverse("admin:imagelib_registryendpoint_changelist")).content.decode()
    assert client.get(page).status_code == 200 and not RegistryEndpoint.objects.exists()
    refused = client.post(page, {"text": AS_LISTS.replace("endpoint: private.registry.com/test", "endpoint: r")})
    text = refused.content.decode()
    assert refused.status_code == 200 and "line 5" in text and ".endpoint" in text
    assert "testpass" not in text and not RegistryEndpoint.objects.exists()
    for sent in ({"text": AS_MAPPINGS}, {"file": SimpleUploadedFile("kuscia.yaml", AS_LISTS.encode())}):
        done = client.post(page, sent, follow=True)
        assert done.redirect_chain and "default registry" in done.content.decode()
    assert stored()["private.registry.com/test"] == ("second", "testname", "testpass", True)
