"""The registries of the tests, with their good and bad images, do what the other tests rely on."""

from __future__ import annotations

import http.client
import ssl

import pytest

from tests.services.engine_api import outcome
from tests.services.images import ImageSpec
from tests.services.registry import Registry

pytestmark = pytest.mark.real


@pytest.mark.parametrize("kind", ["open", "basic", "token", "tls"])
def test_pull_with_rights(engine, registries, kind):
    registry: Registry = getattr(registries, kind)
    credentials = ("puller", registry.users["puller"]) if registry.users else ()
    reference = registry.reference("team/tiny:1")
    engine.remove_image(reference)
    assert "Status:" in outcome(engine.pull(reference, *credentials))
    digest = registry.image("team/tiny:1").digest
    assert f"{registry.address}/team/tiny@{digest}" in engine.inspect(reference)["RepoDigests"]


@pytest.mark.parametrize(
    ("kind", "credentials", "text"),
    [
        ("basic", (), "no basic auth credentials"),
        ("basic", ("puller", "wrong"), "unauthorized"),
        ("token", (), "pull access denied"),
        ("token", ("denied", "denied-s3cret"), "pull access denied"),
        ("token", ("puller", "wrong"), "incorrect username or password"),
    ],
)
def test_no_pull_without_rights(engine, registries, kind, credentials, text):
    assert text in outcome(engine.pull(getattr(registries, kind).reference("team/oci:1"), *credentials))


def test_anybody_pulls_public_images_with_a_token(engine, registries):
    assert "Status:" in outcome(engine.pull(registries.token.reference("library/tiny:1")))
    assert "- repository:library/tiny:pull" in registries.token.token_server.requests


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("team/broken:1", "unknown blob"),
        ("team/corrupt:1", "filesystem layer verification failed"),
        ("team/armonly:1", "no matching manifest for linux/amd64"),
        ("team/mid:nosuch", "manifest unknown"),
    ],
)
def test_bad_images_fail(engine, registries, name, text):
    assert text in outcome(engine.pull(registries.open.reference(name)))


@pytest.mark.parametrize("name", ["team/multi:1", "team/multi:docker"])
def test_index_gives_the_engines_platform(engine, registries, name):
    index = registries.open.image(name)
    engine.pull(registries.open.reference(name))
    image = engine.inspect(registries.open.reference(name))
    assert image["Architecture"] == "amd64"
    layers = index.for_platform("linux/amd64").layers
    assert image["RootFS"]["Layers"] == [layer.diff_id for layer in layers]


def test_big_image_is_as_big_as_it_says(engine, registries):
    image = registries.open.image("team/big:1")
    assert len(image.layers) == 8
    assert image.compressed_size == pytest.approx(200_000_000, rel=0.01)
    events = engine.pull(registries.open.reference("team/big:1"))
    totals = {event["id"]: event["progressDetail"]["total"] for event in events if event.get("status") == "Downloading"}
    assert totals == {layer.short: layer.size for layer in image.layers}
    engine.wipe()
    assert engine.references() == []


def test_tag_moves_and_goes(engine, registries):
    registry = registries.open
    first = registry.push_image(ImageSpec.sized("team/moving", "1", [100_000]))
    second = registry.push_image(ImageSpec.sized("team/moving", "1", [200_000]))
    assert first.digest != second.digest
    engine.pull(registry.reference("team/moving:1"))
    digests = engine.inspect(registry.reference("team/moving:1"))["RepoDigests"]
    assert digests == [f"{registry.address}/team/moving@{second.digest}"]
    registry.delete_tag("team/moving", "1")
    assert "manifest unknown" in outcome(engine.pull(registry.reference("team/moving:1")))


def test_requests_are_counted_and_a_stopped_registry_refuses(engine, registries):
    registry = registries.open
    registry.clear_log()
    engine.pull(registry.reference("team/oci:1"))
    assert registry.request_count("^(HEAD|GET) /v2/team/oci/manifests/1 200$") == 1
    registry.stop()
    try:
        assert "connection refused" in outcome(engine.pull(registry.reference("team/oci:1")))
    finally:
        registry.start()
    assert "Status:" in outcome(engine.pull(registry.reference("team/oci:1")))


def test_tls_certificate_is_the_registrys_own(registries):
    registry = registries.tls
    context = ssl.create_default_context(cadata=registry.ca_pem)
    connection = http.client.HTTPSConnection("127.0.0.1", registry.port, timeout=5, context=context)
    connection.request("GET", "/v2/")
    assert connection.getresponse().status == 200
    connection.close()
