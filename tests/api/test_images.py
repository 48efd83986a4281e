"""`/api/images/`: the image library in the native API."""

from __future__ import annotations

from typing import Any

import pytest
from auditlog.models import LogEntry
from rest_framework.test import APIClient

from imagelib.models import ImageRegistry, RegistryEndpoint
from tests.api import make

FIELDS = {
    "id",
    "name",
    "address",
    "description",
    "source",
    "supports_vgpu",
    "is_listed",
    "remark",
    "effective_reference",
}


def ids(answer: Any) -> list[int]:
    assert answer.status_code == 200, answer.content
    return [row["id"] for row in answer.json()["results"]]


def test_creating_answers_the_entry_with_its_defaults(as_operator: APIClient) -> None:
    answer = as_operator.post("/api/images/", {"name": "nginx", "address": "nginx:1.27"})
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert body.keys() >= FIELDS
    assert (body["is_listed"], body["supports_vgpu"], body["description"]) == (True, False, "")
    assert body["effective_reference"] == "docker.io/library/nginx:1.27"
    assert body["hints"] == [] and body["registry"] is None
    assert as_operator.get(f"/api/images/{body['id']}/").json() == body


def test_a_missing_tag_earns_a_hint(as_operator: APIClient) -> None:
    body = as_operator.post("/api/images/", {"name": "n", "address": "nginx"}).json()
    assert body["effective_reference"] == "docker.io/library/nginx:latest"
    assert len(body["hints"]) == 1 and body["hints"][0]


def test_short_names_follow_the_default_registry_and_its_credentials(as_operator: APIClient) -> None:
    home = make.registry(endpoint="harbor.example.com/team", is_default=True, username="u", password="p")
    body = as_operator.post("/api/images/", {"name": "n", "address": "app:v1"}).json()
    assert body["effective_reference"] == "harbor.example.com/team/app:v1"
    assert body["registry"] == {"id": home.pk, "name": home.name}


def test_changing_parts_leaves_the_rest(as_operator: APIClient) -> None:
    row = make.image(description="d", supports_vgpu=True)
    body = as_operator.patch(f"/api/images/{row.pk}/", {"remark": "new"}).json()
    assert (body["remark"], body["description"], body["supports_vgpu"]) == ("new", "d", True)


def test_listing_and_unlisting(as_operator: APIClient, as_user: APIClient) -> None:
    row = make.image()
    assert as_operator.post(f"/api/images/{row.pk}/unlist/").json()["is_listed"] is False
    make.problem(as_user.get(f"/api/images/{row.pk}/"), 404, "not_found")
    assert as_operator.post(f"/api/images/{row.pk}/list/").json()["is_listed"] is True
    assert as_user.get(f"/api/images/{row.pk}/").status_code == 200


def test_name_and_address_together_are_unique(as_operator: APIClient) -> None:
    make.image(name="a", address="nginx:1")
    make.problem(as_operator.post("/api/images/", {"name": "a", "address": "nginx:1"}), 409, "duplicate")
    assert as_operator.post("/api/images/", {"name": "b", "address": "nginx:1"}).status_code == 201


def test_an_entry_in_use_is_kept_and_its_users_are_named(as_operator: APIClient, operator: Any) -> None:
    row = make.image(name="busy")
    job = make.pull(by=operator, on=make.node(name="gpu-7"), image=row)
    body = make.problem(as_operator.delete(f"/api/images/{row.pk}/"), 409, "in_use")
    assert "busy" in body["detail"] and len(body["used_by"]) == 1
    assert job.reference in body["used_by"][0] and "gpu-7" in body["used_by"][0]
    assert ImageRegistry.objects.filter(pk=row.pk).exists()
    as_operator.post(f"/api/pulls/{job.pk}/cancel/")
    assert as_operator.delete(f"/api/images/{row.pk}/").status_code == 204
    job.refresh_from_db()
    assert job.image_id is None  # the history stays


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"name": None}, "name"),
        ({"name": ["a"]}, "name"),
        ({"address": ""}, "address"),
        ({"address": "nginx latest"}, "address"),
        ({"address": "https://nginx"}, "address"),
        ({"address": "registry.example.com/Upper:v1"}, "address"),
        ({"address": "registry.example.com:99999/app"}, "address"),
        ({"address": "nginx@sha256:12"}, "address"),
        ({"address": "user:password@nginx"}, "address"),
        ({"address": "x" * 4000}, "address"),
        ({"is_listed": "maybe"}, "is_listed"),
        ({"is_listed": None}, "is_listed"),
        ({"stall_after": 1}, "stall_after"),
        ({"stall_after": 10**30}, "stall_after"),
        ({"remark": "x" * 1001}, "remark"),
        ({"adress": "typo"}, "adress"),
    ],
)
def test_wrong_fields_are_named(as_operator: APIClient, values: dict[str, Any], field: str) -> None:
    good = {"name": "a", "address": "nginx:1"}
    assert field in make.faulty_fields(as_operator.post("/api/images/", good | values))
    assert not ImageRegistry.objects.exists() and not RegistryEndpoint.objects.exists()


def test_fields_of_the_server_are_not_written(as_operator: APIClient) -> None:
    body = as_operator.post(
        "/api/images/", {"id": 77, "name": "a", "address": "nginx:1", "created_at": "2001-01-01T00:00:00Z"}
    ).json()
    assert body["id"] != 77 and not body["created_at"].startswith("2001")


@pytest.mark.parametrize(
    ("address", "endpoint"),
    [
        ("admin:pa55@registry.company.com/project/image:latest", "registry.company.com"),
        ("me@example.com:p:a/5@5@registry.company.com:5000/project/image", "registry.company.com:5000"),
        ("admin:p%40ss@[::1]:5000/image:v1", "[::1]:5000"),
    ],
)
def test_credentials_are_split_off_into_an_endpoint(as_operator: APIClient, address: str, endpoint: str) -> None:
    body = as_operator.post("/api/images/", {"name": "a", "address": address}).json()
    row = RegistryEndpoint.objects.get()
    assert row.endpoint == endpoint and row.has_credentials
    assert row.username not in str(body) and row.password.reveal() not in str(body)
    assert body["registry"] == {"id": row.pk, "name": row.name}


def test_credentials_of_another_team_on_the_host_are_not_overwritten(as_operator: APIClient) -> None:
    theirs = make.registry(endpoint="registry.company.com", username="them", password="theirs")
    as_operator.post("/api/images/", {"name": "a", "address": "us:ours@registry.company.com/us/app:v1"})
    theirs.refresh_from_db()
    assert (theirs.username, theirs.password.reveal()) == ("them", "theirs")
    ours = RegistryEndpoint.objects.exclude(pk=theirs.pk).get()
    assert (ours.endpoint, ours.username, ours.password.reveal()) == ("registry.company.com/us", "us", "ours")


def test_credentials_that_no_column_holds_are_refused(as_operator: APIClient) -> None:
    address = f"{'u' * 300}:p4ss@registry.company.com/app:v1"
    for path, values in (
        ("/api/images/", {"name": "a", "address": address}),
        ("/api/images/check/", {"address": address}),
    ):
        answer = as_operator.post(path, values)
        assert make.faulty_fields(answer) == {"address"} and "p4ss" not in answer.content.decode()
    assert not RegistryEndpoint.objects.exists() and not ImageRegistry.objects.exists()


def test_adopted_endpoints_have_names_that_fit(as_operator: APIClient) -> None:
    # Labels of 60 characters: a long host, so that the names must be cut, and then they are the same.
    host = ".".join(["x" * 60] * 5) + ".example.com"
    for path in ("one", "two", "three"):
        values = {"name": path, "address": f"{path}:p@{host}/{path}/app:v1"}
        assert as_operator.post("/api/images/", values).status_code == 201
    names = list(RegistryEndpoint.objects.values_list("name", flat=True))
    assert len(set(names)) == 3 and max(map(len, names)) == 255


def test_nothing_is_adopted_when_the_entry_is_refused(as_operator: APIClient) -> None:
    make.image(name="a", address="registry.company.com/app:v1")
    again = {"name": "a", "address": "u:p@registry.company.com/app:v1"}
    make.problem(as_operator.post("/api/images/", again), 409, "duplicate")
    assert not RegistryEndpoint.objects.exists()


def test_checking_says_why_a_registry_cannot_be_asked(as_operator: APIClient) -> None:
    row = make.image(address="127.0.0.1:1/team/app:v1")
    stored = as_operator.post(f"/api/images/{row.pk}/check/").json()
    assert (stored["reachable"], stored["exists"]) == (False, None)
    assert stored["error"]["code"] == "registry_refused" and stored["error"]["advice"]
    free = as_operator.post("/api/images/check/", {"address": "127.0.0.1:1/team/app:v1"}).json()
    assert free == stored
    assert make.faulty_fields(as_operator.post("/api/images/check/", {"address": "a b"})) == {"address"}
    assert make.faulty_fields(as_operator.post("/api/images/check/", {})) == {"address"}


class TestLists:
    def test_filters(self, as_operator: APIClient) -> None:
        one = make.image(name="PyTorch", source="team-a", supports_vgpu=True)
        two = make.image(name="nginx", address="nginx:1.27", is_listed=False)
        assert ids(as_operator.get("/api/images/?name=torch")) == [one.pk]
        assert ids(as_operator.get("/api/images/?address=NGINX")) == [two.pk]
        assert ids(as_operator.get("/api/images/?source=team&supports_vgpu=true")) == [one.pk]
        assert ids(as_operator.get("/api/images/?is_listed=false")) == [two.pk]
        assert ids(as_operator.get("/api/images/?name=%25")) == []
        moment = two.created_at.isoformat().replace("+00:00", "Z")
        assert ids(as_operator.get(f"/api/images/?created_after={moment}")) == [two.pk]
        assert ids(as_operator.get(f"/api/images/?created_before={moment}")) == [one.pk]

    def test_order_and_pages_are_total(self, as_operator: APIClient) -> None:
        rows = [make.image(name="same", address=f"nginx:{number}").pk for number in range(7)]
        seen = [
            pk
            for page in (1, 2, 3)
            for pk in ids(as_operator.get(f"/api/images/?ordering=name&page_size=3&page={page}"))
        ]
        assert sorted(seen) == rows and len(set(seen)) == 7
        assert ids(as_operator.get("/api/images/?ordering=-id"))[0] == rows[-1]
        first = as_operator.get("/api/images/?page_size=3").json()
        assert first["count"] == 7 and first["previous"] is None and "page=2" in first["next"]

    @pytest.mark.parametrize(
        "query", ["created_after=never", "created_before=0001-01-01T00:00:00%2B14:00", "name=%00", "is_listed=perhaps"]
    )
    def test_filters_that_cannot_be_read(self, as_operator: APIClient, query: str) -> None:
        assert query.partition("=")[0] in make.faulty_fields(as_operator.get(f"/api/images/?{query}"))

    @pytest.mark.parametrize("page", ["0", "2", "-1", "x", "9" * 40])
    def test_pages_that_do_not_exist(self, as_operator: APIClient, page: str) -> None:
        make.problem(as_operator.get(f"/api/images/?page={page}"), 404, "not_found")


@pytest.mark.parametrize("pk", ["0", "999999", "9" * 25, "9" * 5000, "abc", "1.5", "%00", "-1"])
def test_ids_that_do_not_exist(as_operator: APIClient, pk: str) -> None:
    for method in (as_operator.get, as_operator.delete):
        make.problem(method(f"/api/images/{pk}/"), 404, "not_found")
    make.problem(as_operator.post(f"/api/images/{pk}/unlist/"), 404, "not_found")


def test_the_audit_log_says_who_changed_what(as_operator: APIClient, operator: Any) -> None:
    pk = as_operator.post("/api/images/", {"name": "a", "address": "nginx:1"}).json()["id"]
    as_operator.patch(f"/api/images/{pk}/", {"is_listed": False})
    entries = LogEntry.objects.filter(content_type__model="imageregistry", object_id=pk).order_by("id")
    assert [entry.actor for entry in entries] == [operator, operator]
    assert "is_listed" in entries[1].changes
