"""Compute nodes over the API: why one cannot be used, the sweep over many of them, and pulls onto special ones."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.integration.pull_bed import PullBed, settle
from tests.services.engine import RealEngine
from tests.services.fault_proxy import FaultProxy
from tests.services.ports import free_port
from tests.services.process import wait_until
from tests.services.registries import Registries
from tests.services.sshd import SshServer

pytestmark = pytest.mark.real

Engines = Callable[..., RealEngine]
Proxies = Callable[..., FaultProxy]
ANSWER_WITHIN = 25.0  # seconds; ten are promised, on a machine that is not busy


def create(bed: PullBed, name: str, address: str, **fields: Any) -> dict[str, Any]:
    """Create a node; its connection is tested at once."""
    asked = time.monotonic()
    answer = bed.product.api("POST", "/api/nodes/", json={"name": name, "docker_address": address, **fields})
    assert answer.status_code == 201, answer.text
    assert time.monotonic() - asked < ANSWER_WITHIN
    return dict(answer.json())


def check_again(bed: PullBed, node: dict[str, Any]) -> dict[str, Any]:
    asked = time.monotonic()
    answer = bed.product.api("POST", f"/api/nodes/{node['id']}/test/")
    assert answer.status_code == 200, answer.text
    assert time.monotonic() - asked < ANSWER_WITHIN
    return dict(answer.json())


def assert_failed(node: dict[str, Any], code: str) -> None:
    assert (node["status"], node["status_code"]) == ("failed", code), node
    assert len(node["status_detail"]) > 40, "the cause and what to do, in words"
    assert node["status_age_seconds"] < ANSWER_WITHIN + 1


def tls(engine: RealEngine, ca: str = "ca", client: str | None = "client") -> dict[str, Any]:
    fields: dict[str, Any] = {"use_tls": True, "ca_cert": engine.pem(ca)}
    if client:
        fields |= {"client_cert": engine.pem(f"{client}_cert"), "client_key": engine.pem(f"{client}_key")}
    return fields


@pytest.mark.parametrize("way", ["unix", "tcp", "tls"])
def test_a_node_that_works(separate: PullBed, engine: RealEngine, way: str) -> None:
    fields = tls(engine) if way == "tls" else {}
    node = create(separate, f"works {way}", getattr(engine, f"{way}_url"), **fields)
    assert (node["status"], node["status_detail"]) == ("connected", "")
    truth = engine.get("/info")
    assert node["engine_version"] == truth["ServerVersion"]
    assert node["storage_driver"] == truth["Driver"]
    assert node["platform"] == "linux/amd64"
    assert node["last_seen_at"]
    if way == "tls":
        assert node["has_client_key"] is True
        assert engine.pem("client_key") not in json.dumps(node)
    found = separate.product.api("POST", f"/api/nodes/{node['id']}/discover/").json()
    assert found["cpu"] == truth["NCPU"]
    assert found["memory"] == round(truth["MemTotal"] / 1024**3)


@pytest.mark.parametrize(
    ("code", "address", "fields"),
    [
        ("engine_refused", lambda engine: f"tcp://127.0.0.1:{free_port()}", lambda engine: {}),
        ("engine_host_unknown", lambda engine: "tcp://engine.nosuch.test:2375", lambda engine: {}),
        ("engine_socket_missing", lambda engine: "unix:///nonexistent/docker.sock", lambda engine: {}),
        ("engine_tls_client_certificate", lambda engine: engine.tls_url, lambda engine: tls(engine, client=None)),
        (
            "engine_tls_client_certificate",
            lambda engine: engine.tls_url,
            lambda engine: tls(engine, client="rogue_client"),
        ),
        ("engine_tls_wrong_ca", lambda engine: engine.tls_url, lambda engine: tls(engine, ca="rogue_ca")),
        ("engine_tls_wrong_host", lambda engine: engine.wrong_host_url, lambda engine: tls(engine)),
        ("engine_tls_expected", lambda engine: engine.tls_url, lambda engine: {}),
        ("engine_tls_unexpected", lambda engine: engine.tcp_url, lambda engine: tls(engine)),
    ],
)
def test_why_a_node_does_not_work(
    separate: PullBed, engine: RealEngine, code: str, address: Callable[[RealEngine], str], fields: Any
) -> None:
    node = create(separate, f"broken {time.monotonic()}", address(engine), **fields(engine))
    assert_failed(node, code)
    assert node["last_seen_at"] is None
    assert_failed(check_again(separate, node), code)


def test_a_registry_is_no_engine(separate: PullBed, registries: Registries) -> None:
    node = create(separate, "registry", f"tcp://{registries.open.address}")
    assert_failed(node, "engine_not_docker")


def test_a_hung_engine_and_its_recovery(separate: PullBed, own_engine: Engines) -> None:
    hung = own_engine()
    node = create(separate, "hung", hung.unix_url)
    assert node["status"] == "connected"
    seen = node["last_seen_at"]
    hung.pause()
    node = check_again(separate, node)
    assert_failed(node, "engine_timeout")
    assert node["last_seen_at"] == seen, "when it was last seen well stays known"
    hung.resume()
    assert check_again(separate, node)["status"] == "connected"


def test_a_change_of_the_address_is_tested_at_once(separate: PullBed, engine: RealEngine) -> None:
    node = create(separate, "moves", f"tcp://127.0.0.1:{free_port()}")
    assert_failed(node, "engine_refused")
    path = f"/api/nodes/{node['id']}/"
    changed = separate.product.api("PATCH", path, json={"docker_address": engine.tcp_url})
    assert changed.status_code == 200, changed.text
    assert (changed.json()["status"], changed.json()["status_detail"]) == ("connected", "")


@pytest.fixture
def black_holes() -> Iterator[list[str]]:
    """20 addresses: half accept and never answer, half do not even accept (their backlog is full)."""
    with ExitStack() as stack:
        addresses = []
        for number in range(20):
            listener = stack.enter_context(socket.socket())
            listener.bind(("127.0.0.1", 0))
            listener.listen(0 if number % 2 else 50)
            if number % 2:
                for _filler in range(3):
                    filler = stack.enter_context(socket.socket())
                    filler.setblocking(False)
                    filler.connect_ex(listener.getsockname())
            addresses.append(f"tcp://127.0.0.1:{listener.getsockname()[1]}")
        yield addresses


def test_a_sweep_of_200_nodes(separate: PullBed, engine: RealEngine, black_holes: list[str], session_dir: Path) -> None:
    """One in ten is a black hole: they are not asked one after the other, and no live node is shown failed."""
    rows = [(f"sweep {n}", engine.unix_url if n % 2 else engine.tcp_url) for n in range(180)]
    rows += [(f"sweep dead {n}", address) for n, address in enumerate(black_holes)]
    make = (
        "from nodes.models import ComputeNode\n"
        f"ComputeNode.objects.bulk_create(ComputeNode(name=n, docker_address=a) for n, a in {rows!r})\n"
    )
    ring = "from celery import current_app; import imagelib.celery\n"
    ring += "current_app.send_task('nodes.tasks.sweep_nodes', queue='control')"
    done = separate.product.manage("shell", "--no-imports", "-c", make + ring)
    assert done.returncode == 0, done.stderr
    query = "SELECT name, status, status_code FROM nodes_computenode WHERE name LIKE 'sweep%' AND status != 'unknown'"
    wait_until("the sweep to begin", lambda: separate.rows(query), timeout=90, step=0.05)
    began = time.monotonic()
    while len(known := separate.rows(query)) < 200:
        assert time.monotonic() - began < 45, f"{len(known)} of 200 after 45 s"
        wrong = [row for row in known if "dead" not in row[0] and row[1] != "connected"]
        assert not wrong
        time.sleep(0.1)
    assert {row[1:] for row in known if "dead" in row[0]} == {("failed", "engine_timeout")}
    assert {row[1] for row in known if "dead" not in row[0]} == {"connected"}
    page = separate.product.api("GET", "/api/nodes/?page_size=100").json()["results"]
    ages = [row["status_age_seconds"] for row in page if row["name"].startswith("sweep")]
    assert ages and all(0 <= age < 60 for age in ages)
    separate.product.manage(
        "shell", "--no-imports", "-c",
        "from nodes.models import ComputeNode; ComputeNode.objects.filter(name__startswith='sweep').delete()",
    )  # fmt: skip


def test_a_node_with_a_running_pull_stays(
    separate: PullBed, engine: RealEngine, registries: Registries, fault_proxy: Proxies
) -> None:
    engine.wipe()
    node = create(separate, "busy", engine.unix_url)
    slow = fault_proxy(registries.open)
    slow.limit(500_000)
    pk = separate.pull(slow.reference("team/mid:1"), node["id"])
    separate.wait_for_bytes(pk, 1)
    refused = separate.product.api("DELETE", f"/api/nodes/{node['id']}/")
    assert refused.status_code == 409
    assert "busy" in refused.text and slow.reference("team/mid:1") in refused.text
    assert separate.snapshot(pk)["state"] == "running"
    separate.cancel(pk)
    separate.wait(pk)
    assert separate.product.api("DELETE", f"/api/nodes/{node['id']}/").status_code == 204
    assert separate.snapshot(pk)["node"] == {"id": None, "name": "busy"}


def test_a_pull_over_ssh(separate: PullBed, engine: RealEngine, ssh_server: SshServer, registries: Registries) -> None:
    engine.wipe()
    login = {"username": ssh_server.username, "password": ssh_server.password}
    stranger = create(separate, "over ssh", ssh_server.url, **login)
    assert_failed(stranger, "engine_ssh_host_key")
    known_hosts = Path(separate.product.env["IMAGELIB_DATA_DIR"]) / "known_hosts"
    known_hosts.write_text(ssh_server.known_hosts_line.rstrip() + "\n")
    node = check_again(separate, stranger)
    assert (node["status"], node["status_detail"]) == ("connected", "")
    assert ssh_server.password not in json.dumps(node)
    image = registries.open.image("team/mid:1")
    done = separate.run(registries.open.reference("team/mid:1"), node["id"])
    assert (done["state"], done["digest"]) == ("succeeded", image.digest), done
    wrong = create(separate, "ssh wrong", ssh_server.url, username=ssh_server.username, password="wr0ng-canary")
    assert_failed(wrong, "engine_ssh_auth")
    assert "wr0ng-canary" not in json.dumps(wrong)
    settle(separate)


def test_the_images_of_a_node_are_listed_page_by_page(
    embedded: PullBed, engine: RealEngine, registries: Registries
) -> None:
    for name in ("team/tiny:1", "team/mid:1", "library/tiny:1"):
        assert not any("error" in event for event in engine.pull(registries.open.reference(name)))
    node = create(embedded, "with images", engine.unix_url)
    at = f"/api/nodes/{node['id']}/images/"
    whole = embedded.product.api("GET", at).json()
    assert whole["count"] == len(whole["results"]) >= 2  # both tiny ones are one image
    page = embedded.product.api("GET", f"{at}?name=team/mid&page_size=1").json()
    assert page["count"] == 1
    assert page["results"][0]["repo_tags"] == [registries.open.reference("team/mid:1")]
    assert embedded.product.api("GET", f"{at}?page=99").status_code == 404
    for ordering in ("size", "-size"):
        sizes = [row["size"] for row in embedded.product.api("GET", f"{at}?ordering={ordering}").json()["results"]]
        assert sizes == sorted(sizes, reverse=ordering == "-size") and len(set(sizes)) > 1
