"""`POST /api/appimages/register/`: everything or nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from appimages.models import AppImage
from pulls.models import PullJob
from pulls.spool import path_of
from tests.api import make
from tests.support.fake_transfers import archive_of
from tests.support.one_pull import IMAGE
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


def test_the_image_comes_from_where_is_said(as_operator: APIClient, settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    giver = make.node()
    sent = as_operator.generic(
        "POST", "/api/pulls/archives/", archive_of(IMAGE, ["app:1"]), content_type="application/x-tar"
    )
    archive = sent.json()["archive"]
    for source in ({"source": "node", "source_node": giver.pk}, {"source": "archive", "archive": archive}):
        answer = ask(as_operator, image="app:1", nodes=[make.node().pk], yaml=TEMPLATE, **source, **{"import": True})
        assert answer.status_code == 200, answer.content
        assert answer.json()["pulls"][0]["pull"]["source"] == source["source"]
    assert set(PullJob.objects.values_list("source_node", "archive")) == {(giver.pk, ""), (None, path_of(archive))}
    gone = ask(as_operator, nodes=[giver.pk], yaml=TEMPLATE, source="archive", archive="0" * 32, **{"import": True})
    make.problem(gone, 404)


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
        ({"source": "nowhere"}, "source"),
        ({"source": "node", "import": True}, "source_node"),
        ({"source_node": 1, "import": True}, "source_node"),
        ({"source": "archive", "import": True}, "archive"),
        ({"source": "archive", "archive": "/etc/passwd", "import": True}, "archive"),
        ({"source": "auto"}, "import"),
        ({"source": "archive", "archive": "0" * 32, "import": False}, "import"),
        ({"source": "node", "source_node": 1, "image": f"app@sha256:{'0' * 64}", "import": True}, "image"),
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
