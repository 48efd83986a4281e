"""The OpenAPI document: complete, valid, without warnings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from rest_framework.test import APIClient

from tests.api.routes import all_routes

# Not part of the document: the document itself, its page, the front end's dialect.
_ELSEWHERE = ("api/schema/", "api/docs/")


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Made by the command that fails on the first warning."""
    path: Path = tmp_path_factory.mktemp("schema") / "schema.yml"
    call_command("spectacular", file=str(path), validate=True, fail_on_warn=True)
    found: dict[str, Any] = yaml.safe_load(path.read_text())
    return found


def test_every_native_route_is_described(document: dict[str, Any]) -> None:
    native = {
        (method, "/" + path.replace("{pk}", "{id}"))
        for method, path in all_routes()
        if path.startswith("api/") and not path.startswith("api/imageRegistry") and path not in _ELSEWHERE
    }
    described = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    assert described == native


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
