"""Answering a registry's 401, every way that `imagelib.registry.auth` knows: asked over HTTP of a scripted registry."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from imagelib.registry import RegistryClient
from tests.integration.scripted_image import IMAGE, MANIFEST, refused
from tests.integration.scripted_server import Answer, Handler, ScriptedServer, scripted_server

LOGIN: dict[str, Any] = {"username": "robot", "password": "s3cret-Words"}
BASIC = f"Basic {b64encode(b'robot:s3cret-Words').decode()}"
SCOPE = "repository:team/app:pull"
GOOD = Answer(200, json.dumps(IMAGE), {"Content-Type": IMAGE["mediaType"]})


def guard(server: ScriptedServer, challenge: str, *, takes: str, token: Answer | None = None) -> None:
    """The image is there for the Authorization `takes`, else 401 with `challenge`; `{url}` is this server's."""
    headers = {"WWW-Authenticate": challenge.format(url=server.url)} if challenge else {}

    def registry(handler: Handler) -> Answer:
        if handler.headers.get("Authorization") == takes:
            return GOOD
        return Answer(401, {"errors": [{"code": "UNAUTHORIZED", "message": "log in"}]}, headers)

    server.script = {"/token.*": token or Answer(200, {"token": "t0ken"}), MANIFEST: registry, "/v2/": registry}


def look(server: ScriptedServer, **options: Any) -> None:
    with RegistryClient(server.address, **options) as client:
        client.describe("team/app", "1", sizes_for=())


def token_requests(server: ScriptedServer) -> list[tuple[dict[str, list[str]], str | None]]:
    """Query and Authorization of each request to the token service."""
    asked = [item for item in server.asked if item.path.startswith("/token")]
    return [(parse_qs(urlsplit(item.path).query), item.headers.get("authorization")) for item in asked]


def test_a_token_for_nobody(server: ScriptedServer) -> None:
    guard(server, f'Bearer realm="{{url}}/token",service="reg",scope="{SCOPE}"', takes="Bearer t0ken")
    look(server)
    assert token_requests(server) == [({"service": ["reg"], "scope": [SCOPE]}, None)]


@pytest.mark.parametrize("key", ["token", "access_token"])
def test_a_token_for_credentials_is_kept_for_its_scope(server: ScriptedServer, key: str) -> None:
    guard(server, 'Bearer realm="{url}/token"', takes="Bearer t0ken", token=Answer(200, {key: "t0ken"}))
    with RegistryClient(server.address, **LOGIN) as client:
        for _again in range(2):
            client.describe("team/app", "1", sizes_for=())
    assert token_requests(server) == [({"scope": [SCOPE]}, BASIC)]


def test_the_query_of_the_realm_is_kept_and_its_fragment_is_not_sent(server: ScriptedServer) -> None:
    guard(server, 'Bearer realm="{url}/token?account=a#x"', takes="Bearer t0ken")
    look(server)
    with RegistryClient(server.address) as client:
        client.ping()  # a scope is not asked for
    assert [asked for asked, _login in token_requests(server)] == [
        {"account": ["a"], "scope": [SCOPE]},
        {"account": ["a"]},
    ]


@pytest.mark.parametrize(
    "token",
    [Answer(200, {}), Answer(200, {"token": 5}), Answer(200, {"token": "two words"}), Answer(200, {"token": ""})],
)
def test_an_answer_without_a_usable_token(server: ScriptedServer, token: Answer) -> None:
    guard(server, 'Bearer realm="{url}/token"', takes="nothing", token=token)
    error = refused(lambda: look(server))
    assert error.code == "registry_bad_answer" and "without a token" in error.evidence


@pytest.mark.parametrize("realm", ["", "token", "ftp://registry.example.com/token", "https://", "/token"])
def test_a_realm_that_is_no_address(server: ScriptedServer, realm: str) -> None:
    guard(server, f'Bearer realm="{realm}"', takes="nothing")
    error = refused(lambda: look(server))
    assert error.code == "registry_bad_answer" and "no valid address" in error.evidence


@pytest.mark.parametrize(
    ("status", "login", "code"),
    [
        (401, {}, "registry_credentials_missing"),
        (403, {}, "registry_credentials_missing"),
        (401, LOGIN, "registry_unauthorized"),
        (403, LOGIN, "registry_denied"),
        (404, LOGIN, "registry_bad_answer"),
        (500, LOGIN, "registry_server_error"),
        (429, {}, "registry_rate_limited"),
    ],
)
def test_a_token_service_that_refuses(server: ScriptedServer, status: int, login: dict[str, Any], code: str) -> None:
    said = Answer(status, {"details": f"no token for robot: {LOGIN['password']}"})
    guard(server, 'Bearer realm="{url}/token"', takes="nothing", token=said)
    error = refused(lambda: look(server, **login))
    assert error.code == code and "no token for robot" in error.evidence
    assert (LOGIN["password"] in error.evidence) is not bool(login), "what is ours is hidden"


def test_credentials_go_to_no_token_service_that_could_be_listened_to(server: ScriptedServer) -> None:
    guard(server, 'Bearer realm="http://token.example.com/token"', takes="nothing")
    error = refused(lambda: look(server, **LOGIN))
    assert (error.code, error.evidence) == ("registry_token_insecure", "token service at http://token.example.com")
    # Without credentials, with HTTPS, or when the operator allows it, the service is asked: here nothing listens.
    with scripted_server() as closed:
        nobody = closed.address
    for options, realm in (
        ({}, f"http://{nobody}"),
        (LOGIN, f"https://{nobody}"),
        ({**LOGIN, "insecure": True}, f"http://{nobody.replace('127.0.0.1', '0.0.0.0')}"),
    ):
        guard(server, f'Bearer realm="{realm}/token"', takes="nothing")
        assert refused(lambda options=options: look(server, **options)).code == "registry_refused"


def test_basic(server: ScriptedServer) -> None:
    guard(server, 'Basic realm="r"', takes=BASIC)
    look(server, **LOGIN)
    assert [asked.headers.get("authorization") for asked in server.asked] == [None, BASIC]
    assert refused(lambda: look(server)).code == "registry_credentials_missing"
    wrong = refused(lambda: look(server, username="robot", password="guess"))
    assert wrong.code == "registry_unauthorized" and wrong.evidence == "HTTP 401: UNAUTHORIZED: log in"


@pytest.mark.parametrize(("login", "code"), [({}, "registry_credentials_missing"), (LOGIN, "registry_denied")])
def test_a_token_that_does_not_suffice(server: ScriptedServer, login: dict[str, Any], code: str) -> None:
    guard(server, 'Bearer realm="{url}/token"', takes="Bearer other")
    with RegistryClient(server.address, **login) as client:
        for _again in range(2):  # it is not kept: the next try asks for another one
            assert refused(lambda: client.describe("team/app", "1", sizes_for=())).code == code
    assert len(token_requests(server)) == 2
    sent = [asked.headers.get("authorization") for asked in server.asked if asked.path == MANIFEST]
    assert sent == [None, "Bearer t0ken"] * 2


@pytest.mark.parametrize("challenge", ["", "Negotiate", 'Digest realm="r"'])
def test_a_challenge_that_is_not_known(server: ScriptedServer, challenge: str) -> None:
    guard(server, challenge, takes="nothing")
    error = refused(lambda: look(server, **LOGIN))
    assert error.code == "registry_bad_answer" and "no known way to log in" in error.evidence


def test_bearer_is_preferred(server: ScriptedServer) -> None:
    guard(server, 'Basic realm="r", Bearer realm="{url}/token"', takes="Bearer t0ken")
    look(server, **LOGIN)
    assert token_requests(server)
