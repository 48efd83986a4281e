"""Images that a fake engine can pull and whose registry answers, over real HTTP, what they are made of."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from tests.integration.scripted_server import Answer, ScriptedServer
from tests.support.fake_registry import FakeImage

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


class ServedImage(FakeImage):
    """Its digest is the one of the manifest that `serve` makes of it."""

    @property
    def digest(self) -> str:
        return _digest(_manifest(self))


def serve(server: ScriptedServer, *images: ServedImage) -> None:
    """Later images replace earlier ones of their name."""
    for image in images:
        path = image.repository.partition("/")[2]
        headers = {"Content-Type": MANIFEST, "Docker-Content-Digest": image.digest}
        served: dict[str, Any] = {
            rf"/v2/{path}/manifests/({image.tag}|{image.digest})": Answer(200, _manifest(image), headers),
            rf"/v2/{path}/blobs/{_digest(_config(image))}": Answer(200, _config(image)),
        }
        server.script = served | server.script


def _config(image: FakeImage) -> bytes:
    system, _slash, architecture = image.platform.partition("/")
    layers = {"type": "layers", "diff_ids": list(image.diff_ids)}
    return json.dumps({"os": system, "architecture": architecture, "rootfs": layers}).encode()


def _manifest(image: FakeImage) -> bytes:
    described: dict[str, Any] = {"schemaVersion": 2, "mediaType": MANIFEST}
    config = _config(image)
    described["config"] = {
        "mediaType": "application/vnd.docker.container.image.v1+json", "size": len(config), "digest": _digest(config),
    }  # fmt: skip
    described["layers"] = [
        {
            "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
            "size": layer.size,
            "digest": layer.digest,
        }
        for layer in image.layers
    ]
    return json.dumps(described).encode()


def _digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()
