"""Names of images that are built, and the arguments that their Dockerfiles get."""

from __future__ import annotations

import pytest

from builds.naming import base_reference, build_arguments, image_reference, image_repository
from imagelib.addresses import AddressError, parse

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("host", "namespace", "base_image", "suffix", "repository"),
    [
        ("registry.example.com", "team", "scipy-notebook", "", "registry.example.com/team/scipy-notebook"),
        ("registry.example.com", "team", "scipy-notebook", "qlora", "registry.example.com/team/scipy-notebook-qlora"),
        ("registry.example.com:5000/lab", "a/b", "x", "y.z", "registry.example.com:5000/lab/a/b/x-y.z"),
        ("registry.example.com", "", "x", "", "registry.example.com/x"),
        ("REGISTRY.example.com", "", "x", "", "registry.example.com/x"),
        ("docker.io", "", "x", "", "docker.io/library/x"),
    ],
)
def test_an_image_is_named_after_target_and_base(
    host: str, namespace: str, base_image: str, suffix: str, repository: str
) -> None:
    assert image_repository(host=host, namespace=namespace, base_image=base_image, suffix=suffix) == repository


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"base_image": "x:1"}, "repository_invalid"),
        ({"base_image": "team/x"}, "repository_invalid"),
        ({"base_image": ""}, "repository_invalid"),
        ({"base_image": "", "namespace": ""}, "repository_invalid"),
        ({"base_image": "Notebook"}, "repository_uppercase"),
        ({"base_image": "x@sha256:" + "0" * 64}, "repository_invalid"),
        ({"suffix": "a/b"}, "repository_invalid"),
        ({"suffix": "-"}, "repository_invalid"),
        ({"suffix": "a b"}, "whitespace"),
        ({"namespace": "team:1"}, "tag_invalid"),
        ({"namespace": "team//x"}, "path_empty_part"),
        ({"host": "user:word@registry.example.com"}, "credentials_present"),
        ({"namespace": "n" * 255}, "repository_too_long"),
    ],
)
def test_no_part_brings_more_along_than_it_is(change: dict[str, str], code: str) -> None:
    parts = {"host": "registry.example.com", "namespace": "team", "base_image": "x", "suffix": ""} | change
    with pytest.raises(AddressError) as refused:
        image_repository(**parts)
    assert refused.value.code == code


def test_the_tag_has_the_bases_tag_and_the_revision() -> None:
    reference = image_reference("registry.example.com/team/x", base_tag="python-3.11", revision=COMMIT)
    assert reference == f"registry.example.com/team/x:python-3.11-{COMMIT}"
    assert parse(reference).tag == f"python-3.11-{COMMIT}"


@pytest.mark.parametrize("base_tag", ["", "-1", "a b", "a:b", "t" * 88, "ü"])
def test_a_tag_that_no_registry_takes_is_refused(base_tag: str) -> None:
    with pytest.raises(AddressError) as refused:
        image_reference("registry.example.com/team/x", base_tag=base_tag, revision=COMMIT)
    assert refused.value.code == "tag_invalid"


def test_the_longest_tag_is_taken() -> None:
    reference = image_reference("registry.example.com/x", base_tag="t" * 87, revision=COMMIT)
    assert len(parse(reference).tag or "") == 128


@pytest.mark.parametrize(
    ("registry", "namespace", "reference"),
    [
        ("quay.io", "jupyter", "quay.io/jupyter/notebook:1"),
        ("", "", "docker.io/library/notebook:1"),
        ("localhost:5000", "", "localhost:5000/notebook:1"),
    ],
)
def test_the_base_is_one_image(registry: str, namespace: str, reference: str) -> None:
    assert (
        base_reference(base_registry=registry, base_namespace=namespace, base_image="notebook", base_tag="1")
        == reference
    )


def test_the_base_needs_a_tag() -> None:
    with pytest.raises(AddressError):
        base_reference(base_registry="", base_namespace="", base_image="notebook", base_tag="")


def test_a_dockerfile_gets_both_spellings() -> None:
    assert build_arguments(base_registry="quay.io", base_namespace="jupyter", base_image="x", base_tag="1") == {
        "BASE_REGISTORY": "quay.io",
        "BASE_REGISTRY": "quay.io",
        "BASE_NAMESPACE": "jupyter",
        "BASE_IMAGE": "x",
        "BASE_TAG": "1",
    }


@pytest.mark.parametrize(
    ("registry", "namespace", "joined"),
    [
        ("", "", "docker.io/library"),
        ("", "pytorch", "docker.io/pytorch"),
        ("docker.io", "", "docker.io/library"),
        ("localhost:5000", "", "localhost:5000/"),
    ],
)
def test_arguments_can_be_joined_by_slashes(registry: str, namespace: str, joined: str) -> None:
    arguments = build_arguments(base_registry=registry, base_namespace=namespace, base_image="x", base_tag="1")
    assert f"{arguments['BASE_REGISTRY']}/{arguments['BASE_NAMESPACE']}" == joined
