"""A page that waits for a registry: all answers together have one deadline, and a digest costs one request."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from imagelib.inspection import check_address
from imagelib.registry import RegistryClient
from imagelib.registry.manifests import OCI_INDEX
from tests.integration.scripted_image import CONFIG, CONFIG_BODY, IMAGE, MANIFEST, digest, refused
from tests.integration.scripted_server import Answer, Handler, ScriptedServer

BODY = json.dumps(IMAGE).encode()
LONG = 120.0  # seconds
PATIENT: dict[str, Any] = {"timeout": (LONG, LONG), "answer_seconds": LONG}
PLATFORMS = [{"os": "linux", "architecture": f"cpu{number}"} for number in range(16)]
INDEX = {
    "schemaVersion": 2,
    "mediaType": OCI_INDEX,
    "manifests": [
        {"digest": digest(BODY + b" " * number), "size": 1, "platform": platform}
        for number, platform in enumerate(PLATFORMS)
    ],
}


def serve(server: ScriptedServer, *, pause: float = 0.0, quick: int = 0) -> None:
    """The index and its manifests, each of which takes `pause` seconds but for the first ones."""

    def manifest(handler: Handler) -> Answer:
        number = next(n for n, item in enumerate(INDEX["manifests"]) if handler.path.endswith(item["digest"]))
        server.released.wait(0.0 if number < quick else pause)
        return Answer(200, BODY + b" " * number, {"Content-Type": IMAGE["mediaType"]})

    server.script = {
        MANIFEST: Answer(200, INDEX, {"Content-Type": OCI_INDEX}),
        "/v2/team/app/manifests/sha256:.*": manifest,
        f"/v2/team/app/blobs/{CONFIG.digest}": Answer(200, CONFIG_BODY),
    }


def test_a_slow_registry_is_given_up_in_time_and_what_it_said_is_kept(server: ScriptedServer) -> None:
    serve(server, pause=LONG, quick=1)
    start = time.monotonic()
    with RegistryClient(server.address, **PATIENT, total_seconds=3.0) as client:
        found = client.describe("team/app", "1")
    assert time.monotonic() - start < LONG / 2
    assert len(found.manifests) == 1
    assert len(found.platforms) == 16
    assert found.digest == digest(json.dumps(INDEX).encode())


def test_the_deadline_is_for_all_requests_of_a_client(server: ScriptedServer) -> None:
    serve(server, pause=LONG, quick=1)
    one, two = (item["digest"] for item in INDEX["manifests"][:2])
    start = time.monotonic()
    with RegistryClient(server.address, **PATIENT, total_seconds=3.0) as client:
        client.describe("team/app", one, sizes_for=())
        assert refused(lambda: client.describe("team/app", two, sizes_for=())).code == "registry_timeout"
        assert refused(client.ping).code == "registry_timeout"
    assert time.monotonic() - start < LONG / 2
    assert [path.rpartition("/")[2] for path in server.paths()] == [one, two], "no time was left for the ping"


def test_somebody_who_checks_an_address_waits_ten_seconds_at_most(server: ScriptedServer, db: None) -> None:
    serve(server, pause=4, quick=1)
    start = time.monotonic()
    answer = check_address(f"{server.address}/team/app:1")
    assert time.monotonic() - start < 30, "all sixteen would take a minute"
    assert (answer["reachable"], answer["exists"], answer["error"]) == (True, True, None)
    sizes = [item["size_bytes"] for item in answer["platforms"]]
    assert len(sizes) == 16 and sizes[0] == 1234 and sizes[-1] is None


@pytest.mark.parametrize("reference", ["1", INDEX["manifests"][0]["digest"]])
def test_a_digest_alone_costs_one_request(server: ScriptedServer, reference: str) -> None:
    serve(server)
    with RegistryClient(server.address) as client:
        found = client.describe("team/app", reference, sizes_for=())
    assert found.digest == (digest(json.dumps(INDEX).encode()) if reference == "1" else reference)
    assert found.manifests == ()
    assert server.paths() == [f"/v2/team/app/manifests/{reference}"]
