"""What the tests with a scripted registry share: one image, and asking for it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from imagelib.registry import Blob, Platform, RegistryClient, RegistryError
from imagelib.registry.manifests import DOCKER_MANIFEST
from tests.integration.scripted_server import ScriptedServer

AMD64 = Platform("linux", "amd64")
MANIFEST = "/v2/team/app/manifests/1"
CONFIG_BODY = json.dumps({"os": "linux", "architecture": "amd64", "rootfs": {"diff_ids": ["sha256:1"]}}).encode()


def digest(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


CONFIG = Blob(digest(CONFIG_BODY), len(CONFIG_BODY))
IMAGE = {
    "schemaVersion": 2,
    "mediaType": DOCKER_MANIFEST,
    "config": {"digest": CONFIG.digest, "size": CONFIG.size},
    "layers": [{"digest": digest(b"layer"), "size": 1234}],
}


def refused(action: Callable[[], object]) -> RegistryError:
    with pytest.raises(RegistryError) as caught:
        action()
    return caught.value


def failed_resolve(server: ScriptedServer, **options: Any) -> RegistryError:
    """The error of asking for the image."""
    with RegistryClient(server.address, **options) as client:
        return refused(lambda: client.resolve("team/app", "1", platform=AMD64))
