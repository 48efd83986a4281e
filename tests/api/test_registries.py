"""`/api/registries/`: where images come from, with credentials."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from imagelib.models import RegistryEndpoint
from tests.api import make
from tests.services.certs import Authority

FIELDS = {"id", "name", "endpoint", "username", "password", "is_default", "insecure", "ca_certificate"}


def stored(pk: int) -> RegistryEndpoint:
    return RegistryEndpoint.objects.get(pk=pk)


def test_creating_hides_the_password(as_operator: APIClient) -> None:
    answer = as_operator.post(
        "/api/registries/", {"name": "r", "endpoint": "r.example.com:5000/team", "username": "u", "password": " p w "}
    )
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert body.keys() >= FIELDS - {"password"}
    assert (body["endpoint"], body["username"], body["has_password"]) == ("r.example.com:5000/team", "u", True)
    assert "password" not in body
    assert stored(body["id"]).password.reveal() == " p w "
    assert as_operator.get(f"/api/registries/{body['id']}/").json()["has_password"] is True


def test_the_mask_or_nothing_keeps_the_password_an_empty_text_clears_it(as_operator: APIClient) -> None:
    row = make.registry(username="u", password="old")
    at = f"/api/registries/{row.pk}/"
    whole = as_operator.get(at).json()
    assert as_operator.put(at, {**whole, "name": "renamed"}).status_code == 200
    assert stored(row.pk).password.reveal() == "old"
    assert as_operator.patch(at, {"endpoint": f"{row.endpoint}/team"}).status_code == 200
    assert stored(row.pk).password.reveal() == "old"
    assert as_operator.patch(at, {"password": "new"}).json()["has_password"] is True
    assert stored(row.pk).password.reveal() == "new"
    assert as_operator.patch(at, {"username": "", "password": ""}).json()["has_password"] is False
    assert not stored(row.pk).password


@pytest.mark.parametrize(
    "values",
    [
        {"endpoint": "elsewhere.example.com"},
        {"endpoint": "here.example.com:8443/team"},
        {"endpoint": "http://here.example.com/team"},
        {"endpoint": "elsewhere.example.com", "password": "******"},
        {"insecure": True},
    ],
)
def test_a_stored_password_does_not_follow_to_another_place(as_operator: APIClient, values: dict[str, Any]) -> None:
    row = make.registry(endpoint="here.example.com/team", username="u", password="old")
    at = f"/api/registries/{row.pk}/"
    assert make.faulty_fields(as_operator.patch(at, values)) == {"password"}
    assert (stored(row.pk).endpoint, stored(row.pk).insecure) == ("here.example.com/team", False)
    assert as_operator.patch(at, values | {"password": "new"}).status_code == 200
    assert stored(row.pk).password.reveal() == "new"


def test_a_stored_password_stays_on_its_host_and_where_it_gets_safer(as_operator: APIClient) -> None:
    row = make.registry(endpoint="here.example.com", username="u", password="old", insecure=True)
    for values in (
        {"endpoint": "Here.example.com/team"},
        {"endpoint": "https://here.example.com"},
        {"insecure": False},
    ):
        assert as_operator.patch(f"/api/registries/{row.pk}/", values).status_code == 200
    assert stored(row.pk).password.reveal() == "old"
    without = make.registry(endpoint="open.example.com")
    assert as_operator.patch(f"/api/registries/{without.pk}/", {"endpoint": "http://b.example.com"}).status_code == 200


def test_the_admin_form_asks_for_the_password_too(operator: Any) -> None:
    operator.is_superuser = True
    operator.save()
    pages = Client(headers={"accept-language": "en"})
    pages.force_login(operator, backend="django.contrib.auth.backends.ModelBackend")
    row = make.registry(endpoint="here.example.com", username="u", password="old")
    at = reverse("admin:imagelib_registryendpoint_change", args=[row.pk])
    typed = {"name": row.name, "endpoint": "elsewhere.example.com", "username": "u", "password": "******"}
    refused = pages.post(at, typed)
    assert refused.status_code == 200 and "Enter the password again" in refused.content.decode()
    assert stored(row.pk).endpoint == "here.example.com"
    assert pages.post(at, typed | {"password": "new"}).status_code == 302
    assert stored(row.pk).password.reveal() == "new"


@pytest.mark.parametrize(
    ("given", "kept", "insecure"),
    [
        ("Registry.Example.com", "registry.example.com", False),
        ("https://registry.example.com/", "registry.example.com", False),
        ("http://registry.example.com:5000/team/", "registry.example.com:5000/team", True),
        ("https://index.docker.io/v1/", "docker.io", False),
        ("[::1]:5000", "[::1]:5000", False),
    ],
)
def test_endpoints_are_stored_in_one_form(as_operator: APIClient, given: str, kept: str, insecure: bool) -> None:
    body = as_operator.post("/api/registries/", {"name": "r", "endpoint": given}).json()
    assert (body["endpoint"], body["insecure"]) == (kept, insecure)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": ""}, "name"),
        ({"endpoint": ""}, "endpoint"),
        ({"endpoint": "harbor"}, "endpoint"),
        ({"endpoint": "ftp://r.example.com"}, "endpoint"),
        ({"endpoint": "r.example.com/app:v1"}, "endpoint"),
        ({"endpoint": "u:p@r.example.com"}, "endpoint"),
        ({"endpoint": "r.example.com/Team"}, "endpoint"),
        ({"username": "u"}, "password"),
        ({"password": "p"}, "username"),
        ({"ca_certificate": "not a certificate"}, "ca_certificate"),
        ({"is_default": "perhaps"}, "is_default"),
        ({"password": None}, "password"),
        ({"password": {"a": 1}}, "password"),
        ({"token": "x"}, "token"),
    ],
)
def test_wrong_fields_are_named(as_operator: APIClient, values: dict[str, Any], field: str) -> None:
    good = {"name": "r", "endpoint": "r.example.com"}
    assert field in make.faulty_fields(as_operator.post("/api/registries/", good | values))
    assert not RegistryEndpoint.objects.exists()


def test_a_good_ca_certificate_is_kept(as_operator: APIClient) -> None:
    pem = Authority("test").cert
    body = as_operator.post(
        "/api/registries/", {"name": "r", "endpoint": "r.example.com", "ca_certificate": pem}
    ).json()
    assert body["ca_certificate"].strip() == pem.strip()


def test_names_and_endpoints_are_unique_and_one_is_the_default(as_operator: APIClient) -> None:
    make.registry(name="a", endpoint="a.example.com", is_default=True)
    for values in (
        {"name": "a", "endpoint": "b.example.com"},
        {"name": "b", "endpoint": "A.example.com/"},
        {"name": "b", "endpoint": "b.example.com", "is_default": True},
    ):
        answer = as_operator.post("/api/registries/", values)
        assert answer.status_code in (400, 409), answer.content
        make.problem(answer, answer.status_code)
    assert RegistryEndpoint.objects.count() == 1


def test_checking_says_why_a_registry_does_not_answer(as_operator: APIClient) -> None:
    row = make.registry(endpoint="127.0.0.1:1", username="u", password="p4ssw0rd")
    body = as_operator.post(f"/api/registries/{row.pk}/check/").json()
    assert (body["reachable"], body["accepted"]) == (False, False)
    assert body["error"]["code"] == "registry_refused" and body["error"]["cause"] and body["error"]["advice"]
    assert "p4ssw0rd" not in str(body)


def test_filters(as_operator: APIClient) -> None:
    one = make.registry(name="harbor", endpoint="harbor.example.com", is_default=True)
    two = make.registry(name="hub", endpoint="docker.io")
    for query, expected in [
        ("name=har", [one]),
        ("endpoint=docker", [two]),
        ("is_default=true", [one]),
        ("", [one, two]),
    ]:
        rows = as_operator.get(f"/api/registries/?{query}").json()["results"]
        assert [row["id"] for row in rows] == [row.pk for row in expected]


def test_deleting(as_operator: APIClient) -> None:
    row = make.registry()
    assert as_operator.delete(f"/api/registries/{row.pk}/").status_code == 204
    make.problem(as_operator.delete(f"/api/registries/{row.pk}/"), 404, "not_found")


def test_a_password_whose_key_is_lost_breaks_no_list(as_operator: APIClient, settings: Any) -> None:
    row = make.registry(username="u", password="p")
    settings.FIELD_KEYS = ["MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="]
    assert as_operator.get("/api/registries/").json()["results"][0]["has_password"] is True
    checked = as_operator.post(f"/api/registries/{row.pk}/check/").json()
    assert checked["error"]["code"] == "secret_unreadable"
