"""How much a creation would pull: asked of the node and the registry, and nothing said that is not known."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User

from core.shared_calls import SharedCalls
from instances.models import ProductSpec
from instances.services import preview
from nodes.models import ComputeNode
from tests.api import make
from tests.integration.scripted_server import Answer, ScriptedServer, scripted_server
from tests.support.one_instance import gpu_node
from tests.support.tiny_engine import TinyEngine, tiny_engine

pytestmark = pytest.mark.django_db
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
BASE, MIDDLE, TOP = ("sha256:" + letter * 64 for letter in "abc")  # of the layers' contents


def blob(content: bytes, kind: str) -> dict[str, Any]:
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    return {"mediaType": f"application/vnd.docker.{kind}", "size": len(content), "digest": digest}


@pytest.fixture
def registry() -> Iterator[ScriptedServer]:
    """Has one image of three layers, of 1000, 200 and 30 bytes."""
    config = json.dumps(
        {"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": [BASE, MIDDLE, TOP]}}
    ).encode()
    layers = [
        {"mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip", "size": size, "digest": f"sha256:{size:064}"}
        for size in (1000, 200, 30)
    ]
    described = {"schemaVersion": 2, "mediaType": MANIFEST, "config": blob(config, "container.image.v1+json")}
    manifest = json.dumps({**described, "layers": layers}).encode()
    digest = blob(manifest, "")["digest"]
    headers = {"Content-Type": MANIFEST, "Docker-Content-Digest": digest}
    with scripted_server() as server:
        server.script = {
            "/v2/": Answer(200, {}),
            r"/v2/team/app/manifests/.*": Answer(200, manifest, headers),
            rf"/v2/team/app/blobs/{described['config']['digest']}": Answer(200, config),
        }
        yield server


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[TinyEngine]:
    """Has an image of other layers on the same base."""
    with tiny_engine(tmp_path, unix=False) as engine:
        other = "sha256:" + "e" * 64
        engine.answers["GET /images/json"] = lambda: (200, [{"Id": other}])
        engine.answers[f"GET /images/{other}/json"] = lambda: (200, {"Id": other, "RootFS": {"Layers": [BASE, TOP]}})
        yield engine


@pytest.fixture
def node(engine: TinyEngine) -> ComputeNode:
    return gpu_node(docker_address=engine.address)


@pytest.fixture
def asked(registry: ScriptedServer, node: ComputeNode, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setattr("instances.arriving._estimates", SharedCalls(fresh_for=1000))  # however slow the test is
    host = f"127.0.0.1:{registry.server_port}"
    make.registry(endpoint=host, insecure=True)
    image = make.image(address=f"{host}/team/app:v1", supports_vgpu=True)
    slices = {"gpu_model": "A10", "gpu_count": 1, "gpu_memory_gb": 8, "supports_memory_split": True}
    spec = ProductSpec.objects.create(name="slice", **slices)
    user = User.objects.create_user("ulrich")
    return {"user": user, "image": image.pk, "spec": spec.pk, "name": "train", "node": node.pk}


def has_it(engine: TinyEngine, **config: Any) -> None:
    found = {"Id": "sha256:" + "f" * 64, "RootFS": {"Layers": [BASE, MIDDLE, TOP]}, "Config": config}
    engine.answers["GET /images/127.0.0.1"] = lambda: (200, found)


def test_layers_that_the_node_has_are_not_counted(asked: dict[str, Any], registry: ScriptedServer) -> None:
    shown = preview(**asked)
    codes = [one["code"] for one in shown["warnings"]]
    assert (shown["bytes_to_pull"], codes) == (230, ["image_environment_unknown"])
    before = len(registry.asked)
    assert preview(**{**asked, "name": "other"})["bytes_to_pull"] == 230
    assert len(registry.asked) == before, "it is asked once for some seconds"


def test_an_image_that_is_there_moves_nothing_and_shows_its_own_preload(
    asked: dict[str, Any], engine: TinyEngine, registry: ScriptedServer
) -> None:
    has_it(engine, Env=["LD_PRELOAD=/opt/own.so", "CUDA_DEVICE_MEMORY_LIMIT_0=99g"])
    shown = preview(**asked)
    assert (shown["bytes_to_pull"], shown["warnings"]) == (0, [])
    assert shown["environment"]["LD_PRELOAD"].endswith(":/opt/own.so")
    assert shown["environment"]["CUDA_DEVICE_MEMORY_LIMIT_0"] == ""
    assert not registry.asked


def test_an_image_that_was_removed_is_not_there_whatever_was_pulled_once(
    asked: dict[str, Any], node: ComputeNode, engine: TinyEngine
) -> None:
    user = asked["user"]
    reference = preview(**asked)["image_reference"]
    make.pull(by=user, on=node, state="succeeded", reference=reference)
    assert preview(**asked)["bytes_to_pull"] == 230
    has_it(engine)
    assert preview(**asked)["bytes_to_pull"] == 0


@pytest.mark.parametrize("trouble", ["no registry", "refused", "no node"])
def test_what_cannot_be_known_is_null_with_a_warning(
    asked: dict[str, Any], registry: ScriptedServer, node: ComputeNode, trouble: str
) -> None:
    if trouble == "refused":
        registry.script = {".*": Answer(404, {"errors": [{"code": "MANIFEST_UNKNOWN"}]})}
    elif trouble == "no registry":
        registry.script = {".*": Answer(500)}
    else:
        ComputeNode.objects.filter(pk=node.pk).update(docker_address=make.DEAD_ENGINE)
    shown = preview(**asked)
    assert shown["bytes_to_pull"] is None
    warning, unseen = shown["warnings"]
    assert unseen["code"] == "image_environment_unknown"
    assert warning["code"] == "size_unknown" and not warning["text"].endswith(": ")
