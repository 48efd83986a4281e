"""Which image an AppImage's name and tag mean: the rows that Kuscia documents, numbered as in our list of checks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidInput
from imagelib.addresses import AddressError, join_tag, parse
from imagelib.models import RegistryEndpoint
from imagelib.references import Effective, Endpoints

P = "private.registry.com"
S = f"{P}/secretflow"
H = "0123456789abcdef" * 4


def endpoint(text: str, *, is_default: bool = False, user: str = "") -> RegistryEndpoint:
    return RegistryEndpoint(name=text, endpoint=text, is_default=is_default, username=user, password=user)


def meaning(default: str | None, name: str, tag: str) -> Effective:
    rows = [endpoint(default, is_default=True, user="robot")] if default else []
    return Endpoints(rows).effective(join_tag(name, tag))


def reference(default: str | None, name: str, tag: str) -> str:
    return meaning(default, name, tag).reference.canonical


def test_p38_a_short_name_without_registries_is_on_docker_hub() -> None:
    assert reference(None, "secretflow/app", "v1") == "docker.io/secretflow/app:v1"


def test_p39_a_full_name_without_registries_stays() -> None:
    assert reference(None, f"{S}/app", "v1") == f"{S}/app:v1"


def test_p40_a_registry_without_namespace_replaces_the_namespace() -> None:
    assert reference(P, "secretflow/app", "v1") == f"{P}/app:v1"


def test_p41_a_bare_name_goes_below_the_registry() -> None:
    assert reference(S, "app", "v1") == f"{S}/app:v1"


def test_p42_the_same_namespace_is_not_doubled() -> None:
    assert reference(S, "secretflow/app", "v1") == f"{S}/app:v1"


def test_p43_another_namespace_is_replaced_and_warned_of() -> None:
    found = meaning(S, "test/app", "v1")
    assert found.reference.canonical == f"{S}/app:v1"
    assert "test" in str(found.warnings[0])


def test_p44_a_name_below_the_registry_stays() -> None:
    found = meaning(S, f"{S}/app", "v1")
    assert (found.reference.canonical, found.warnings) == (f"{S}/app:v1", ())


def test_p45_a_name_on_another_host_stays_and_is_warned_of() -> None:
    found = meaning(S, "public.aliyun.com/secretflow/app", "v1")
    assert found.reference.canonical == "public.aliyun.com/secretflow/app:v1"
    assert "public.aliyun.com" in str(found.warnings[0])


def test_p46_without_a_tag_it_is_latest_and_warned_of() -> None:
    found = meaning(S, "app", "")
    assert found.reference.canonical == f"{S}/app:latest"
    assert len(found.warnings) == 1


def test_p47_slashes_at_the_end_of_an_endpoint_are_not_doubled() -> None:
    assert reference(f"{S}/", "app", "v1") == reference(f"{S}//", "app", "v1") == f"{S}/app:v1"


def test_p50_no_credentials_are_sent_to_another_host() -> None:
    found = meaning(S, "public.aliyun.com/secretflow/app", "v1")
    assert (found.endpoint, found.as_dict()["credentials"]) == (None, False)


def test_p51_credentials_are_sent_to_the_registry_they_are_for() -> None:
    assert meaning(S, f"{S}/app", "v1").as_dict()["credentials"]
    assert meaning(S, "app", "v1").as_dict()["credentials"]


def test_credentials_are_those_of_the_longest_prefix_on_the_host() -> None:
    rows = [endpoint(P, user="a"), endpoint(S, user="b"), endpoint(f"{P}/secret", user="c")]
    assert Endpoints(rows).effective(join_tag(f"{S}/app", "v1")).endpoint is rows[1]
    assert Endpoints(rows).effective(join_tag(f"{P}/other/app", "v1")).endpoint is rows[0]


@pytest.mark.parametrize(
    ("name", "tag", "expected"),
    [
        ("app:v1", "", "app:v1"),
        ("app", f"sha256:{H}", f"app@sha256:{H}"),
        ("app@sha256", H, f"app@sha256:{H}"),  # how Kuscia takes a digest, by accident
        (f"app@sha256:{H}", "", f"app@sha256:{H}"),
        (f"app@sha256:{H}", "v1", f"app:v1@sha256:{H}"),
        (f"app:v1@sha256:{H}", "", f"app:v1@sha256:{H}"),
        ("app", f"v1@sha256:{H}", f"app:v1@sha256:{H}"),
        ("localhost:5000/app", "v1", "localhost:5000/app:v1"),
        ("localhost:5000/app", "", "localhost:5000/app"),
    ],
)
def test_a_digest_may_be_in_the_name_or_in_the_tag(name: str, tag: str, expected: str) -> None:
    assert parse(join_tag(name, tag)) == parse(expected)


@pytest.mark.parametrize(
    ("name", "tag", "code"),
    [
        ("app:v1", "v2", "tag_invalid"),
        ("app", "-v1", "tag_invalid"),
        ("app", " v1", "whitespace"),
        ("app", "sha256:12", "digest_invalid"),
        ("App", "v1", "repository_uppercase"),
        ("/app", "v1", "path_empty_part"),
        ("app/", "v1", "path_empty_part"),
        ("", "v1", "path_empty_part"),
        ("", "", "empty"),
        ("user:password@r.example.com:5000/app", "v1", "credentials_present"),
        ("https://r.example.com/app", "v1", "scheme_present"),
    ],
)
def test_what_is_no_image_is_an_error(name: str, tag: str, code: str) -> None:
    with pytest.raises(AddressError, match=code):
        meaning(S, name, tag)


@given(st.text(max_size=80), st.text(max_size=80), st.sampled_from([None, P, S]))
def test_any_name_and_tag_mean_an_image_or_are_an_error(name: str, tag: str, default: str | None) -> None:
    try:
        found = meaning(default, name, tag)
    except (AddressError, InvalidInput):
        return
    assert parse(found.reference.canonical) == found.reference or found.reference.tag is None
