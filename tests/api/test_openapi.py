"""The OpenAPI document: complete, valid, without warnings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from rest_framework.test import APIClient

from core.sheets.writer import XLSX
from imagelib.spa.sheets import KINDS as KINDS_OF_SHEETS
from tests.api import make
from tests.api.gva_client import done
from tests.api.gva_kinds import KINDS, Kind
from tests.api.kuscia_client import Kuscia
from tests.api.kuscia_example import EXAMPLE
from tests.api.routes import all_routes
from tests.api.spa_client import JUMPBOX, MENU, PUBLIC, ROUTES, USER, ask, front_end

# Not part of the document: the document itself and its page.
_ELSEWHERE = ("api/schema/", "api/docs/")


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Made by the command that fails on the first warning."""
    path: Path = tmp_path_factory.mktemp("schema") / "schema.yml"
    call_command("spectacular", file=str(path), validate=True, fail_on_warn=True)
    found: dict[str, Any] = yaml.safe_load(path.read_text())
    return found


def test_every_route_is_described(document: dict[str, Any]) -> None:
    served = {
        (method, "/" + path.replace("{pk}", "{id}"))
        for method, path in all_routes()
        if path.startswith("api/") and path not in _ELSEWHERE
    }
    described = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    assert described == served


def schema_of(document: dict[str, Any], part: Any) -> dict[str, Any]:
    """A part of the document with its reference followed."""
    name = part.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = document["components"]["schemas"][name] if name else part
    return found


def succeeded(document: dict[str, Any], method: str, path: str) -> dict[str, Any]:
    """What the document says of `data` in a successful answer."""
    operation = document["paths"][f"/api{path}"][method]
    assert operation["tags"] == ["spa"] and operation["description"]
    content = operation["responses"]["200"]["content"]["application/json"]["schema"]
    success, refusal = content["oneOf"]
    assert (success["properties"]["code"]["enum"], refusal["properties"]["code"]["enum"]) == ([0], [7])
    return schema_of(document, success["properties"]["data"])


JSON_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean"}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_front_ends_routes_are_described_as_they_answer(
    document: dict[str, Any], as_operator: APIClient, kind: Kind
) -> None:
    pk = as_operator.post(kind.create, kind.form).json()["data"]["ID"]
    row = as_operator.get(f"{kind.find}?ID={pk}").json()["data"]
    described = succeeded(document, "get", kind.find)
    assert set(described["required"]) == row.keys() == described["properties"].keys()
    for key, value in row.items():
        wanted = "number" if key == "pricePerHour" else JSON_TYPES[type(value)]
        assert described["properties"][key]["type"] == wanted, key
        assert "nullable" not in described["properties"][key]
    page = succeeded(document, "get", kind.list)
    assert page["properties"].keys() == {"list", "total", "page", "pageSize"}
    assert schema_of(document, page["properties"]["list"]["items"]) == described
    assert succeeded(document, "post", kind.create)["properties"] == {"ID": {"type": "integer"}}
    assert succeeded(document, "get", kind.public)["properties"].keys() == {"info"}
    for method, path in (("put", kind.update), ("delete", kind.delete), ("delete", kind.delete_many)):
        assert succeeded(document, method, path)["properties"] == {}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_what_the_front_end_may_send_is_described(document: dict[str, Any], kind: Kind) -> None:
    def asked(method: str, path: str) -> dict[str, str]:
        parameters = document["paths"][f"/api{path}"][method].get("parameters", [])
        return {item["name"]: item["schema"]["type"] for item in parameters}

    filters = {"page": "integer", "pageSize": "integer", "createdAtRange[]": "array", "isOnShelf": "boolean"}
    assert asked("get", kind.list) == filters | dict.fromkeys(kind.texts, "string")
    assert asked("get", kind.find) == asked("delete", kind.delete) == {"ID": "integer"}
    assert asked("delete", kind.delete_many) == {"IDs[]": "array"}
    assert asked("get", kind.public) == asked("post", kind.create) == {}

    def body(method: str, path: str) -> dict[str, Any]:
        content = document["paths"][f"/api{path}"][method]["requestBody"]["content"]
        return schema_of(document, content["application/json"]["schema"])

    create, update = body("post", kind.create), body("put", kind.update)
    assert create["properties"].keys() == kind.form.keys()
    assert set(create["required"]) == kind.minimal().keys()
    assert update["properties"].keys() == kind.form.keys() | {"ID"} and update["required"] == ["ID"]


def test_the_instances_are_described_as_they_answer(
    document: dict[str, Any], as_operator: APIClient, operator: Any
) -> None:
    at = "/instance"
    node = make.gpu_node()
    running = make.instance(by=operator, image=make.image(), spec=make.slice_spec(), node=node)
    row = done(as_operator.get(f"{at}/findInstance?ID={running.pk}"))
    described = succeeded(document, "get", f"{at}/findInstance")
    assert set(described["required"]) == row.keys() == described["properties"].keys()
    for key, value in row.items():
        part = described["properties"][key]
        assert part.get("nullable", False) is (value is None), key
        assert part["type"] == ("number" if value is None else JSON_TYPES[type(value)]), key
    page = succeeded(document, "get", f"{at}/getInstanceList")
    assert schema_of(document, page["properties"]["list"]["items"]) == described
    for path in ("getInstanceDataSource", f"getAvailableNodes?specId={running.spec_id}"):
        answered = done(as_operator.get(f"{at}/{path}"))
        assert differing(succeeded(document, "get", f"{at}/{path.partition('?')[0]}"), answered) == []
    assert succeeded(document, "get", f"{at}/getContainerLogs")["type"] == "string"
    for verb in ("start", "stop", "restart"):
        operation = document["paths"][f"/api{at}/{verb}Container"]["post"]
        assert succeeded(document, "post", f"{at}/{verb}Container")["properties"] == {}
        assert "requestBody" not in operation and [item["name"] for item in operation["parameters"]] == ["ID"]


def differing(described: dict[str, Any], answered: Any, at: str = "data") -> list[str]:
    """Where an answer is not as described; a list without elements proves nothing, and so differs."""
    kind = described["type"]
    if kind == "array":
        empty = [] if answered or at == "data.nodeId" else [f"{at} is empty"]
        return empty + [fault for item in answered for fault in differing(described["items"], item, f"{at}[]")]
    if kind == "object":
        if not described["required"] == list(described["properties"]) == list(answered):
            return [f"{at}: {list(answered)}"]
        parts = described["properties"].items()
        return [fault for key, part in parts for fault in differing(part, answered[key], f"{at}.{key}")]
    return [] if kind == JSON_TYPES[type(answered)] else [f"{at}: {answered!r} is no {kind}"]


def test_native_instances_are_described_as_they_answer(document: dict[str, Any], as_operator: APIClient) -> None:
    body = {"image": make.image(supports_vgpu=True).pk, "spec": make.slice_spec().pk, "name": "a"}
    make.gpu_node()

    def described(method: str, path: str, status: str) -> dict[str, Any]:
        content = document["paths"][path][method]["responses"][status]["content"]
        return schema_of(document, content["application/json"]["schema"])

    shown = as_operator.post("/api/instances/preview/", body).json()
    assert shown.keys() == described("post", "/api/instances/preview/", "200")["properties"].keys()
    made = as_operator.post("/api/instances/", body).json()
    shape = described("post", "/api/instances/", "202")
    assert made.keys() == shape["properties"].keys() == set(shape["required"])
    assert described("get", "/api/instances/{id}/", "200") == shape
    cards = as_operator.get(f"/api/nodes/{made['node']['id']}/gpus/").json()
    shape = described("get", "/api/nodes/{id}/gpus/", "200")
    assert cards.keys() == shape["properties"].keys()
    assert cards["gpus"][0].keys() == schema_of(document, shape["properties"]["gpus"]["items"])["properties"].keys()


def test_the_routes_of_the_system_are_described_as_they_answer(document: dict[str, Any], operator: Any) -> None:
    client = front_end("olga")
    for path, (method, body) in ROUTES.items():
        described = succeeded(document, method, path)
        operation = document["paths"][f"/api{path}"][method]
        assert operation.get("security", []) == ([] if path in PUBLIC else [{"xToken": []}])
        assert ("401" in operation["responses"]) is (path not in PUBLIC)
        assert ("requestBody" in operation) is (body is not None)
        answered = done(ask(client, path))
        assert described["properties"].keys() == (answered.keys() if path != JUMPBOX else {"server-ip", "port"})
        if path == USER:
            assert described["properties"]["userInfo"]["properties"].keys() == answered["userInfo"].keys()
        if path == MENU:
            assert described["properties"]["menus"]["items"]["properties"].keys() == answered["menus"][0].keys()


def test_the_excel_buttons_are_described(document: dict[str, Any]) -> None:
    at = "/sysExportTemplate"
    for route in ("exportTemplate", "exportExcel"):
        assert succeeded(document, "get", f"{at}/{route}")["type"] == "string"
        file = document["paths"][f"/api{at}/{route}ByToken"]["get"]
        assert file.get("security", []) == [] and file["responses"]["200"]["content"].keys() == {XLSX}
    assert succeeded(document, "post", f"{at}/importExcel")["properties"].keys() == {"created", "changed", "unchanged"}
    upload = document["paths"][f"/api{at}/importExcel"]["post"]
    assert upload["requestBody"]["content"].keys() == {"multipart/form-data"}
    assert upload["parameters"][0]["schema"]["enum"] == sorted(KINDS_OF_SHEETS)


def test_kuscias_routes_are_described_as_they_answer(document: dict[str, Any], kuscia: Kuscia) -> None:
    kuscia.done("create", EXAMPLE)
    bodies = {
        "query": {"name": EXAMPLE["name"]}, "batchQuery": {"names": [EXAMPLE["name"]]}, "list": {"page_size": 1},
        "update": EXAMPLE,
    }  # fmt: skip
    for route, body in bodies.items():
        operation = document["paths"][f"/api/v1/appimage/{route}"]["post"]
        assert operation["tags"] == ["kuscia"] and operation["security"] == [{"kusciaToken": []}]
        assert operation["description"] and operation["responses"].keys() == {"200", "401"}
        asked = operation["requestBody"]["content"]["application/json"]["schema"]
        assert body.keys() < asked["properties"].keys() and "required" not in asked
        described = operation["responses"]["200"]["content"]["application/json"]["schema"]
        assert differing_from_kuscia(described, kuscia.ask(route, body)) == []


def differing_from_kuscia(described: dict[str, Any], answered: Any, at: str = "") -> list[str]:
    """Where an answer is not as described: order and absence of fields count."""
    if answered is None:
        return [] if described.get("nullable") else [f"{at} is null"]
    kind = described["type"]
    if kind == "array":
        parts = enumerate(answered)
        return [fault for n, item in parts for fault in differing_from_kuscia(described["items"], item, f"{at}[{n}]")]
    if kind == "object" and "properties" in described:
        if list(described["properties"]) != list(answered):
            return [f"{at}: {list(answered)}"]
        inner = described["properties"].items()
        return [fault for key, part in inner for fault in differing_from_kuscia(part, answered[key], f"{at}.{key}")]
    return [] if kind == "object" or JSON_TYPES[type(answered)] == kind else [f"{at}: {answered!r} is no {kind}"]


def test_operations_have_names_and_texts(document: dict[str, Any]) -> None:
    operations = [operation for item in document["paths"].values() for operation in item.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(names) == len(set(names))
    assert all(operation["tags"] != ["api"] for operation in operations)


def test_secrets_cannot_be_read_by_the_document_either(document: dict[str, Any]) -> None:
    snapshot = document["components"]["schemas"]["SnapshotShape"]["properties"]
    assert {"percent", "bytes_total", "layers", "eta_seconds", "error", "version"} <= snapshot.keys()
    asked = document["paths"]["/api/pulls/"]["post"]
    assert "202" in asked["responses"]
    assert any(parameter["name"] == "Idempotency-Key" for parameter in asked["parameters"])


def test_the_document_and_its_page_are_served(anonymous: APIClient) -> None:
    assert anonymous.get("/api/schema/", HTTP_ACCEPT="*/*").status_code == 200
    page = anonymous.get("/api/docs/", HTTP_ACCEPT="text/html")
    assert page.status_code == 200 and b"swagger" in page.content
    assert b"//cdn" not in page.content and b"jsdelivr" not in page.content
