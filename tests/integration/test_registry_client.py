"""The registry client against real registries: open, basic, token, TLS; and what an engine says of the same images."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from imagelib.registry import Blob, Platform, RegistryClient, RegistryError
from imagelib.registry.manifests import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from tests.services.engine import RealEngine
from tests.services.fault_proxy import FaultProxy
from tests.services.images import BuiltImage, BuiltIndex, ImageSpec
from tests.services.layers import LayerSpec
from tests.services.registries import Registries
from tests.services.registry import Registry
from tests.support.limits import at_most

pytestmark = pytest.mark.real

AMD64 = Platform("linux", "amd64")
ARM64 = Platform("linux", "arm64")
PULLER = {"username": "puller", "password": "pull-s3cret"}


def refused(action: Callable[[], object]) -> RegistryError:
    with pytest.raises(RegistryError) as caught:
        action()
    return caught.value


def built_image(registry: Registry, name: str) -> BuiltImage:
    found = registry.image(name)
    assert isinstance(found, BuiltImage)
    return found


def built_index(registry: Registry, name: str) -> BuiltIndex:
    found = registry.image(name)
    assert isinstance(found, BuiltIndex)
    return found


@pytest.mark.parametrize(("name", "media_type"), [("team/mid", DOCKER_MANIFEST), ("team/oci", OCI_MANIFEST)])
def test_a_manifest_gives_exact_sizes(registries: Registries, name: str, media_type: str) -> None:
    built = built_image(registries.open, f"{name}:1")
    with RegistryClient(registries.open.address) as client:
        manifest = client.resolve(name, "1", platform=AMD64)
        by_digest = client.resolve(name, built.digest, platform=AMD64)

    assert manifest == by_digest
    assert (manifest.digest, manifest.manifest_digest) == (built.digest, built.digest)
    assert manifest.media_type == media_type
    assert manifest.layers == tuple(Blob(layer.digest, layer.size) for layer in built.layers)
    assert manifest.config == Blob(built.config.digest, built.config.size)
    assert manifest.layers_size == built.compressed_size
    assert manifest.sizes_known


@pytest.mark.parametrize(("tag", "media_type"), [("1", OCI_INDEX), ("docker", DOCKER_LIST)])
def test_an_index_leads_to_the_manifest_of_the_platform(registries: Registries, tag: str, media_type: str) -> None:
    index = built_index(registries.open, f"team/multi:{tag}")
    with RegistryClient(registries.open.address) as client:
        for platform in (AMD64, ARM64):
            manifest = client.resolve("team/multi", tag, platform=platform)
            member = index.for_platform(str(manifest.platform))
            assert manifest.digest == index.digest
            assert manifest.manifest_digest == member.digest
            assert manifest.layers_size == member.compressed_size
        assert client.describe("team/multi", tag).media_type == media_type


@pytest.mark.parametrize("name", ["team/multi:1", "team/multi:docker", "team/mid:1"])
def test_an_engine_reports_the_digest_that_resolve_calls_digest(
    registries: Registries, engine: RealEngine, name: str
) -> None:
    repository, tag = name.split(":")
    with RegistryClient(registries.open.address) as client:
        manifest = client.resolve(repository, tag, platform=AMD64)
        diff_ids = client.diff_ids(repository, manifest.config)
    engine.wipe()
    engine.pull(registries.open.reference(name))

    found = engine.inspect(registries.open.reference(name))

    assert found is not None
    assert found["RepoDigests"] == [f"{registries.open.address}/{repository}@{manifest.digest}"]
    assert tuple(found["RootFS"]["Layers"]) == diff_ids


def test_a_platform_that_is_missing_is_named_with_those_that_are_there(
    registries: Registries, engine: RealEngine
) -> None:
    with RegistryClient(registries.open.address) as client:
        error = refused(lambda: client.resolve("team/armonly", "1", platform=AMD64))

    assert error.code == "platform_missing"
    assert error.params == {"wanted": "linux/amd64", "platforms": ["linux/arm64/v8"]}
    assert "no matching manifest" in engine.pull(registries.open.reference("team/armonly:1"))[-1]["error"]


def test_a_single_manifest_of_another_platform_resolves_and_its_config_tells(registries: Registries) -> None:
    with RegistryClient(registries.open.address) as client:
        manifest = client.resolve("team/armplain", "1", platform=AMD64)
        assert manifest.platform is None
        assert client.image_config("team/armplain", manifest.config).platform == Platform("linux", "arm64", "v8")
        assert client.describe("team/armplain", "1").platforms == (Platform("linux", "arm64", "v8"),)


def test_a_description_holds_every_platform_with_its_size(registries: Registries) -> None:
    index = built_index(registries.open, "team/multi:1")
    with RegistryClient(registries.open.address) as client:
        whole = client.describe("team/multi", "1")
        part = client.describe("team/multi", "1", sizes_for=[ARM64])

    assert whole.digest == index.digest
    assert [str(platform) for platform in whole.platforms] == ["linux/amd64", "linux/arm64/v8"]
    assert [manifest.layers_size for manifest in whole.manifests] == [m.compressed_size for m in index.members]
    assert part.platforms == whole.platforms
    assert part.manifests == whole.manifests[1:]


def test_diff_ids_match_the_layers(registries: Registries) -> None:
    built = built_image(registries.open, "team/mid:2")
    with RegistryClient(registries.open.address) as client:
        config = client.resolve("team/mid", "2", platform=AMD64).config
        assert client.diff_ids("team/mid", config) == tuple(layer.diff_id for layer in built.layers)


def test_tags_are_listed_up_to_the_limit_over_several_pages(registries: Registries) -> None:
    with RegistryClient(registries.open.address) as client:
        assert sorted(client.tags("team/mid")) == ["1", "2"]
        assert len(client.tags("team/mid", limit=1)) == 1
        assert refused(lambda: client.tags("team/nosuch")).code == "repository_not_found"


@pytest.mark.parametrize(("repository", "reference"), [("team/nosuch", "1"), ("team/mid", "nosuch")])
def test_a_missing_image_is_not_found(registries: Registries, repository: str, reference: str) -> None:
    with RegistryClient(registries.open.address) as client:
        error = refused(lambda: client.resolve(repository, reference, platform=AMD64))

    assert error.code == "image_not_found"
    assert error.evidence == "HTTP 404: MANIFEST_UNKNOWN: manifest unknown"


def test_a_config_that_is_gone_makes_the_image_incomplete(registries: Registries) -> None:
    spec = ImageSpec("team/no-config", "1", (LayerSpec("no-config", 10_000),), busybox=False)
    built = registries.open.push_image(spec)
    with RegistryClient(registries.open.address) as client:
        manifest = client.resolve("team/no-config", "1", platform=AMD64)
        registries.open.remove_blob(built.config.digest)
        assert refused(lambda: client.diff_ids("team/no-config", manifest.config)).code == "image_incomplete"


def test_the_basic_registry(registries: Registries) -> None:
    address = registries.basic.address
    with RegistryClient(address, **PULLER) as client:
        client.ping()
        assert client.resolve("team/mid", "1", platform=AMD64).layers_size > 0
    with RegistryClient(address) as client:
        assert refused(client.ping).code == "registry_credentials_missing"
    with RegistryClient(address, username="puller", password="wrong") as client:
        assert refused(client.ping).code == "registry_unauthorized"
        assert refused(lambda: client.tags("team/mid")).code == "registry_unauthorized"


def test_the_token_registry(registries: Registries) -> None:
    address = registries.token.address
    with RegistryClient(address, **PULLER) as client:
        client.ping()
        assert client.resolve("team/mid", "1", platform=AMD64).layers_size > 0
    with RegistryClient(address) as client:
        assert client.resolve("library/tiny", "1", platform=AMD64).layers_size > 0
        assert refused(lambda: client.resolve("team/mid", "1", platform=AMD64)).code == "registry_credentials_missing"
    with RegistryClient(address, username="puller", password="wrong") as client:
        error = refused(lambda: client.resolve("team/mid", "1", platform=AMD64))
        assert error.code == "registry_unauthorized"
        assert error.evidence == "HTTP 401: incorrect username or password"
    with RegistryClient(address, username="denied", password="denied-s3cret") as client:
        client.ping()
        assert refused(lambda: client.resolve("team/mid", "1", platform=AMD64)).code == "registry_denied"


def test_one_token_serves_all_questions_about_a_repository(registries: Registries) -> None:
    registries.token.token_server.requests.clear()
    with RegistryClient(registries.token.address, **PULLER) as client:
        manifest = client.resolve("team/multi", "1", platform=AMD64)
        client.diff_ids("team/multi", manifest.config)
        client.tags("team/multi")
        client.resolve("team/mid", "1", platform=AMD64)

    assert registries.token.token_server.requests == [
        "puller repository:team/multi:pull",
        "puller repository:team/mid:pull",
    ]


def test_a_registry_with_a_ca_of_its_own(registries: Registries) -> None:
    tls = registries.tls
    with RegistryClient(tls.address, ca_pem=tls.ca_pem) as client:
        client.ping()
        assert client.resolve("team/mid", "1", platform=AMD64).layers_size > 0
    with RegistryClient(tls.address) as client:
        assert refused(client.ping).code == "registry_tls_unknown_ca"


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_an_insecure_registry_may_have_any_certificate(registries: Registries) -> None:
    with RegistryClient(registries.tls.address, insecure=True) as client:
        client.ping()


def test_a_plain_registry_where_a_ca_demands_tls(registries: Registries) -> None:
    with RegistryClient(registries.open.address, ca_pem=registries.tls.ca_pem) as client:
        assert refused(client.ping).code == "registry_plain_http"


def test_finding_the_scheme_does_not_wait(registries: Registries) -> None:
    for registry in (registries.open, registries.tls):
        with at_most(45), RegistryClient(registry.address, ca_pem=registry.ca_pem, timeout=(90.0, 90.0)) as client:
            client.ping()


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (429, "registry_rate_limited"),
        (403, "registry_denied"),
        (500, "registry_server_error"),
        (503, "registry_server_error"),
    ],
)
def test_a_failing_registry(
    registries: Registries, fault_proxy: Callable[..., FaultProxy], status: int, code: str
) -> None:
    proxy = fault_proxy(registries.open)
    proxy.answer(status, retry_after=42, message="not today", times=1)
    with RegistryClient(proxy.address) as client:
        error = refused(lambda: client.resolve("team/mid", "1", platform=AMD64))
        assert client.resolve("team/mid", "1", platform=AMD64).layers_size > 0

    assert error.code == code
    assert "not today" in error.evidence
    assert error.retry_after == 42


def test_a_registry_that_goes_silent_costs_one_read_timeout(
    registries: Registries, fault_proxy: Callable[..., FaultProxy]
) -> None:
    proxy = fault_proxy(registries.open)
    proxy.stall(match=".*")
    with at_most(30), RegistryClient(proxy.address, timeout=(10.0, 1.0)) as client:
        error = refused(client.ping)

    assert error.code == "registry_timeout"
    assert proxy.count(".*") == 1


def test_a_registry_that_breaks_off_or_is_gone(registries: Registries, fault_proxy: Callable[..., FaultProxy]) -> None:
    proxy = fault_proxy(registries.open)
    with RegistryClient(proxy.address) as client:
        client.ping()
        proxy.cut(after=300, match="manifests")
        assert refused(lambda: client.resolve("team/mid", "1", platform=AMD64)).code == "registry_reset"
        proxy.stop()
        assert refused(client.ping).code == "registry_refused"
