"""`POST /api/resolve/`: what an image of an AppImage means now."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from imagelib.models import RegistryEndpoint
from tests.api import make

S = "private.registry.com/secretflow"
pytestmark = pytest.mark.django_db


@pytest.fixture
def registry() -> RegistryEndpoint:
    return RegistryEndpoint.objects.create(
        name="private", endpoint=S, is_default=True, username="robot", password="s3cret-Words"
    )


def test_it_says_what_would_be_pulled_from_where_and_what_to_know(
    as_user: APIClient, registry: RegistryEndpoint
) -> None:
    answer = as_user.post("/api/resolve/", {"name": "test/app", "tag": "v1"}, HTTP_ACCEPT_LANGUAGE="en")
    assert answer.status_code == 200
    (warning,) = answer.json()["warnings"]
    assert "namespace test" in warning
    assert answer.json() == {
        "reference": f"{S}/app:v1",
        "registry": {"id": registry.pk, "name": "private"},
        "sends_credentials": True,
        "warnings": [warning],
    }


def test_credentials_are_never_in_it_and_only_for_their_host(as_user: APIClient, registry: RegistryEndpoint) -> None:
    own = as_user.post("/api/resolve/", {"name": "app", "tag": "v1"})
    other = as_user.post("/api/resolve/", {"name": "public.aliyun.com/secretflow/app", "tag": "v1"})
    assert (own.json()["sends_credentials"], other.json()["sends_credentials"]) == (True, False)
    assert other.json()["registry"] is None
    for answer in (own, other):
        assert b"robot" not in answer.content and b"s3cret-Words" not in answer.content


def test_without_a_tag_it_is_latest_in_both_languages(as_user: APIClient) -> None:
    for language, word in (("en", "changes over time"), ("zh-CN", "latest")):
        answer = as_user.post("/api/resolve/", {"name": "app"}, HTTP_ACCEPT_LANGUAGE=language).json()
        assert answer["reference"] == "docker.io/library/app:latest"
        assert word in answer["warnings"][0]


@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"name": "App", "tag": "v1"}, "name"),
        ({"name": "app", "tag": "-v1"}, "tag"),
        ({"name": "app", "tag": "sha256:12"}, "tag"),
        ({"name": "app@sha256:12", "tag": ""}, "name"),
        ({"name": "app:-v1"}, "name"),
        ({"name": "robot:s3cret-Words@r.example.com/app", "tag": "v1"}, "name"),
        ({"name": "x" * 501, "tag": "v1"}, "name"),
        ({"name": "", "tag": "v1"}, "name"),
        ({"tag": "v1"}, "name"),
        ({"name": ["app"]}, "name"),
        ({"name": "app\0"}, "name"),
        ({"name": "app", "tag": 5.5, "version": "v1"}, "version"),
    ],
)
def test_what_is_no_image_is_refused_with_its_field_and_an_example(
    as_user: APIClient, asked: dict[str, object], field: str, language: str
) -> None:
    answer = as_user.post("/api/resolve/", asked, HTTP_ACCEPT_LANGUAGE=language)
    (fault,) = make.problem(answer, 400)["errors"]
    assert fault["field"] == field
    assert make.gives_example(fault["message"], chinese=language != "en"), fault
    assert b"s3cret" not in answer.content
