"""`/api/nodes/` without an engine: fields, secrets, findings of a dead one. Real engines: tests/integration."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from nodes.engine import ImageInfo
from nodes.filters import image_ordering
from nodes.models import ComputeNode
from tests.api import make

NODE = {"name": "gpu-1", "docker_address": make.DEAD_ENGINE}
FIELDS = {
    "id", "name", "region", "labels", "docker_address", "use_tls", "ca_cert", "client_cert", "client_key", "public_ip",
    "private_ip", "ssh_port", "username", "password", "cpu", "memory", "system_disk", "data_disk", "gpu_name",
    "gpu_count", "gpu_memory_gb", "hami_core", "is_listed", "remark", "status", "status_detail", "last_seen_at",
    "engine_version", "platform",
}  # fmt: skip


def stored(pk: int) -> ComputeNode:
    return ComputeNode.objects.get(pk=pk)


def test_creating_tests_the_connection_and_says_what_is_wrong(as_operator: APIClient) -> None:
    answer = as_operator.post("/api/nodes/", NODE)
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert body.keys() >= FIELDS - {"password", "client_key"}
    assert (body["ssh_port"], body["hami_core"], body["is_listed"]) == (22, "/root/HAMi-core/build", True)
    assert (body["status"], body["status_code"]) == ("failed", "engine_refused")
    assert "accepts connections" in body["status_detail"]
    assert body["status_evidence"] and body["status_age_seconds"] < 30


def test_every_field_is_kept(as_operator: APIClient) -> None:
    values = {
        **NODE, "region": "north", "labels": {"rack": "a1"}, "public_ip": "203.0.113.7", "private_ip": "10.0.0.7",
        "ssh_port": 2222, "username": "root", "cpu": 64, "memory": 512, "system_disk": 900, "data_disk": 4000,
        "gpu_name": "A100", "gpu_count": 8, "gpu_memory_gb": 80, "hami_core": "/opt/hami", "is_listed": False,
        "remark": "r",
    }  # fmt: skip
    pk = as_operator.post("/api/nodes/", values).json()["id"]
    body = as_operator.get(f"/api/nodes/{pk}/").json()
    assert {key: body[key] for key in values} == values


def test_secrets_are_write_only(as_operator: APIClient) -> None:
    pk = as_operator.post("/api/nodes/", {**NODE, "username": "root", "password": "s3cr3t"}).json()["id"]
    at = f"/api/nodes/{pk}/"
    whole = as_operator.get(at).json()
    assert (whole["has_password"], whole["has_client_key"]) == (True, False)
    assert not {"password", "client_key"} & whole.keys()
    assert as_operator.put(at, {**whole, "remark": "x"}).status_code == 200
    assert stored(pk).password.reveal() == "s3cr3t"
    assert as_operator.patch(at, {"password": ""}).json()["has_password"] is False
    assert not stored(pk).password


def test_changing_how_to_connect_tests_again_other_changes_do_not(as_operator: APIClient) -> None:
    row = make.node()
    assert as_operator.patch(f"/api/nodes/{row.pk}/", {"remark": "x"}).json()["status"] == "unknown"
    body = as_operator.patch(f"/api/nodes/{row.pk}/", {"docker_address": "tcp://127.0.0.1:2"}).json()
    assert (body["status"], body["status_code"]) == ("failed", "engine_refused")
    socket = as_operator.patch(f"/api/nodes/{row.pk}/", {"docker_address": "unix:///nowhere/docker.sock"}).json()
    assert socket["status"] == "failed" and socket["status_code"] != "engine_refused"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": ""}, "name"),
        ({"docker_address": "ftp://10.0.0.5"}, "docker_address"),
        ({"docker_address": "tcp://10.0.0.5:99999"}, "docker_address"),
        ({"docker_address": "unix://relative"}, "docker_address"),
        ({"ssh_port": 0}, "ssh_port"),
        ({"ssh_port": 70000}, "ssh_port"),
        ({"cpu": -1}, "cpu"),
        ({"memory": 10**20}, "memory"),
        ({"memory": "much"}, "memory"),
        ({"public_ip": "300.1.1.1"}, "public_ip"),
        ({"labels": ["a"]}, "labels"),
        ({"labels": {"bad key!": "x"}}, "labels"),
        ({"labels": {"a": {"b": 1}}}, "labels.a"),
        *(({"hami_core": path}, "hami_core") for path in make.BAD_DIRECTORIES),
        ({"ca_cert": "no certificate"}, "ca_cert"),
        ({"client_cert": "no certificate", "client_key": "k"}, "client_cert"),
        ({"client_key": "a key alone"}, "client_cert"),
        ({"is_listed": "perhaps"}, "is_listed"),
        ({"gpus": 4}, "gpus"),
        ({"remark": "a\0b"}, "remark"),
    ],
)
def test_wrong_fields_are_named(as_operator: APIClient, values: dict[str, Any], field: str) -> None:
    assert field in make.faulty_fields(as_operator.post("/api/nodes/", NODE | values))
    assert not ComputeNode.objects.exists()


def test_no_docker_address_is_said_and_not_forgotten(as_operator: APIClient) -> None:
    assert make.faulty_fields(as_operator.post("/api/nodes/", {"name": "gpu-1"})) == {"docker_address"}
    answer = as_operator.post("/api/nodes/", {"name": "gpu-1", "docker_address": ""})
    assert answer.status_code == 201 and answer.json()["status"] == "unknown"


def test_a_fault_never_repeats_a_secret(as_operator: APIClient) -> None:
    answer = as_operator.post("/api/nodes/", {**NODE, "client_key": "canary-7f3a", "password": "canary-91bc\0"})
    assert answer.status_code == 400 and b"canary" not in answer.content


def test_columns_of_the_server_are_not_written(as_operator: APIClient) -> None:
    body = as_operator.post("/api/nodes/", {**NODE, "status": "connected", "engine_version": "99", "id": 4711}).json()
    assert (body["status"], body["engine_version"]) == ("failed", "") and body["id"] != 4711


def test_names_are_unique(as_operator: APIClient) -> None:
    make.node(name="gpu-1")
    answer = as_operator.post("/api/nodes/", NODE)
    assert answer.status_code in (400, 409), answer.content
    assert "name" in make.problem(answer, answer.status_code)["detail"]
    assert ComputeNode.objects.count() == 1


def test_a_node_with_an_active_pull_is_kept(as_operator: APIClient, operator: Any) -> None:
    row = make.node(name="busy")
    job = make.pull(by=operator, on=row)
    body = make.problem(as_operator.delete(f"/api/nodes/{row.pk}/"), 409, "in_use")
    assert "busy" in body["detail"] and job.reference in body["used_by"][0]
    as_operator.post(f"/api/pulls/{job.pk}/cancel/")
    assert as_operator.delete(f"/api/nodes/{row.pk}/").status_code == 204
    history = as_operator.get(f"/api/pulls/{job.pk}/").json()
    assert history["node"] == {"id": None, "name": "busy"}


def test_testing_and_discovering_a_dead_engine(as_operator: APIClient) -> None:
    row = make.node(cpu=7)
    tested = as_operator.post(f"/api/nodes/{row.pk}/test/").json()
    found = as_operator.post(f"/api/nodes/{row.pk}/discover/").json()
    assert tested["status_code"] == found["status_code"] == "engine_refused" and found["cpu"] == 7
    body = make.problem(as_operator.get(f"/api/nodes/{row.pk}/images/"), 502, "engine_refused")
    assert body["evidence"]


class TestOrderOfTheImagesOnANode:
    IMAGES = [
        ImageInfo("sha256:c", ("b:1", "x:1"), (), 20, created="2026-01-02T00:00:00Z"),
        ImageInfo("sha256:a", (), ("c@sha256:1",), 30, created="2026-01-03T00:00:00Z"),
        ImageInfo("sha256:d", (), (), 10, created="2026-01-01T00:00:00Z"),
        ImageInfo("sha256:b", ("z:1", "a:1"), (), 20, created="2026-01-04T00:00:00Z"),
    ]

    @pytest.mark.parametrize(
        ("asked", "expected"),
        [
            ("", "bacd"), ("created", "dcab"), ("-created", "bacd"), ("size", "dbca"), ("-size", "acbd"),
            ("name", "dbca"), ("-name", "acbd"),
        ],
    )  # fmt: skip
    def test_every_order(self, asked: str, expected: str) -> None:
        assert [image.id for image in image_ordering(asked)(self.IMAGES)] == [f"sha256:{letter}" for letter in expected]

    def test_another_is_refused_before_the_engine_is_asked(self, as_operator: APIClient) -> None:
        at = f"/api/nodes/{make.node().pk}/images/"
        for asked in ("id", "--size", "size,name", "nonsense"):
            assert make.faulty_fields(as_operator.get(at, {"ordering": asked})) == {"ordering"}
        make.problem(as_operator.get(at, {"ordering": "-size"}), 502, "engine_refused")


def test_filters_and_order(as_operator: APIClient) -> None:
    one = make.node(name="a", region="north", gpu_name="A100", public_ip="203.0.113.7")
    two = make.node(name="b", region="south", gpu_name="H100", is_listed=False)
    for query, expected in [
        ("", [one, two]),
        ("ordering=-name", [two, one]),
        ("region=NOR", [one]),
        ("gpu_name=h1", [two]),
        ("is_listed=false", [two]),
        ("status=unknown", [one, two]),
        ("status=connected", []),
        ("public_ip=203.0.113.7", [one]),
        ("public_ip=nonsense", []),
    ]:
        answer = as_operator.get(f"/api/nodes/?{query}")
        assert [row["id"] for row in answer.json()["results"]] == [row.pk for row in expected], query
    assert make.faulty_fields(as_operator.get("/api/nodes/?status=perhaps")) == {"status"}
