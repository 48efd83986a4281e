"""Talking to the gva dialect as its front end does."""

from __future__ import annotations

from typing import Any

from rest_framework.test import APIClient

from tests.api.make import PASSWORD

LIST = "/imageRegistry/getImageRegistryList"
CREATE = "/imageRegistry/createImageRegistry"
UPDATE = "/imageRegistry/updateImageRegistry"
DELETE = "/imageRegistry/deleteImageRegistry"
DELETE_MANY = "/imageRegistry/deleteImageRegistryByIds"
FIND = "/imageRegistry/findImageRegistry"
PUBLIC = "/imageRegistry/getImageRegistryPublic"


def log_in(username: str, *, language: str | None = "en") -> APIClient:
    """A client with the front end's headers; `language=None` sends no `Accept-Language`."""
    headers = {"HTTP_ACCEPT": "application/json, text/plain, */*"}
    if language:
        headers["HTTP_ACCEPT_LANGUAGE"] = language
    client = APIClient(enforce_csrf_checks=True, raise_request_exception=False, **headers)
    token = client.post("/api/token/", {"username": username, "password": PASSWORD}).json()["access"]
    client.credentials(HTTP_X_TOKEN=token, HTTP_X_USER_ID="1", HTTP_ORIGIN="http://testserver")
    return client


def envelope(answer: Any, status: int = 200) -> dict[str, Any]:
    """The body, after checking that it is an envelope and nothing else."""
    assert answer.status_code == status, (answer.status_code, answer.content)
    assert answer["Content-Type"].startswith("application/json"), answer["Content-Type"]
    body: dict[str, Any] = answer.json()
    assert body.keys() == {"code", "data", "msg"}, body
    assert type(body["code"]) is int and isinstance(body["msg"], str) and body["msg"], body
    return body


def done(answer: Any) -> Any:
    """The data of a successful answer."""
    body = envelope(answer)
    assert body["code"] == 0, body
    return body["data"]


def refused(answer: Any, status: int = 200) -> str:
    """The message of a refusal."""
    body = envelope(answer, status)
    assert body["code"] == 7 and body["data"] == {}, body
    return str(body["msg"])
