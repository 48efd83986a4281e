"""Layers that are read from a registry in parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from imagelib.registry import Blob, Body, RegistryClient
from tests.integration.scripted_image import digest, refused
from tests.integration.scripted_server import Answer, ScriptedServer, scripted_server

CONTENT = bytes(range(256)) * 4000
BLOB = Blob(digest(CONTENT), len(CONTENT))
AT = f"/v2/team/app/blobs/{BLOB.digest}"


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as server:
        server.script = {"/v2/": Answer(200), AT: Answer(200, CONTENT)}
        yield server


def fetch(server: ScriptedServer, take: Callable[[Body], None], *, limit: int = 1 << 30, seconds: float = 600.0) -> int:
    with RegistryClient(server.address) as client:
        client.ping()
        return client.read_blob("team/app", BLOB, take=take, limit=limit, seconds=seconds)


def whole(into: list[bytes]) -> Callable[[Body], None]:
    def take(body: Body) -> None:
        while part := body.read(10_000):
            assert len(part) <= 10_000
            into.append(part)
        into.append(b"whole" if body.is_whole else b"part")

    return take


def test_to_the_end(server: ScriptedServer) -> None:
    parts: list[bytes] = []
    assert fetch(server, whole(parts)) == len(CONTENT)
    assert b"".join(parts) == CONTENT + b"whole"


def test_something_else_than_its_digest_says(server: ScriptedServer) -> None:
    server.script[AT] = Answer(200, CONTENT[:-1] + b"x")
    assert refused(lambda: fetch(server, whole([]))).code == "registry_digest_mismatch"
    fetch(server, lambda body: None)  # of what was not read nobody can tell


def test_no_further_than_the_limits(server: ScriptedServer) -> None:
    parts: list[bytes] = []
    assert fetch(server, whole(parts), limit=25_000) == 25_000
    assert b"".join(parts) == CONTENT[:25_000] + b"part"
    parts.clear()
    assert fetch(server, whole(parts), seconds=0.0) == 0
    assert parts == [b"part"]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Answer(404, {"errors": [{"code": "BLOB_UNKNOWN"}]}), "image_incomplete"),
        (Answer(503, "tired"), "registry_server_error"),
        (Answer(200, CONTENT[:5000], declared=len(CONTENT)), "registry_reset"),
    ],
)
def test_other_answers(server: ScriptedServer, answer: Answer, code: str) -> None:
    server.script[AT] = answer
    assert refused(lambda: fetch(server, whole([]))).code == code


def test_layers_often_lie_elsewhere(server: ScriptedServer) -> None:
    with scripted_server() as storage:
        storage.script["/signed"] = Answer(200, CONTENT)
        server.script[AT] = Answer(307, "", {"Location": f"{storage.url}/signed"})
        parts: list[bytes] = []
        assert fetch(server, whole(parts)) == len(CONTENT) and parts[-1] == b"whole"
