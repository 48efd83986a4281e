"""Replays a story against the application, and compares every answer with what was recorded."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from io import BytesIO
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from tests.api.make import PASSWORD
from tests.api.sheets import XLSX
from tests.contract_spa.matching import differences, read_json
from tests.contract_spa.recordings import Story, fill, senders
from tests.contract_spa.world import GIVEN, PEOPLE, people
from tests.support.workbooks import file_of, rows_in

# Of languages: without the header it is Chinese.
ACCEPT_LANGUAGE = {"zh": None, "zh-CN": "zh-CN,zh;q=0.9", "en": "en-GB,en;q=0.8"}


class NotAsRecorded(AssertionError):
    """The contract is broken."""


class Replay:
    """`prefix` is that of all paths; `browser` one of ACCEPT_LANGUAGE; `engine` an engine's address."""

    def __init__(self, story: Story, *, prefix: str, browser: str, engine: str = "") -> None:
        self._story, self._prefix = story, prefix
        self._language = browser[:2]
        self._accepts = ACCEPT_LANGUAGE[browser]
        self._client = Client(enforce_csrf_checks=True, raise_request_exception=False)
        self._names: dict[str, Any] = {**story.shapes, **people(), "engine": {"address": engine}}
        for role, username in PEOPLE.items():
            body = json.dumps({"username": username, "password": PASSWORD})
            answer = self._client.post("/base/login", body, "application/json")
            self._names[role]["token"] = answer.json()["data"]["token"]

    def run(self) -> None:
        for number, step in enumerate(self._story.steps):
            if "given" in step:
                given = {key: self._fill(value) for key, value in step.get("with", {}).items()}
                self._names[step.get("keep", "")] = GIVEN[step["given"]](**given)
                continue
            who = step["as"]
            for sender in [who] if isinstance(who, str) else who:
                for turn in range(step.get("times", 1)):
                    self._names["n"] = turn + 1
                    self._exchange(step, sender, f"{self._story.name}[{number}] as {sender}")

    def _exchange(self, step: dict[str, Any], sender: str, where: str) -> None:
        answer = self._ask(step["request"], sender)
        expected = step["answer"]
        if answer.status_code != expected["status"]:
            told = answer.content.decode(errors="replace")[:1000]
            raise NotAsRecorded(f"{where}: status {answer.status_code} instead of {expected['status']}: {told}")
        content = self._content(answer, expected)
        found = [*self._header_differences(expected, answer), *self._differences(expected, content)]
        if found:
            raise NotAsRecorded("\n".join([f"{where}: {step['request']}", *found]))
        for name, path in step.get("keep", {}).items():
            self._names[name] = _part(content, path)

    def _ask(self, request: dict[str, Any], sender: str) -> Any:
        method, path = request["method"], self._prefix + self._fill(request["path"])
        headers = {**senders()[sender], **request.get("headers", {})}
        headers = {name: str(value) for name, value in self._fill(headers).items()}
        if self._accepts:
            headers["Accept-Language"] = self._accepts
        data, kind = self._sent(request)
        self._client.cookies.clear()  # each sender says which cookie it has
        return self._client.generic(method, path, data, content_type=kind, headers=headers)

    def _sent(self, request: dict[str, Any]) -> tuple[bytes, str]:
        """Body and content type; Django's client leaves the latter out when there is no body, as axios does."""
        if "file" in request or "sheet" in request:
            rows = self._fill(request.get("sheet"))
            content = file_of(rows).getvalue() if rows else self._fill(request["file"])
            file = SimpleUploadedFile("sheet.xlsx", content, XLSX)
            return encode_multipart(BOUNDARY, {"file": file}), MULTIPART_CONTENT
        if "text" in request:
            return request["text"].encode(), "application/json"
        body = json.dumps(self._fill(request["body"])).encode() if "body" in request else b""
        return body, "application/json"

    def _content(self, answer: Any, expected: dict[str, Any]) -> Any:
        """The JSON of an answer, or the bytes of a file."""
        kind = XLSX if "sheet" in expected else "application/json"
        if answer["Content-Type"] != kind:
            raise NotAsRecorded(f"Content-Type {answer['Content-Type']} instead of {kind}")
        return answer.content if "sheet" in expected else read_json(answer.content)

    def _differences(self, expected: dict[str, Any], content: Any) -> Iterator[str]:
        if "sheet" in expected:
            return differences(self._fill(expected["sheet"]), rows_in(BytesIO(content)), "sheet")
        return differences(self._fill(expected["body"]), content)

    def _header_differences(self, expected: dict[str, Any], answer: Any) -> Iterator[str]:
        """`null` stands for a header that must not be there."""
        got = {name.lower(): value for name, value in answer.items()}
        got["set-cookie"] = "; ".join(cookie.OutputString() for cookie in answer.cookies.values()) or None
        for name, value in self._fill(expected.get("headers", {})).items():
            yield from differences(value, got.get(name.lower()), f"header {name}")

    def _fill(self, template: Any) -> Any:
        return fill(template, self._names, self._language)


def _part(content: Any, path: str) -> Any:
    """`data.ID` of an answer, `file` for all of it; after `~` the group of a form that a text has."""
    keys, _, form = path.partition(" ~ ")
    if keys == "file":
        return content
    for key in keys.split("."):
        content = content[int(key)] if isinstance(content, list) else content[key]
    found = re.fullmatch(form, content) if form else None
    return found[1] if found else content
