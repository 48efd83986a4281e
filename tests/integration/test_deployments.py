"""AppImages that run on a real engine, through the real product."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from nodes.engine import EngineEndpoint, connect
from tests.integration.deployment_bed import DeploymentBed, Shown
from tests.integration.instance_bed import InstanceBed, container_of, environment_of, nothing_is_left
from tests.integration.pull_bed import PullBed
from tests.services.bridge import bridge
from tests.services.engine import RealEngine
from tests.services.engine_bed import EngineBed
from tests.services.images import ImageSpec
from tests.services.registries import Registries

pytestmark = pytest.mark.real
PRODUCT_ENV = {"IMAGELIB_HOST_PORTS": "11000-14999"}  # where no service of the tests listens

# Kuscia's template for SecretFlow as it is shipped, placeholders and all. Its engine is not in the image of the tests.
STOCK = Path(__file__).parents[1] / "fixtures" / "app_images" / "two_documents.yaml"
ENGINE = "python -m engine.entry ./conf/job.conf"
PROGRAM = "trap 'exit 7' TERM; cat ./conf/job.conf; while :; do sleep 0.1; done"


@pytest.fixture(scope="module")
def beds(embedded: PullBed) -> DeploymentBed:
    return DeploymentBed(InstanceBed(embedded))


@pytest.fixture(scope="module")
def network_engine(engine_bed: EngineBed) -> Iterator[RealEngine]:
    with bridge() as flags, closing(engine_bed.start_engine(extra_flags=flags)) as engine:
        yield engine


@pytest.fixture(scope="module")
def image(network_engine: RealEngine, registries: Registries) -> str:
    """Reference of an image that is in the registry and on the node."""
    registries.open.push_image(ImageSpec("team/app", "1"))
    reference = registries.open.reference("team/app:1")
    network_engine.pull(reference)
    return reference


@pytest.fixture(scope="module")
def node(beds: DeploymentBed, network_engine: RealEngine) -> int:
    return beds.beds.node(network_engine)


@pytest.fixture(autouse=True)
def _emptied(beds: DeploymentBed, network_engine: RealEngine) -> Iterator[None]:
    yield
    beds.remove_all()
    assert nothing_is_left(network_engine)


def inside(engine: RealEngine, shown: Shown, *command: str) -> str:
    """What a program in the deployment's first container says."""
    with connect(EngineEndpoint(engine.unix_url)) as connection:
        [container] = connection.list_containers(labels={"imagelib.name": shown["containers"][0]["name"]})
        return connection.exec_run(container.id, command, within=30).stdout


def test_a_local_image_runs_with_its_configuration_rendered(
    beds: DeploymentBed, node: int, network_engine: RealEngine, image: str
) -> None:
    text = STOCK.read_text()
    assert text.count(ENGINE) == 1
    imported = beds.import_file(text.replace(ENGINE, PROGRAM), name="secretflow-image", image=image)
    assert imported == ["secretflow-image", "secretflow-nsjail-image"]
    cluster = {"parties": [{"name": "alice"}], "selfPartyIdx": 0}
    variables = {"TASK_ID": "job-1", "TASK_CLUSTER_DEFINE": json.dumps(cluster), "TASK_INPUT_CONFIG": '{"a": "\\n"}'}
    made = beds.run("secretflow-image", node, variables=variables)
    shown = beds.until(made["id"], "running")
    rendered = json.loads(inside(network_engine, shown, "cat", "conf/job.conf"))
    assert rendered["id"] == "job-1" and json.loads(rendered["cluster"]) == cluster
    assert rendered["progress"].endswith("?job=job-1") and rendered["input"] == variables["TASK_INPUT_CONFIG"]
    ports = {port["name"]: port["port"] for port in json.loads(rendered["ports"])["ports"]}
    assert list(ports) == ["spu", "global", "object-manager", "inference"]
    [part] = shown["containers"]
    container = container_of(network_engine, beds.beds.show(part["instance"]))
    environment = environment_of(container)
    assert environment["ALLOCATED_PORTS"] == rendered["ports"]
    assert environment["KUSCIA_PORT_OBJECT_MANAGER_NUMBER"] == str(ports["object-manager"])
    published = {ports["spu"], ports["global"], ports["inference"]}
    assert {port["host_port"] for port in part["ports"]} == published, "Local ones stay inside"
    [path] = part["files"]
    assert path == f"{container['Config']['WorkingDir']}/conf/job.conf" and part["unresolved"] == {}
    assert container["HostConfig"]["RestartPolicy"]["Name"] == "no"
    beds.operate("stop", made["id"])
    assert beds.until(made["id"], "stopped")["containers"][0]["state"] == "exited"
    beds.operate("start", made["id"])
    again = beds.until(made["id"], "running")
    assert inside(network_engine, again, "cat", path) == part["files"][path]


SERVING = """trap 'exit 7' TERM
mkdir -p /srv/www; echo ok > /srv/www/healthz; touch /srv/alive
httpd -p $KUSCIA_PORT_HTTP_NUMBER -h /srv/www
while :; do sleep 0.1; done
"""


def probed(name: str, **probes: Any) -> dict[str, Any]:
    container = {
        "name": name,
        "command": ["sh", "-c"],
        "args": [SERVING],
        "ports": [{"name": "http", "scope": "Domain"}, {"name": "inner", "port": 8099}],
        **{f"{kind}Probe": {"periodSeconds": 1, "timeoutSeconds": 5, **probe} for kind, probe in probes.items()},
    }
    return {"name": name, "spec": {"containers": [container]}}


def test_probes_look_and_a_container_that_is_not_alive_is_restarted(
    beds: DeploymentBed, node: int, network_engine: RealEngine, image: str
) -> None:
    beds.app_image("probed", image, probed(
        "probed",
        startup={"tcpSocket": {"port": "http"}, "failureThreshold": 60},
        readiness={"httpGet": {"path": "/healthz", "port": "http"}},
        liveness={"exec": {"command": ["sh", "-c", "test -e /srv/alive"]}, "failureThreshold": 2},
    ))  # fmt: skip
    made = beds.run("probed", node)
    beds.until(made["id"], "running")
    shown = beds.sees(made["id"], "all probes", lambda one: len(one["containers"][0]["probes"]) == 3)
    [part] = shown["containers"]
    assert (part["started"], part["ready"], part["alive"], part["probe_restarts"]) == (True, True, True, 0)
    assert part["probes"]["liveness"]["ok"] is True and part["probes"]["liveness"]["text"] == "exit code 0"
    assert (part["probes"]["startup"]["ok"], part["probes"]["startup"]["code"]) == (True, "connected")
    assert part["probes"]["readiness"]["text"] == "HTTP status 200"

    inside(network_engine, shown, "rm", "/srv/www/healthz")
    shown = beds.sees(made["id"], "to be not ready", lambda one: one["containers"][0]["ready"] is False)
    assert (shown["ready"], shown["containers"][0]["probes"]["readiness"]["text"]) == (0, "HTTP status 404")

    inside(network_engine, shown, "rm", "/srv/alive")
    shown = beds.sees(made["id"], "to be restarted", lambda one: one["containers"][0]["probe_restarts"] == 1)
    shown = beds.until(made["id"], "running")  # the program makes both files anew
    [part] = shown["containers"]
    assert (part["alive"], part["probe_restarts"]) == (True, 1)
    started = container_of(network_engine, beds.beds.show(part["instance"]))["State"]["StartedAt"]
    assert started > container_of(network_engine, beds.beds.show(part["instance"]))["Created"]


def test_an_image_that_is_never_to_be_pulled_must_be_there(beds: DeploymentBed, node: int, image: str) -> None:
    container = {"name": "c", "imagePullPolicy": "Never"}
    beds.app_image(
        "never", image.replace("team/app", "team/absent"), {"name": "t", "spec": {"containers": [container]}}
    )
    shown = beds.until(beds.run("never", node)["id"], "failed")
    problem = shown["containers"][0]["problem"]
    assert problem["code"] == "image_never_pulled" and "pull policy Never" in problem["text"]


def test_the_id_of_the_image_must_be_the_one_that_is_named(
    beds: DeploymentBed, node: int, network_engine: RealEngine, image: str
) -> None:
    template = {"name": "t", "spec": {"containers": [{"name": "c", "command": ["sleep", "600"]}]}}
    actual = network_engine.get(f"/images/{image}/json")["Id"]
    other = "sha256:" + "0" * 64
    name, _, tag = image.rpartition(":")
    beds.app_image("other", image, template, image={"name": name, "tag": tag, "id": other})
    problem = beds.until(beds.run("other", node)["id"], "failed")["containers"][0]["problem"]
    assert problem["code"] == "image_id_mismatch" and other in problem["text"] and actual in problem["text"]
    beds.app_image("same", image, template, image={"name": name, "tag": tag, "id": actual})
    beds.until(beds.run("same", node)["id"], "running")
