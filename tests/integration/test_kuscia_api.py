"""Kuscia's API through the real server: the commands of our documentation, and what only a server does."""

from __future__ import annotations

import http.client
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.integration.pull_bed import PullBed
from tests.services.ports import LOOPBACK

pytestmark = pytest.mark.real
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "kuscia.md"
AT = "/api/v1/appimage/"


def ask(bed: PullBed, path: str, *, method: str = "POST", body: str = "{}", **headers: str) -> Any:
    """The answer and its body."""
    connection = http.client.HTTPConnection(LOOPBACK, bed.product.port, timeout=60)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer, text


def configured_token(bed: PullBed) -> str:
    [file] = bed.product.directory.rglob("secrets/kuscia_token")
    return file.read_text().strip()


def test_the_commands_of_the_document(bed: PullBed) -> None:
    made = bed.product.manage("create_kuscia_token", "documentation", "--user", "admin")
    assert made.returncode == 0, made.stderr
    for token in (configured_token(bed), made.stdout.strip()):
        commands = [
            command for command in re.split(r"^(?=curl )", DOCUMENT.read_text(), flags=re.M) if "$AT" in command
        ]
        answers = {}
        for command in commands[-6:]:
            words = shlex.split(command.partition("\n```")[0])
            path = next(word for word in words if word.startswith("$AT/")).replace("$AT/", AT)
            headers = {"Token": token, "Content-Type": "application/json"}
            _answer, text = ask(bed, path, body=words[words.index("-d") + 1], **headers)
            answers[path] = json.loads(text)
        assert {answer["status"]["code"] for answer in answers.values()} == {0}, answers
        assert len(answers) == 6
        assert answers[f"{AT}query"]["data"]["deploy_templates"][0]["containers"][0]["resources"]["limits"] == {
            "cpu": "500m", "memory": "512Mi",
        }  # fmt: skip
        assert answers[f"{AT}batchQuery"]["data"][0]["image"]["tag"] == "v2"


def test_what_a_server_makes_of_odd_requests(bed: PullBed) -> None:
    token = configured_token(bed)
    answer, text = ask(bed, f"{AT}list")
    assert (answer.status, text, answer.getheader("Content-Type")) == (401, b"", None)
    for path, status, to in ((f"/{AT}list", 301, f"{AT}list"), (f"{AT}list/?a=b", 307, f"{AT}list?a=b")):
        answer, _text = ask(bed, path)
        assert (answer.status, answer.getheader("Location")) == (status, to)
    for method in ("GET", "PUT", "OPTIONS", "DELETE"):
        answer, text = ask(bed, f"{AT}list", method=method, Token=token)
        assert (answer.status, text) == (404, b"404 page not found")
    for headers in ({}, {"Content-Type": "text/plain"}):
        answer, text = ask(bed, f"{AT}list", Token=token, **headers)
        assert answer.status == 200 and json.loads(text)["status"]["code"] == 0, text
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    _answer, text = ask(bed, f"{AT}query", body='{"name": "a"}', Token=token, **form)
    assert json.loads(text)["status"]["message"] == "appimage name can not be empty"
    _answer, text = ask(bed, f"{AT}query", body="", Token=token)
    assert json.loads(text) == {"status": {"code": 11101, "message": "EOF"}}
    too_long = json.dumps({"name": "x" * (7 * 1024 * 1024)})
    answer, text = ask(bed, f"{AT}query", body=too_long, Token=token)
    assert answer.status == 200 and json.loads(text)["status"]["code"] == 11101
