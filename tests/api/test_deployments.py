"""`/api/appimages/{name}/run/`, `/api/deployments/` and the sets, through the API."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from instances.models import DeployedContainer, Deployment, HostPort, Instance, Operation, SecretSet
from tests.api import make
from tests.api.kuscia_client import Kuscia

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(as_user: APIClient) -> Any:
    """Asks for an AppImage that may be run, with something wrong or not."""
    make.gpu_node()
    make.image(address="registry.example.com/team/app:v1")
    row = make.app_image(image={"name": "registry.example.com/team/app", "tag": "v1"})
    plan = make.spec()

    def ask(app_image: str = row.name, **asked: Any) -> Any:
        return as_user.post(f"/api/appimages/{app_image}/run/", {"spec": plan.pk, **asked})

    return ask


def test_the_answer_shows_what_was_asked_for(run, as_user: APIClient) -> None:
    answer = run(variables={"TASK_ID": "task-1"}, name="psi")
    assert answer.status_code == 202
    shown = answer.json()
    [container] = shown["containers"]
    assert (shown["name"], shown["state"], shown["ready"], shown["total"]) == ("psi", "starting", 0, 1)
    assert (container["state"], container["operation"], container["ready"]) == ("creating", "create", None)
    assert container["files"] == {"/srv/conf/app.json": '{"task": "task-1"}'}
    assert as_user.get(f"/api/deployments/{shown['id']}/").json() == shown
    [listed] = as_user.get("/api/deployments/?app_image=" + shown["app_image"]).json()["results"]
    assert "files" not in listed["containers"][0]
    assert as_user.get(f"/api/instances/{container['instance']}/").json()["name"] == "psi-1"


@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"spec": "x"}, "spec"),
        ({"nodes": [1], "node": 2}, "nodes"),
        ({"nodes": "1"}, "nodes"),
        ({"variables": {"A": 1}}, "variables.A"),
        ({"variables": ["A"]}, "variables"),
        ({"variables": {"KUSCIA_DOMAIN_KEY_DATA": "x"}}, "variables"),
        ({"replicas": 0}, "replicas"),
        ({"replicas": 65}, "replicas"),
        ({"name": "a b"}, "name"),
        ({"bogus": 1}, "bogus"),
    ],
)
def test_bad_input(run, as_user: APIClient, asked: dict[str, Any], field: str, language: str) -> None:
    as_user.defaults["HTTP_ACCEPT_LANGUAGE"] = language
    [fault] = make.problem(run(**asked), 400)["errors"]
    assert fault["field"] == field and fault["message"]
    assert not Deployment.objects.exists() and not Instance.objects.exists()


def test_what_is_not_there(run, as_user: APIClient) -> None:
    make.problem(run("absent"), 404, "app_image_missing")
    make.problem(run("BAD NAME"), 404, "app_image_missing")
    make.problem(run(spec=make.spec(is_listed=False).pk), 404, "spec_not_listed")
    make.problem(run(node=make.node(is_listed=False).pk), 404, "node_not_listed")
    make.problem(
        as_user.post(f"/api/appimages/{make.app_image().name}/run/", {"spec": make.spec().pk}), 403, "image_not_listed"
    )
    make.problem(as_user.get("/api/deployments/99999/"), 404)


def test_refusals_name_the_container_and_the_rule(run, as_user: APIClient, operator: User) -> None:
    container = {"name": "worker", "securityContext": {"privileged": True}}
    row = make.app_image(deployTemplates=[{"name": "t", "spec": {"containers": [container]}}])
    problem = make.problem(run(row.name), 409, "privileged")
    assert problem["detail"] == "Container “worker”: It asks for a privileged container. There are none here."
    assert not HostPort.objects.exists()


def test_removing_is_asked_for_and_done_by_workers(as_user: APIClient, user: User) -> None:
    made = make.deployment(by=user)
    assert as_user.delete(f"/api/deployments/{made.pk}/").status_code == 202
    assert as_user.get(f"/api/deployments/{made.pk}/").json()["state"] == "removing"
    assert Operation.objects.get().kind == "remove"
    make.problem(as_user.post(f"/api/deployments/{made.pk}/stop/"), 409, "being_removed")


def test_secrets_come_back_as_a_mask(as_operator: APIClient) -> None:
    made = as_operator.post("/api/secret-sets/", {"name": "keys", "values": {"TOKEN": "canary", "B": "x"}}).json()
    assert made["values"] == {"B": "******", "TOKEN": "******"}
    at = f"/api/secret-sets/{made['id']}/"
    answer = as_operator.patch(at, {"values": {"TOKEN": "******", "B": ""}})
    assert answer.json()["values"] == {"TOKEN": "******"} and "canary" not in as_operator.get(at).content.decode()
    assert SecretSet.objects.get().reveal() == {"TOKEN": "canary"}
    make.problem(as_operator.post("/api/secret-sets/", {"name": "keys"}), 409, "duplicate")
    for name in ("Keys", "-a", "a" * 254, ""):
        make.problem(as_operator.post("/api/config-sets/", {"name": name}), 400)
    [fault] = make.problem(as_operator.post("/api/config-sets/", {"name": "a", "values": {"A=B": "x"}}), 400)["errors"]
    assert fault["field"] == "values"


def test_a_container_whose_instance_goes_between_two_looks(as_user: APIClient, user: User) -> None:
    made = make.deployment(by=user)
    Instance.objects.filter(deployed__deployment=made).delete()
    assert not DeployedContainer.objects.exists()
    assert as_user.get(f"/api/deployments/{made.pk}/").json()["state"] == "empty"
    assert as_user.delete(f"/api/deployments/{made.pk}/").status_code == 202
    make.problem(as_user.get(f"/api/deployments/{made.pk}/"), 404)


def test_kuscia_clients_cannot_delete_what_runs(kuscia: Kuscia, user: User) -> None:
    made = make.deployment(by=user, name="psi-7")
    part = made.containers.get().instance
    told = kuscia.refused("delete", {"name": made.app_image.name}, 13103)
    assert all(name in told for name in ("psi-7", user.get_username(), part.name, part.node.name))
    Instance.objects.all().delete()
    assert "psi-7" in kuscia.refused("delete", {"name": made.app_image.name}, 13103), "it can be started again"
    made.delete()
    kuscia.done("delete", {"name": made.app_image.name})
