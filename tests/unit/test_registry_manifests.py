"""Reading manifests, indexes and configs: every form that registries hand out, and every form that they must not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagelib.registry import Blob, Manifest, Platform, RegistryError
from imagelib.registry.manifests import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
    ImageManifest,
    Index,
    check_digest,
    digest_of,
    parse_config,
    parse_json,
    parse_manifest,
)

DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"


def digest(number: int) -> str:
    return f"sha256:{number:064x}"


def layer(number: int, size: Any = 100, media_type: str = "application/vnd.oci.image.layer.v1.tar+gzip") -> dict:
    return {"mediaType": media_type, "digest": digest(number), "size": size}


def image(*layers: dict, **changes: Any) -> dict:
    config = {"mediaType": DOCKER_CONFIG, "digest": digest(99), "size": 1470}
    return {"schemaVersion": 2, "mediaType": DOCKER_MANIFEST, "config": config, "layers": list(layers)} | changes


def entry(number: int, platform: Any, media_type: str = OCI_MANIFEST) -> dict:
    return {"mediaType": media_type, "digest": digest(number), "size": 500, "platform": platform}


def index(*entries: dict, **changes: Any) -> dict:
    return {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(entries)} | changes


def parse(document: Any, content_type: str = "") -> Index | ImageManifest:
    return parse_manifest(json.dumps(document).encode(), content_type)


def refused(document: Any, content_type: str = "") -> RegistryError:
    with pytest.raises(RegistryError) as caught:
        parse(document, content_type)
    return caught.value


def test_a_manifest_gives_its_layers_bottom_first_and_its_config() -> None:
    found = parse(image(layer(1, 10), layer(2, 20)))

    assert found == ImageManifest(
        DOCKER_MANIFEST, Blob(digest(99), 1470), (Blob(digest(1), 10), Blob(digest(2), 20)), sizes_known=True
    )


@pytest.mark.parametrize(
    "media_type",
    [
        "application/vnd.oci.image.layer.v1.tar+zstd",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    ],
)
def test_layers_of_any_compression_or_origin_count(media_type: str) -> None:
    found = parse(image(layer(1, 10, media_type)))

    assert isinstance(found, ImageManifest)
    assert found.layers == (Blob(digest(1), 10),)


def test_a_layer_without_a_size_makes_the_total_a_lower_bound() -> None:
    nameless = layer(2)
    del nameless["size"]
    found = parse(image(layer(1, 10), nameless))

    assert isinstance(found, ImageManifest)
    assert found.layers[1] == Blob(digest(2), 0)
    assert not found.sizes_known


def test_a_repeated_layer_is_downloaded_once() -> None:
    layers = (Blob(digest(1), 10), Blob(digest(2), 20), Blob(digest(1), 10))
    manifest = Manifest(digest(5), digest(5), OCI_MANIFEST, layers, Blob(digest(9), 1))

    assert manifest.layers_size == 30
    assert manifest.distinct_layers == layers[:2]


@pytest.mark.parametrize("media_type", [OCI_INDEX, DOCKER_LIST])
def test_an_index_gives_its_platforms(media_type: str) -> None:
    entries = (
        entry(1, {"os": "linux", "architecture": "amd64"}),
        entry(2, {"os": "linux", "architecture": "arm64", "variant": "v8"}),
    )
    found = parse(index(*entries, mediaType=media_type))

    assert isinstance(found, Index)
    assert found.media_type == media_type
    assert [(item.digest, str(item.platform)) for item in found.entries] == [
        (digest(1), "linux/amd64"),
        (digest(2), "linux/arm64/v8"),
    ]


def test_an_index_leaves_out_attestations_and_nested_indexes() -> None:
    amd64 = {"os": "linux", "architecture": "amd64"}
    attestation = entry(2, {"os": "unknown", "architecture": "unknown"})
    found = parse(index(entry(1, amd64), attestation, entry(3, amd64, OCI_INDEX)))

    assert isinstance(found, Index)
    assert [item.digest for item in found.entries] == [digest(1)]


@pytest.mark.parametrize(("platform", "expected"), [({"os": "", "architecture": "arm64"}, "linux/arm64"), ({}, None)])
def test_a_platform_without_a_system_is_linux_and_one_without_architecture_is_none(
    platform: dict, expected: str | None
) -> None:
    found = parse(index(entry(1, platform)))

    assert isinstance(found, Index)
    assert found.entries[0].platform == (Platform.parse(expected) if expected else None)


def test_the_header_names_the_type_when_the_document_does_not() -> None:
    document = image()
    del document["mediaType"]

    assert parse(document, f"{OCI_MANIFEST}; charset=utf-8").media_type == OCI_MANIFEST
    assert parse(document).media_type == OCI_MANIFEST
    assert parse({"schemaVersion": 2, "manifests": []}).media_type == OCI_INDEX


@pytest.mark.parametrize(
    "document", [{"schemaVersion": 1, "fsLayers": [], "history": []}, {"fsLayers": []}, {"schemaVersion": 1}]
)
def test_schema_1_is_refused_by_name(document: dict) -> None:
    assert refused(document).code == "schema1_unsupported"


def test_an_artifact_that_is_not_an_image_is_refused_by_name() -> None:
    chart = {"mediaType": "application/vnd.cncf.helm.config.v1+json", "digest": digest(1), "size": 1}
    error = refused(image(config=chart))

    assert error.code == "not_an_image"
    assert "helm" in error.evidence


def test_a_document_that_is_index_and_manifest_at_once_is_refused() -> None:
    assert refused(image() | index()).code == "registry_bad_answer"


@pytest.mark.parametrize(
    "document",
    [
        [],
        "text",
        None,
        {},
        {"schemaVersion": 2},
        index() | {"manifests": {}},
        index() | {"manifests": ["text"]},
        index({"digest": "sha256:short", "platform": {"os": "linux", "architecture": "amd64"}}),
        index({"digest": "../../secret"}),
        image(layers=None),
        image(layers=[1]),
        image(config=None),
        image(config={"digest": "md5:1"}),
        image(layer(1, -1)),
        image(layer(1, 1.5)),
        image(layer(1, "100")),
        image(layer(1, True)),
        image({"size": 5}),
    ],
)
def test_malformed_documents_are_bad_answers(document: Any) -> None:
    assert refused(document).code == "registry_bad_answer"


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff\xfe", b'{"a":', b"[" * 200_000, b"1" * 5000])
def test_what_is_not_json_is_a_bad_answer(body: bytes) -> None:
    with pytest.raises(RegistryError, match="registry_bad_answer"):
        parse_json(body)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["schemaVersion", "manifests", "layers", "config", "digest", "size", "platform", "os"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(json_values)
def test_no_document_gets_past_as_anything_but_an_image_an_index_or_a_registry_error(document: Any) -> None:
    try:
        assert isinstance(parse(document), Index | ImageManifest)
    except RegistryError as error:
        assert error.code in {"registry_bad_answer", "schema1_unsupported", "not_an_image"}


def test_a_config_gives_platform_and_uncompressed_layers() -> None:
    body = json.dumps(
        {"os": "linux", "architecture": "arm64", "variant": "v8", "rootfs": {"diff_ids": [digest(1), digest(2)]}}
    ).encode()

    config = parse_config(body)

    assert str(config.platform) == "linux/arm64/v8"
    assert config.diff_ids == (digest(1), digest(2))


@pytest.mark.parametrize("rootfs", [None, [], {}, {"diff_ids": None}, {"diff_ids": [1]}])
def test_a_config_without_layer_digests_is_a_bad_answer(rootfs: Any) -> None:
    with pytest.raises(RegistryError, match="registry_bad_answer"):
        parse_config(json.dumps({"architecture": "amd64", "os": "linux", "rootfs": rootfs}).encode())


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_a_digest_is_checked_with_its_own_algorithm(algorithm: str) -> None:
    expected = digest_of(b"body", like=f"{algorithm}:")

    assert check_digest(b"body", expected) == expected
    with pytest.raises(RegistryError, match="registry_digest_mismatch"):
        check_digest(b"other", expected)


@pytest.mark.parametrize("text", ["linux", "linux/", "/amd64", "a/b/c/d", "", "linux//v8"])
def test_what_is_no_platform_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a platform"):
        Platform.parse(text)


@pytest.mark.parametrize("text", ["linux/amd64", "linux/arm/v7", "windows/amd64"])
def test_a_platform_reads_as_it_is_written(text: str) -> None:
    assert str(Platform.parse(text)) == text
