"""`POST /api/appimages/register/`: everything or nothing."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from appimages.models import AppImage
from pulls.models import PullJob
from tests.api import make
from tests.unit.test_register_app_image import TEMPLATE

pytestmark = pytest.mark.django_db
URL = "/api/appimages/register/"


def ask(client: APIClient, **values: Any) -> Any:
    return client.post(URL, {"image": "secretflow/app:1.10", **values}, format="json")


def test_a_template_is_stored_and_its_image_asked_for(as_operator: APIClient) -> None:
    nodes = [make.node().pk, make.node().pk]
    answer = ask(as_operator, nodes=nodes, yaml=TEMPLATE, name="my-img", **{"import": True})
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert (body["created"], body["updated"], body["warnings"]) == (["my-img"], [], [])
    assert [result["node"] for result in body["pulls"]] == nodes
    assert {result["pull"]["source"] for result in body["pulls"]} == {"auto"}
    assert AppImage.objects.get().image_tag == "1.10"
    again = ask(as_operator, nodes=nodes, yaml=TEMPLATE, name="my-img").json()
    assert (again["created"], again["updated"], again["pulls"]) == ([], ["my-img"], [])
    assert PullJob.objects.count() == 2


def test_a_file_in_a_form(as_operator: APIClient) -> None:
    file = SimpleUploadedFile("app_image.yaml", TEMPLATE.encode())
    form = {"image": "secretflow/app:1", "nodes": [make.node().pk], "file": file, "import": "true"}
    answer = as_operator.post(URL, form, format="multipart")
    assert answer.status_code == 200, answer.content
    assert answer.json()["created"] == ["secretflow-image"] and len(answer.json()["pulls"]) == 1


def test_central_needs_no_names(as_operator: APIClient) -> None:
    worker = make.node(is_listed=True)
    make.node(is_listed=False)
    answer = ask(as_operator, yaml=TEMPLATE, mode="central", **{"import": True})
    assert [result["node"] for result in answer.json()["pulls"]] == [worker.pk]


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"image": ""}, "image"),
        ({"image": "Bad/Name"}, "image"),
        ({"nodes": []}, "nodes"),
        ({"nodes": [10**9]}, "nodes"),
        ({"nodes": ["x"]}, "nodes"),
        ({"yaml": None}, "yaml"),
        ({"yaml": "", "import": True}, "yaml"),
        ({"name": "Bad Name"}, "name"),
        ({"mode": "nosuch"}, "mode"),
        ({"import": "perhaps"}, "import"),
        ({"bogus": 1}, "bogus"),
    ],
)
def test_bad_input_names_the_field_and_stores_nothing(
    as_operator: APIClient, values: dict[str, Any], field: str, language: str
) -> None:
    whole = {"image": "secretflow/app:1", "nodes": [make.node().pk], "yaml": TEMPLATE, **values}
    answer = as_operator.post(URL, whole, format="json", HTTP_ACCEPT_LANGUAGE=language)
    errors = make.problem(answer, 400)["errors"]
    assert any(item["field"].startswith(field) for item in errors), errors
    assert not AppImage.objects.exists() and not PullJob.objects.exists()


def test_a_bad_template_says_where(as_operator: APIClient) -> None:
    answer = ask(as_operator, nodes=[make.node().pk], yaml="kind: Nothing\n", **{"import": True})
    [error, *_more] = make.problem(answer, 400, "invalid_file")["errors"]
    assert error["line"] == 1
    assert not AppImage.objects.exists() and not PullJob.objects.exists()


def test_nothing_to_do_is_said(as_operator: APIClient) -> None:
    assert make.problem(ask(as_operator, nodes=[make.node().pk]), 400)["errors"][0]["field"] == "file"


def test_an_import_that_cannot_be_asked_for_takes_the_registration_back(as_operator: APIClient) -> None:
    node = make.node(docker_address="")
    make.problem(ask(as_operator, nodes=[node.pk], yaml=TEMPLATE, **{"import": True}), 409, "no_docker_address")
    assert not AppImage.objects.exists()
