"""`/api/appimages/`: list, one, delete, versions, import, export."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from appimages.models import AppImage, AppImageVersion
from appimages.services import replace_app_image
from core.documents import LARGEST
from core.system import SYSTEM
from tests.api import make
from tests.api.kuscia_client import Kuscia, least
from tests.api.kuscia_example import EXAMPLE
from tests.support.app_images import document, file

LIST = "/api/appimages/"
IMPORT = "/api/appimages/import/"
YAML = "application/yaml"


def send(client: APIClient, body: bytes | str, query: str = "", content_type: str = YAML) -> Any:
    data = body.encode() if isinstance(body, str) else body
    return client.generic("POST", f"{IMPORT}{query}", data, content_type=content_type)


def stored() -> dict[str, int]:
    return dict(AppImage.objects.values_list("name", "version"))


# --- list, one, delete ------------------------------------------------------------------


def test_a_list_says_what_would_be_pulled(
    as_user: APIClient, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    make.registry(endpoint="private.registry.com/secretflow", is_default=True, username="u", password="p")
    short = make.app_image("b", image={"name": "test/app", "tag": "1.10"})
    template = document()["deployTemplates"][0]
    make.app_image("a", deployTemplates=[template | {"role": "server,client"}, template | {"role": "client"}, template])
    make.app_image("c", image={"name": "No Address", "tag": ""})
    with django_assert_max_num_queries(8):  # with the login's
        body = as_user.get(LIST).json()
    assert body["count"] == 3 and [row["name"] for row in body["results"]] == ["a", "b", "c"]
    first, second, third = body["results"]
    assert first["roles"] == ["server", "client", ""]
    assert (second["image"], second["tag"], second["version"]) == ("test/app", "1.10", 1)
    assert second["effective_reference"] == "private.registry.com/secretflow/app:1.10"
    assert "test" in second["hints"][0] and second["registry"]["name"] and second["sends_credentials"]
    assert (third["effective_reference"], third["registry"], third["sends_credentials"]) == ("", None, False)
    assert "no spaces" in third["hints"][0]
    assert "document" not in second
    one = as_user.get(f"{LIST}b/").json()
    assert one == second | {"document": short.document}


def test_an_app_image_says_on_which_nodes_it_is(as_user: APIClient, as_operator: APIClient, user: User) -> None:
    row = make.app_image(image={"name": "team/app", "tag": "v1"})
    shown, hidden, without = make.node(), make.node(is_listed=False), make.node()
    for node, state in ((shown, "succeeded"), (hidden, "succeeded"), (without, "failed")):
        make.pull(by=user, on=node, state=state, reference="docker.io/team/app:v1", digest="sha256:1")
    first = {"id": shown.pk, "name": shown.name, "digest": "sha256:1"}
    assert as_user.get(f"{LIST}{row.name}/").json()["present_on"] == [first]
    assert [node["id"] for node in as_operator.get(LIST).json()["results"][0]["present_on"]] == [shown.pk, hidden.pk]


def test_filters_search_order_and_pages(as_user: APIClient) -> None:
    for name, image in (("a.b", "team/psi"), ("sf", "team/secretflow"), ("serving", "other/app")):
        make.app_image(name, image={"name": image, "tag": "1.10"})
    for query, names in {
        "": ["a.b", "serving", "sf"],
        "?search=SECRET": ["sf"],
        "?search=1.1": ["a.b", "serving", "sf"],
        "?search=b": ["a.b"],
        "?name=s&image=team": ["sf"],
        "?tag=1.1": [],
        "?ordering=-image_name": ["sf", "a.b", "serving"],
        "?page_size=2&page=2": ["sf"],
        "?updated_before=2020-01-01T00:00:00Z": [],
    }.items():
        assert [row["name"] for row in as_user.get(f"{LIST}{query}").json()["results"]] == names, query
    for query in ("?search=%00", "?updated_after=x", "?name=%00"):
        make.problem(as_user.get(f"{LIST}{query}"), 400, "invalid")


def test_one_that_is_missing(as_operator: APIClient) -> None:
    for name in ("zz", "A_b", "a..b", "中文", "%00", "x" * 5000):
        for answer in (as_operator.get(f"{LIST}{name}/"), as_operator.delete(f"{LIST}{name}/")):
            make.problem(answer, 404)
        make.problem(as_operator.get(f"{LIST}{name}/export/"), 404)
        make.problem(as_operator.get(f"{LIST}{name}/versions/"), 404)


def test_deletion(as_operator: APIClient) -> None:
    make.app_image("a.b")
    assert as_operator.delete(f"{LIST}a.b/").status_code == 204
    assert not AppImage.objects.exists() and not AppImageVersion.objects.exists()


# --- import ------------------------------------------------------------------


def test_a_template_is_imported_with_values(as_operator: APIClient) -> None:
    query = "?name=my-img&image=r.io/secretflow/sf:1.10"
    answer = send(as_operator, file("two_documents.yaml"), query)
    names = ["my-img", "secretflow-nsjail-image"]
    assert answer.status_code == 200
    assert answer.json() == {"created": names, "updated": [], "warnings": [], "errors": []}
    again = send(as_operator, file("two_documents.yaml"), query.replace("1.10", "1.11"))
    assert again.json() == {"created": [], "updated": names, "warnings": [], "errors": []}
    assert stored() == dict.fromkeys(names, 2)
    versions = as_operator.get(f"{LIST}my-img/versions/").json()["results"]
    assert [(row["number"], row["how"], row["author"]) for row in versions] == [
        (2, "import", "olga"),
        (1, "import", "olga"),
    ]


def test_p57_importing_the_same_again_changes_nothing(as_operator: APIClient) -> None:
    for _again in range(2):
        assert send(as_operator, file("concrete.yaml")).status_code == 200
    assert stored() == {"secretflow-image": 1}


@pytest.mark.parametrize(
    "kind",
    ["application/yaml", "text/yaml", "application/x-yaml", "text/plain", "application/json",
     "application/octet-stream",
     "application/x-www-form-urlencoded", ""],
)  # fmt: skip
def test_the_file_is_the_body_whatever_it_is_called(as_operator: APIClient, kind: str) -> None:
    assert send(as_operator, file("concrete.yaml"), content_type=kind).status_code == 200
    assert send(as_operator, file("dumped_list.json"), content_type=kind).json()["created"] == ["one", "two"]
    assert AppImage.objects.get(name="one").document["image"]["tag"] == "1.10"


def test_the_file_in_a_form_with_values(as_operator: APIClient) -> None:
    upload = SimpleUploadedFile("psi.yaml", file("psi.yaml"))
    form = {"file": upload, "image": "localhost:5000/psi:v1", "id": "sha256:1"}
    answer = as_operator.post(IMPORT, form, format="multipart")
    assert answer.json()["created"] == ["psi-image"]
    assert AppImage.objects.get().document["image"] == {
        "name": "localhost:5000/psi", "tag": "v1", "id": "sha256:1", "sign": "abc",
    }  # fmt: skip


def test_a_login_session_may_send_forms_too(operator: Any) -> None:
    client = APIClient()
    client.force_login(operator, backend="django.contrib.auth.backends.ModelBackend")
    for kind in ("application/x-www-form-urlencoded", YAML):
        assert send(client, file("concrete.yaml"), content_type=kind).status_code == 200
    answer = client.post(IMPORT, {"file": SimpleUploadedFile("a.yaml", file("fate.yaml"))}, format="multipart")
    assert answer.json()["created"] == ["fate-image"]


def test_warnings_say_where(as_operator: APIClient) -> None:
    [first, second] = send(as_operator, file("full_sample.yaml")).json()["warnings"]
    assert first["field"] == "spec.deployTemplates[0].spec.containers[0].ports[0].protocol"
    assert (first["document"], second["document"]) == (1, 1) and 0 < first["line"] < second["line"]
    assert "TCP" in first["message"]


def test_all_or_nothing(as_operator: APIClient) -> None:
    make.app_image("one")
    bad = file("dumped_list.json").replace(b'"name": "two", "tag": ""', b'"name": "two"')
    body = make.problem(send(as_operator, bad), 400, "invalid_file")
    assert [error["field"] for error in body["errors"]] == ["items[1].spec.image.tag"]
    assert "items[1].spec.image.tag" in body["detail"] and make.gives_example(body["errors"][0]["message"])
    assert stored() == {"one": 1}
    template = file("two_documents.yaml").replace(b"secretflow-nsjail-image", b"Not_A_Name")
    body = make.problem(send(as_operator, template, "?name=a&image=b"), 400, "invalid_file")
    [error] = body["errors"]
    assert (error["document"], error["field"]) == (2, "metadata.name") and error["line"] == 55
    assert "document 2, line 55: metadata.name" in body["detail"]
    assert stored() == {"one": 1}


def test_one_that_is_too_large_for_the_store(as_operator: APIClient) -> None:
    large = file("dumped_list.json").replace(
        b'"name": "two", "tag": ""', b'"name": "two", "tag": "%s"' % (b"x" * 1_600_000)
    )
    body = make.problem(send(as_operator, large), 400, "invalid_file")
    assert "1500000" in body["detail"] and not stored()


@pytest.mark.parametrize(
    ("query", "field"),
    [("?image=App:v1", "image"), ("?image=user:secret@r.io/app", "image"), ("?name=A_b", "name"), ("?image=", "image")],
)
def test_values_that_are_none(as_operator: APIClient, query: str, field: str) -> None:
    answer = send(as_operator, file("psi.yaml"), query)
    assert make.faulty_fields(answer) == {field} and b"secret@" not in answer.content and not stored()


@pytest.mark.parametrize(
    "body", [b"", b"\0", b"\xff\xfe", b"{", b"[" * 100_000, b"a: &a [*a]", b"null", b"<html>", b"5"]
)
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_files_that_are_none(as_operator: APIClient, body: bytes, language: str) -> None:
    for kind in (YAML, "application/json"):
        answer = as_operator.generic("POST", IMPORT, body, content_type=kind, HTTP_ACCEPT_LANGUAGE=language)
        found = make.problem(answer, 400, "invalid_file" if body else "invalid")
        assert all(make.gives_example(error["message"], chinese=language != "en") for error in found["errors"])
    assert not stored()


def test_forms_without_a_file(as_operator: APIClient) -> None:
    for form in ({}, {"file": "text"}, {"name": "a"}):
        answer = as_operator.post(IMPORT, form, format="multipart")
        assert make.faulty_fields(answer) == {"file"}
    broken = as_operator.generic("POST", IMPORT, b"x", content_type="multipart/form-data; boundary=y")
    assert broken.status_code == 400
    without_boundary = as_operator.generic("POST", IMPORT, b"x", content_type="multipart/form-data")
    make.problem(without_boundary, 400)


def test_files_over_the_limit(as_operator: APIClient) -> None:
    large = b"# " + b"x" * LARGEST
    assert "5 MB" in make.problem(send(as_operator, large), 400, "invalid_file")["detail"]
    upload = SimpleUploadedFile("a.yaml", large)
    make.problem(as_operator.post(IMPORT, {"file": upload}, format="multipart"), 400, "invalid_file")
    make.problem(send(as_operator, large * 2), 400)


# --- export ------------------------------------------------------------------


def test_export_is_what_import_reads(as_operator: APIClient, as_user: APIClient) -> None:
    send(as_operator, file("full_sample.yaml"))
    before = AppImage.objects.get().document
    for query, kind in {"": YAML, "?format=yaml": YAML, "?format=json": "application/json"}.items():
        answer = as_user.get(f"{LIST}app-template/export/{query}")
        suffix = kind.rpartition("/")[2]
        assert answer["Content-Type"] == f"{kind}; charset=utf-8"
        assert answer["Content-Disposition"] == f'attachment; filename="app-template.{suffix}"'
        assert yaml.safe_load(answer.content)["spec"]["image"]["tag"] == "v1.0.0"
        AppImage.objects.all().delete()
        assert send(as_operator, answer.content).json()["created"] == ["app-template"]
        assert AppImage.objects.get().document == before


def test_what_kuscia_clients_stored_survives_export_and_import(as_operator: APIClient, kuscia: Kuscia) -> None:
    """Their messages cannot tell empty from absent, and Kuscia's files want some texts to be there."""
    probe = {"exec": {}, "http_get": {}, "tcp_socket": {}, "grpc": {}}
    kuscia.done("create", EXAMPLE)
    kuscia.done("create", least("least"))
    kuscia.done(
        "create",
        least(
            "a", config_volume_mounts=[{"mount_path": "/a"}], ports=[{}], env=[{"value": "\0"}],
            resources={"limits": {}}, env_from=[{}, {"config_map_ref": {}}], liveness_probe=probe,
            readiness_probe={}, args=[""],
        ),
    )  # fmt: skip
    for name in ("appimage-template", "least", "a"):
        before = kuscia.query(name)
        for form in ("yaml", "json"):
            exported = as_operator.get(f"{LIST}{name}/export/?format={form}").content
            kuscia.done("delete", {"name": name})
            assert send(as_operator, exported).json()["created"] == [name]
            assert kuscia.query(name) == before
        again = as_operator.get(f"{LIST}{name}/export/?format=json").content
        assert again == exported


def test_a_document_by_other_rules_is_shown_as_it_is(as_user: APIClient) -> None:
    odd = {"image": {"name": "n", "tag": ""}, "deployTemplates": []}
    make.app_image("a", **odd)
    answer = as_user.get(f"{LIST}a/export/?format=json")
    assert answer.json()["spec"].items() >= odd.items()
    assert as_user.get(LIST).json()["results"][0]["roles"] == []
    make.problem(as_user.get(f"{LIST}b/export/"), 404)


@pytest.mark.parametrize("form", ["xml", "", "YAML", "%00"])
def test_formats_that_are_none(as_user: APIClient, form: str) -> None:
    make.app_image("a")
    assert make.faulty_fields(as_user.get(f"{LIST}a/export/?format={form}")) == {"format"}


# --- versions ------------------------------------------------------------------


def test_versions_with_what_changed(as_user: APIClient, as_operator: APIClient) -> None:
    make.app_image("a")
    for tag in ("1.10", "1.11"):
        replace_app_image(name="a", document=document(tag=tag), author=SYSTEM)
    body = as_user.get(f"{LIST}a/versions/").json()
    assert [row["number"] for row in body["results"]] == [3, 2, 1] and body["results"][0].keys() == {
        "number", "how", "author", "created_at",
    }  # fmt: skip
    one = as_user.get(f"{LIST}a/versions/3/").json()
    assert one["document"] == document(tag="1.11") and one["against"] == 2
    assert '-    tag: "1.10"\n+    tag: "1.11"\n' in one["diff"] and one["diff"].startswith("--- a 2\n+++ a 3\n")
    first = as_user.get(f"{LIST}a/versions/3/?against=1").json()
    assert first["against"] == 1 and '-    tag: "v1"\n' in first["diff"]
    same = as_user.get(f"{LIST}a/versions/3/?against=3").json()
    assert same["diff"] == ""
    assert (as_user.get(f"{LIST}a/versions/1/").json()["against"], first["how"]) == (None, "update")
    back = as_operator.post(f"{LIST}a/versions/2/rollback/")
    assert (back.status_code, back.json()["version"], back.json()["tag"]) == (200, 4, "1.10")
    assert as_user.get(f"{LIST}a/versions/4/").json()["how"] == "rollback"


def test_versions_that_are_none(as_operator: APIClient) -> None:
    make.app_image("a")
    for path in ("a/versions/9/", "a/versions/0/", "a/versions/1/?against=7", "a/versions/999999999/", "b/versions/1/"):
        make.problem(as_operator.get(f"{LIST}{path}"), 404)
    make.problem(as_operator.post(f"{LIST}a/versions/9/rollback/"), 404)
    make.problem(as_operator.get(f"{LIST}a/versions/{'9' * 5000}/"), 404)
    for number in ("x", "-1", "9" * 40, "%00"):
        assert make.faulty_fields(as_operator.get(f"{LIST}a/versions/1/?against={number}")) == {"against"}


def test_documents_too_long_to_compare(as_user: APIClient) -> None:
    make.app_image("a", configTemplates={"x": "line\n" * 15_000})
    replace_app_image(name="a", document=document() | {"configTemplates": {"x": "other\n" * 15_000}}, author=SYSTEM)
    found = as_user.get(f"{LIST}a/versions/2/").json()
    assert (found["against"], found["diff"]) == (1, None)
