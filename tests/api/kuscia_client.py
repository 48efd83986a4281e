"""A client of the Kuscia API, and what it sends again and again."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client

AT = "/api/v1/appimage/"
TOKEN = "the-token-of-the-tests-of-kuscia"
SUCCESS = {"status": {"code": 0, "message": "success", "details": []}}
LEAST: dict[str, Any] = {
    "name": "a",
    "image": {"name": "n"},
    "deploy_templates": [{"name": "d", "containers": [{"name": "c"}]}],
}


class Kuscia(Client):
    """Sends the token, as JSON, and gets the answer of a crash instead of its exception."""

    def __init__(self, token: str | None = TOKEN, **options: Any) -> None:
        headers = {} if token is None else {"HTTP_TOKEN": token}
        super().__init__(enforce_csrf_checks=True, raise_request_exception=False, **headers, **options)

    def send(self, route: str, body: Any, content_type: str = "application/json", **headers: Any) -> Any:
        """The HTTP answer. Texts and bytes are sent as they are."""
        data = body if isinstance(body, (str, bytes)) else json.dumps(body)
        return self.generic("POST", AT + route, data, content_type, **headers)

    def ask(self, route: str, body: Any, content_type: str = "application/json", **headers: Any) -> Any:
        """What is answered, which has to be in the dialect."""
        answer = self.send(route, body, content_type, **headers)
        assert answer.status_code == 200, (answer.status_code, answer.content)
        assert answer["Content-Type"] == "application/json; charset=utf-8"
        found = json.loads(answer.content)
        assert {"code", "message"} <= found["status"].keys() and found.keys() <= {"status", "data"}, found
        return found

    def refused(self, route: str, body: Any, code: int) -> str:
        """The message of a refusal with this code."""
        found = self.ask(route, body)
        assert found["status"]["code"] == code, found
        return str(found["status"]["message"])

    def done(self, route: str, body: Any) -> Any:
        """The data of a success."""
        found = self.ask(route, body)
        assert found["status"] == SUCCESS["status"], found
        return found.get("data")

    def query(self, name: str) -> Any:
        return self.done("query", {"name": name})

    def container(self, name: str = "a") -> Any:
        """The first container of the first template."""
        return self.query(name)["deploy_templates"][0]["containers"][0]


def least(name: str = "a", **container: Any) -> dict[str, Any]:
    """The smallest body that is created, its container with more."""
    return {**LEAST, "name": name, "deploy_templates": [{"name": "d", "containers": [{"name": "c", **container}]}]}
