"""The registry client's credentials: who gets them, token services that misbehave, and that nothing shows them."""

from __future__ import annotations

import traceback
from base64 import b64encode
from collections.abc import Callable, Iterator

import pytest

from imagelib.registry import RegistryClient, RegistryError
from tests.integration.scripted_image import AMD64, CONFIG, CONFIG_BODY, IMAGE, MANIFEST, failed_resolve
from tests.integration.scripted_server import Answer, Handler, ScriptedServer, scripted_server

PASSWORD = "canary-pa55word"
WITH_PASSWORD = {"username": "puller", "password": PASSWORD}
CHALLENGE = Answer(401, {"errors": [{"code": "UNAUTHORIZED"}]}, {"WWW-Authenticate": 'Basic realm="x"'})


@pytest.fixture
def other() -> Iterator[ScriptedServer]:
    """Another origin: the same host with another port."""
    with scripted_server() as server:
        yield server


def bearer(server: ScriptedServer, realm: str = "") -> Answer:
    realm = realm or f"{server.url}/token"
    challenge = f'Bearer realm="{realm}",service="scripted",scope="repository:team/app:pull"'
    return Answer(401, {"errors": [{"code": "UNAUTHORIZED"}]}, {"WWW-Authenticate": challenge})


def for_token(token: str, granted: Answer, otherwise: Answer) -> Callable[[Handler], Answer]:
    return lambda handler: granted if handler.headers.get("Authorization") == f"Bearer {token}" else otherwise


def echo(handler: Handler) -> Answer:
    """An answer that repeats what it was sent, as debugging proxies do."""
    return Answer(500, f"you sent {handler.headers.get('Authorization')} and {PASSWORD}")


def test_a_blob_behind_a_redirect_is_fetched_without_the_credentials(
    server: ScriptedServer, other: ScriptedServer
) -> None:
    blob = f"/v2/team/app/blobs/{CONFIG.digest}"
    redirect = Answer(307, "", {"Location": f"{other.url}/storage?signature=abc"})
    server.script[blob] = lambda handler: redirect if handler.headers.get("Authorization") else CHALLENGE
    other.script["/storage.*"] = Answer(200, CONFIG_BODY)
    with RegistryClient(server.address, **WITH_PASSWORD) as client:
        assert client.diff_ids("team/app", CONFIG) == ("sha256:1",)

    assert [("authorization" in asked.headers) for asked in server.asked] == [False, True]
    assert "authorization" not in other.asked[0].headers


def test_a_challenge_from_where_a_redirect_leads_is_not_answered(server: ScriptedServer, other: ScriptedServer) -> None:
    server.script[".*"] = Answer(307, "", {"Location": f"{other.url}/storage"})
    other.script[".*"] = CHALLENGE

    assert failed_resolve(server, **WITH_PASSWORD).code == "registry_denied"
    assert len(server.asked) == len(other.asked) == 1


def test_a_redirect_on_the_same_registry_keeps_the_credentials(server: ScriptedServer) -> None:
    server.script[MANIFEST] = Answer(307, "", {"Location": "/v2/moved/manifests/1"})
    server.script["/v2/moved/.*"] = lambda handler: (
        Answer(200, IMAGE) if handler.headers.get("Authorization") else CHALLENGE
    )
    with RegistryClient(server.address, **WITH_PASSWORD) as client:
        client.resolve("team/app", "1", platform=AMD64)


def test_a_token_is_fetched_once_and_replaced_when_it_expires(server: ScriptedServer) -> None:
    server.script["/token.*"] = Answer(200, {"access_token": "first"})
    server.script[MANIFEST] = for_token("first", Answer(200, IMAGE), bearer(server))
    with RegistryClient(server.address, **WITH_PASSWORD) as client:
        client.resolve("team/app", "1", platform=AMD64)
        client.resolve("team/app", "1", platform=AMD64)
        assert server.paths().count("/token?service=scripted&scope=repository%3Ateam%2Fapp%3Apull") == 1
        server.script["/token.*"] = Answer(200, {"token": "second"})
        server.script[MANIFEST] = for_token("second", Answer(200, IMAGE), bearer(server))
        client.resolve("team/app", "1", platform=AMD64)

    sent = [asked.headers.get("authorization") for asked in server.asked]
    basic = f"Basic {b64encode(f'puller:{PASSWORD}'.encode()).decode()}"
    assert sent == [None, basic, "Bearer first", "Bearer first", "Bearer first", basic, "Bearer second"]


def test_a_registry_that_refuses_every_token_is_asked_twice(server: ScriptedServer) -> None:
    server.script["/token.*"] = Answer(200, {"token": "t0ken"})
    server.script[MANIFEST] = bearer(server)

    failed_resolve(server, **WITH_PASSWORD)
    assert len(server.asked) == 3


def test_what_a_second_401_means(server: ScriptedServer) -> None:
    server.script[MANIFEST] = CHALLENGE
    assert failed_resolve(server).code == "registry_credentials_missing"
    assert failed_resolve(server, **WITH_PASSWORD).code == "registry_unauthorized"

    server.script["/token.*"] = Answer(200, {"token": "t0ken"})
    server.script[MANIFEST] = bearer(server)
    assert failed_resolve(server).code == "registry_credentials_missing"
    assert failed_resolve(server, **WITH_PASSWORD).code == "registry_denied"


@pytest.mark.parametrize(
    ("answer", "credentials", "code"),
    [
        (Answer(401, {"details": "wrong"}), WITH_PASSWORD, "registry_unauthorized"),
        (Answer(403, {"details": "no"}), WITH_PASSWORD, "registry_denied"),
        (Answer(401, {"details": "log in"}), {}, "registry_credentials_missing"),
        (Answer(429, "", {"Retry-After": "9"}), {}, "registry_rate_limited"),
        (Answer(500), {}, "registry_server_error"),
        (Answer(404), {}, "registry_bad_answer"),
        (Answer(200, {}), {}, "registry_bad_answer"),
        (Answer(200, {"token": "two\r\nlines"}), {}, "registry_bad_answer"),
        (Answer(200, {"token": 5}), {}, "registry_bad_answer"),
        (Answer(200, "no json"), {}, "registry_bad_answer"),
    ],
)
def test_the_code_of_a_token_service(
    server: ScriptedServer, answer: Answer, credentials: dict[str, str], code: str
) -> None:
    server.script["/token.*"] = answer
    server.script[MANIFEST] = bearer(server)

    assert failed_resolve(server, **credentials).code == code


def test_credentials_do_not_leave_the_machine_for_a_plain_token_service(server: ScriptedServer) -> None:
    server.script[MANIFEST] = bearer(server, realm="http://auth..invalid/token")

    assert failed_resolve(server, **WITH_PASSWORD).code == "registry_token_insecure"
    # nothing to protect, or allowed by the operator: only then the name is looked at
    assert failed_resolve(server).code == "registry_dns"
    assert failed_resolve(server, insecure=True, **WITH_PASSWORD).code == "registry_dns"


def test_a_query_in_the_realm_is_kept(server: ScriptedServer) -> None:
    server.script["/token.*"] = Answer(200, {"token": "t"})
    server.script[MANIFEST] = for_token("t", Answer(200, IMAGE), bearer(server, f"{server.url}/token?tenant=a#x"))
    with RegistryClient(server.address) as client:
        client.resolve("team/app", "1", platform=AMD64)

    assert server.paths()[1].startswith("/token?tenant=a&service=scripted&scope=")


@pytest.mark.parametrize("echoing", ["token service", "registry"])
def test_secrets_are_neither_in_the_error_nor_in_a_traceback_with_variables(
    server: ScriptedServer, echoing: str
) -> None:
    challenge = bearer(server)
    server.script["/token.*"] = echo if echoing == "token service" else Answer(200, {"token": "canary-t0ken"})
    server.script[MANIFEST] = lambda handler: echo(handler) if handler.headers.get("Authorization") else challenge

    error = failed_resolve(server, **WITH_PASSWORD)

    assert error.code == "registry_server_error"
    assert error.evidence == f"HTTP 500: you sent {'Basic' if echoing == 'token service' else 'Bearer'} *** and ***"
    for secret in (PASSWORD, b64encode(f"puller:{PASSWORD}".encode()).decode(), "canary-t0ken"):
        assert secret not in told_by(error)


def told_by(error: RegistryError) -> str:
    """The error, and its traceback with the variables of the client's own frames."""
    stack = traceback.TracebackException.from_exception(error, capture_locals=True).stack
    frames = [frame for frame in stack if "/imagelib/registry/" in frame.filename]
    assert frames
    return f"{error!r} {error} " + " ".join(f"{frame.name} {frame.locals}" for frame in frames)
