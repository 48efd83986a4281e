"""What Kuscia's API cannot say survives an update that sends back what a query answered, and goes with what goes."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from appimages import services
from appimages.kuscia.answering import app_image_view
from appimages.kuscia.keeping import kept_templates
from core.system import SYSTEM
from tests.api.kuscia_client import TOKEN, Kuscia

CONTAINER: dict[str, Any] = {
    "name": "app",
    "workingDir": "/work",
    "ports": [{"name": "http", "port": 8080, "protocol": "HTTP", "scope": "Local"}, {"name": "grpc", "port": 9090}],
    "env": [
        {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "PLAIN", "value": "1"},
    ],
    "envFrom": [
        {"configMapRef": {"name": "c", "optional": True}},
        {"prefix": "P_", "configMapRef": {"name": "c", "optional": False}},
    ],
    "resources": {
        "claims": [{"name": "x"}],
        "limits": {"cpu": "1", "memory": "1Gi", "nvidia.com/gpu": "2"},
        "requests": {"ephemeral-storage": "1Gi"},
    },
    "livenessProbe": {"httpGet": {"path": "/", "port": 8080, "httpHeaders": [{"name": "h", "value": "v"}]}},
    "readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 3},
    "startupProbe": {"httpGet": {"port": "http"}},
    "metricProbe": {"path": "/metrics", "port": "http"},
    "securityContext": {"privileged": True},
}
DOCUMENT: dict[str, Any] = {
    "image": {"name": "n", "tag": "v1"},
    "configTemplates": {"a.conf": "text"},
    "deployTemplates": [
        {
            "name": "server",
            "role": "server",
            "replicas": 2,
            "networkPolicy": {"ingresses": [{"from": {"roles": ["client"]}, "ports": [{"port": "http"}]}]},
            "spec": {"restartPolicy": "Never", "affinity": {"nodeAffinity": {}}, "containers": [CONTAINER]},
        },
        {"name": "client", "spec": {"containers": [{"name": "app", "securityContext": {"privileged": False}}]}},
    ],
}


@pytest.fixture
def kuscia(db: None, settings: Any) -> Kuscia:
    settings.KUSCIA_TOKEN = TOKEN
    services.create_app_image(name="a", document=DOCUMENT, author=SYSTEM, how="import")
    return Kuscia()


@pytest.fixture
def answered(kuscia: Kuscia) -> dict[str, Any]:
    """What a query answers, to be changed and sent back."""
    found: dict[str, Any] = kuscia.query("a")
    return found


def update(kuscia: Kuscia, body: dict[str, Any]) -> list[dict[str, Any]]:
    """The containers of the first template as they are stored then."""
    kuscia.done("update", body)
    document = services.get_app_image(name="a").document
    containers: list[dict[str, Any]] = document["deployTemplates"][0]["spec"]["containers"]
    return containers


def test_what_is_sent_back_changes_nothing(kuscia: Kuscia, answered: dict[str, Any]) -> None:
    update(kuscia, answered)
    stored = services.get_app_image(name="a").document
    wanted = copy.deepcopy(DOCUMENT)
    for template in wanted["deployTemplates"]:
        template.setdefault("replicas", 1)  # which a query shows, so it is sent
    wanted["deployTemplates"][0]["spec"]["containers"][0]["ports"][1] |= {"protocol": "HTTP", "scope": "Local"}
    assert stored == wanted
    assert kuscia.query("a") == app_image_view("a", wanted)


def test_the_same_in_one_more_round_makes_no_version(kuscia: Kuscia, answered: dict[str, Any]) -> None:
    for _ in range(2):
        update(kuscia, kuscia.query("a"))
    assert services.get_app_image(name="a").version == 2


def test_gpus_stay_whatever_becomes_of_cpu_and_memory(kuscia: Kuscia, answered: dict[str, Any]) -> None:
    container = answered["deploy_templates"][0]["containers"][0]
    assert container["resources"] == {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": None}
    kept = {"claims": [{"name": "x"}], "requests": {"ephemeral-storage": "1Gi"}}
    for sent, limits in (
        ({"limits": {"cpu": "500m"}}, {"cpu": "500m", "nvidia.com/gpu": "2"}),
        (None, {"nvidia.com/gpu": "2"}),
        ({"limits": {"memory": "2Gi"}}, {"memory": "2Gi", "nvidia.com/gpu": "2"}),
    ):
        container["resources"] = sent
        assert update(kuscia, answered)[0]["resources"] == {**kept, "limits": limits}
        if sent is None:
            assert kuscia.container()["resources"] is None


def test_a_value_ends_what_it_came_from(kuscia: Kuscia, answered: dict[str, Any]) -> None:
    answered["deploy_templates"][0]["containers"][0]["env"][0]["value"] = "typed"
    assert update(kuscia, answered)[0]["env"] == [
        {"name": "POD", "value": "typed"},
        {"name": "PLAIN", "value": "1"},
    ]


def test_what_is_taken_out_is_gone(kuscia: Kuscia, answered: dict[str, Any]) -> None:
    container = answered["deploy_templates"][0]["containers"][0]
    container |= {"ports": [], "env": [], "env_from": [], "liveness_probe": None}
    container["readiness_probe"]["tcp_socket"] = None
    [stored] = update(kuscia, answered)
    assert not {"ports", "env", "envFrom", "livenessProbe"} & stored.keys()
    assert stored["readinessProbe"] == {"periodSeconds": 3}
    assert stored["metricProbe"] and stored["securityContext"]


def test_a_port_that_is_written_is_that_port(kuscia: Kuscia, answered: dict[str, Any]) -> None:
    container = answered["deploy_templates"][0]["containers"][0]
    assert container["liveness_probe"]["http_get"]["port"] == ""
    container["liveness_probe"]["http_get"]["port"] = "http"
    container["startup_probe"]["http_get"]["port"] = ""
    [stored] = update(kuscia, answered)
    assert stored["livenessProbe"]["httpGet"]["port"] == "http"
    assert stored["readinessProbe"]["tcpSocket"]["port"] == 8080
    assert "port" not in stored["startupProbe"]["httpGet"]


def test_others_get_nothing_of_it(kuscia: Kuscia, answered: dict[str, Any]) -> None:
    first = answered["deploy_templates"][0]
    renamed = {**first["containers"][0], "name": "other"}
    answered["deploy_templates"] = [{**first, "containers": [renamed]}, {**first, "name": "copy"}]
    kuscia.done("update", answered)
    one, two = services.get_app_image(name="a").document["deployTemplates"]
    assert one["networkPolicy"] and one["spec"]["affinity"]
    assert "networkPolicy" not in two and "affinity" not in two["spec"]
    for template in (one, two):
        [container] = template["spec"]["containers"]
        assert "securityContext" not in container and "port" not in container["ports"][0]


def test_of_several_with_one_name_the_first_counts() -> None:
    def template(policy: str, *privileged: bool) -> dict[str, Any]:
        containers = [{"name": "c", "securityContext": {"privileged": value}} for value in privileged]
        return {"name": "d", "networkPolicy": policy, "spec": {"containers": containers}}

    new = [{"name": "d", "replicas": 1, "spec": {"containers": [{"name": "c"}]}}]
    [kept] = kept_templates([template("first", True, False), template("second", False)], new)
    assert kept["networkPolicy"] == "first"
    assert kept["spec"]["containers"] == [{"name": "c", "securityContext": {"privileged": True}}]


def test_an_update_of_the_image_alone_touches_no_template(kuscia: Kuscia) -> None:
    kuscia.done("update", {"name": "a", "image": {"name": "n2"}})
    stored = services.get_app_image(name="a").document
    assert stored == {**DOCUMENT, "image": {"name": "n2", "tag": ""}}


def test_an_import_that_is_not_quite_in_shape_can_be_read_and_updated(db: None, settings: Any) -> None:
    settings.KUSCIA_TOKEN = TOKEN
    container = {"name": "c", "ports": [{"name": "p", "protocol": "TCP"}], "resources": {"limits": {"cpu": 0.5}}}
    document = {
        "image": {"name": "n", "tag": "v1"},
        "deployTemplates": [{"name": "d"}, {"name": "e", "spec": {"containers": [container]}}],
    }
    services.create_app_image(name="a", document=document, author=SYSTEM, how="import")
    kuscia = Kuscia()
    found = kuscia.query("a")["deploy_templates"]
    assert found[0] == {"name": "d", "role": "", "replicas": 1, "restart_policy": "", "containers": []}
    assert found[1]["containers"][0]["resources"]["limits"] == {"cpu": "500m", "memory": ""}
    templates = [{"name": name, "containers": [{"name": "c"}]} for name in "de"]
    update(kuscia, {"name": "a", "image": {"name": "n"}, "deploy_templates": templates})
