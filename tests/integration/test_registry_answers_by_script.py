"""The registry client against a scripted server: answers as real registries misbehave."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from imagelib.registry import Platform, RegistryClient
from imagelib.registry.manifests import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from tests.integration.scripted_image import (
    AMD64,
    CONFIG,
    CONFIG_BODY,
    IMAGE,
    MANIFEST,
    digest,
    failed_resolve,
    refused,
)
from tests.integration.scripted_server import Answer, Handler, ScriptedServer, scripted_server
from tests.support.limits import at_most

IS_REGISTRY = {"Docker-Distribution-Api-Version": "registry/2.0"}


@pytest.fixture
def other() -> Iterator[ScriptedServer]:
    """Another origin: the same host with another port."""
    with scripted_server() as server:
        yield server


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Answer(200, "<html>It works!</html>", {"Content-Type": "text/html"}), "registry_bad_answer"),
        (Answer(200, "{"), "registry_bad_answer"),
        (Answer(200, {"schemaVersion": 1, "fsLayers": []}), "schema1_unsupported"),
        (Answer(200, IMAGE, {"Docker-Content-Digest": digest(b"other")}), "registry_digest_mismatch"),
        (Answer(200, IMAGE, {"Docker-Content-Digest": "md5:1"}), "registry_digest_mismatch"),
        (Answer(200, json.dumps(IMAGE) + " " * 4 * 1024 * 1024), "registry_bad_answer"),
        (Answer(200, IMAGE, declared=10_000), "registry_reset"),
        (Answer(302, "", {"Location": "ftp://127.0.0.1/x"}), "registry_bad_answer"),
        (Answer(302, "", {"Location": "http://[broken/"}), "registry_bad_answer"),
        (Answer(302, ""), "registry_bad_answer"),
        (Answer(307, "", {"Location": MANIFEST}), "registry_bad_answer"),  # for ever
        (Answer(404, "404 page not found"), "registry_bad_answer"),
        (Answer(404, "", IS_REGISTRY), "image_not_found"),
        (Answer(404, {"errors": [{"code": "NAME_UNKNOWN"}]}), "repository_not_found"),
        (Answer(401, "who are you"), "registry_bad_answer"),
        (Answer(401, "", {"WWW-Authenticate": "Negotiate"}), "registry_bad_answer"),
        (Answer(401, "", {"WWW-Authenticate": 'Bearer realm="token"'}), "registry_bad_answer"),
        (Answer(429, "", {"Retry-After": "30"}), "registry_rate_limited"),
        (Answer(502, "<h1>Bad Gateway</h1>"), "registry_server_error"),
        (Answer(400, {"errors": [{"code": "NAME_INVALID"}]}), "registry_bad_answer"),
    ],
)
def test_the_code_of_an_answer(server: ScriptedServer, answer: Answer, code: str) -> None:
    server.script[MANIFEST] = answer

    assert failed_resolve(server).code == code


def test_redirects_end_after_five(server: ScriptedServer) -> None:
    server.script[MANIFEST] = Answer(307, "", {"Location": MANIFEST})
    failed_resolve(server)

    assert len(server.asked) == 6


def test_a_manifest_without_a_digest_header_gets_the_digest_of_its_body(server: ScriptedServer) -> None:
    body = json.dumps(IMAGE).encode()
    server.script[MANIFEST] = Answer(200, body)
    server.script[f"/v2/team/app/manifests/{digest(body)}"] = Answer(200, body)
    server.script[f"/v2/team/app/manifests/{digest(b'x')}"] = Answer(200, body, {"Docker-Content-Digest": digest(body)})
    with RegistryClient(server.address) as client:
        assert client.resolve("team/app", "1", platform=AMD64).digest == digest(body)
        assert client.resolve("team/app", digest(body), platform=AMD64).digest == digest(body)
        error = refused(lambda: client.resolve("team/app", digest(b"x"), platform=AMD64))
    assert error.code == "registry_digest_mismatch"


def test_all_four_media_types_are_accepted_uncompressed(server: ScriptedServer) -> None:
    server.script[MANIFEST] = Answer(200, IMAGE)
    with RegistryClient(server.address) as client:
        client.resolve("team/app", "1", platform=AMD64)

    headers = server.asked[0].headers
    assert set(headers["accept"].split(", ")) == {OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST}
    assert headers["accept-encoding"] == "identity"


def test_a_partly_copied_index_describes_what_is_there(server: ScriptedServer) -> None:
    body = json.dumps(IMAGE).encode()
    entries = [
        {"digest": digest(body), "mediaType": OCI_MANIFEST, "platform": {"os": "linux", "architecture": "amd64"}},
        {"digest": digest(b"gone"), "mediaType": OCI_MANIFEST, "platform": {"os": "linux", "architecture": "arm64"}},
    ]
    server.script[MANIFEST] = Answer(200, {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries})
    server.script[f"/v2/team/app/manifests/{digest(body)}"] = Answer(200, body)
    server.script[".*"] = Answer(404, {"errors": [{"code": "MANIFEST_UNKNOWN"}]})
    with RegistryClient(server.address) as client:
        found = client.describe("team/app", "1")
        missing = refused(lambda: client.resolve("team/app", "1", platform=Platform("linux", "arm64")))

    assert [str(platform) for platform in found.platforms] == ["linux/amd64", "linux/arm64"]
    assert [(manifest.digest, manifest.manifest_digest) for manifest in found.manifests] == [
        (found.digest, digest(body))
    ]
    assert found.digest != digest(body)
    assert missing.code == "image_incomplete"


def test_a_description_that_is_cut_short_by_the_rate_limit_fails(server: ScriptedServer) -> None:
    entries = [{"digest": digest(b"x"), "platform": {"os": "linux", "architecture": "amd64"}}]
    server.script[MANIFEST] = Answer(200, {"manifests": entries})
    server.script[".*"] = Answer(429)
    with RegistryClient(server.address) as client:
        assert refused(lambda: client.describe("team/app", "1")).code == "registry_rate_limited"


def test_a_description_reads_at_most_sixteen_platforms(server: ScriptedServer) -> None:
    body = json.dumps(IMAGE).encode()
    entries = [
        {"digest": digest(body), "platform": {"os": "linux", "architecture": f"cpu{number}"}} for number in range(40)
    ]
    server.script[MANIFEST] = Answer(200, {"manifests": entries})
    server.script[".*"] = Answer(200, body)
    with RegistryClient(server.address) as client:
        found = client.describe("team/app", "1")

    assert (len(found.platforms), len(found.manifests), len(server.asked)) == (40, 16, 17)


def test_an_index_that_leads_to_an_index_is_refused(server: ScriptedServer) -> None:
    body = json.dumps({"manifests": []}).encode()
    entries = [{"digest": digest(body), "platform": {"os": "linux", "architecture": "amd64"}}]
    server.script[MANIFEST] = Answer(200, {"manifests": entries})
    server.script[".*"] = Answer(200, body)

    assert failed_resolve(server).code == "registry_bad_answer"


def test_a_wrong_config_is_noticed(server: ScriptedServer) -> None:
    server.script[".*"] = Answer(200, CONFIG_BODY + b" ")
    with RegistryClient(server.address) as client:
        assert refused(lambda: client.diff_ids("team/app", CONFIG)).code == "registry_digest_mismatch"


def test_ping_takes_no_web_page_for_a_registry(server: ScriptedServer) -> None:
    server.script["/v2/"] = Answer(200, "<html>Welcome</html>", {"Content-Type": "text/html; charset=utf-8"})
    with RegistryClient(server.address) as client:
        error = refused(client.ping)
        assert (error.code, error.evidence) == ("registry_bad_answer", "HTTP 200: Welcome")
        server.script["/v2/"] = Answer(200, {})
        client.ping()


def test_pages_of_tags_are_followed_on_this_registry_only(server: ScriptedServer, other: ScriptedServer) -> None:
    tags = "/v2/team/app/tags/list"
    server.script[rf"{tags}\?n=3"] = Answer(
        200, {"tags": ["a", "b"]}, {"Link": f'<{other.url}{tags}?last=b>; rel="next"'}
    )
    server.script[rf"{tags}\?last=b"] = Answer(200, {"tags": ["c", "d"]})
    with RegistryClient(server.address) as client:
        assert client.tags("team/app", limit=3) == ["a", "b", "c"]
    assert not other.asked


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        (Answer(200, {"tags": None}), []),
        (Answer(200, {"tags": []}, {"Link": '</v2/team/app/tags/list?again>; rel="next"'}), []),
        (Answer(200, {"tags": "a"}), "registry_bad_answer"),
        (Answer(200, {"tags": [1]}), "registry_bad_answer"),
        (Answer(200, {"tags": ["a"]}, {"Link": '<mailto:.evil.test/>; rel="next"'}), "registry_bad_answer"),
        (Answer(200, {"tags": ["a"]}, {"Link": 'rel="next"'}), ["a"]),
    ],
)
def test_odd_pages_of_tags(server: ScriptedServer, page: Answer, expected: list[str] | str) -> None:
    server.script["/v2/team/app/tags/list.*"] = page
    with RegistryClient(server.address) as client:
        if isinstance(expected, list):
            assert client.tags("team/app") == expected
        else:
            assert refused(lambda: client.tags("team/app")).code == expected


def test_a_trickle_ends(server: ScriptedServer) -> None:
    def trickle(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        while not handler.server.released.wait(0.1):
            handler.wfile.write(b" ")

    server.script[MANIFEST] = trickle
    with at_most(30):
        assert failed_resolve(server, timeout=(60.0, 60.0), answer_seconds=1.0).code == "registry_timeout"
