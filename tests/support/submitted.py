"""What tests of submissions need: an image in a registry that answers by script, a worker's tools, builds."""

from __future__ import annotations

import hashlib
import io
import json
import random
import tarfile
import time
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils import timezone

from builds.models import Build
from core.jobs import JobState
from imagelib.models import RegistryEndpoint
from imagelib.references import open_registry
from imagelib.registry import RegistryClient
from pulls.tools import Tools
from tests.integration.scripted_server import Answer, ScriptedServer

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
REPOSITORY = "team/app"
LABELS = {
    "org.opencontainers.image.revision": "0ac1" * 10,
    "org.opencontainers.image.source": "https://git.example.com/team/images",
}


File = tuple[str, bytes | str]  # content, or where a link leads


def digest(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def archive(*files: File, format: int = tarfile.GNU_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format) as made:
        for name, content in files:
            info = tarfile.TarInfo(name)
            if isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
                made.addfile(info)
            else:
                info.size = len(content)
                made.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def layer(files: Mapping[str, bytes | str]) -> bytes:
    return archive(*files.items())


GLIBC = layer({"etc/os-release": b"Debian", "lib/x86_64-linux-gnu/libc.so.6": "libc-2.31.so"})
MUSL = layer({"lib/ld-musl-x86_64.so.1": b"x"})
NEITHER = layer({"tool": b"static"})


def serve(
    server: ScriptedServer,
    *,
    tag: str = "v1",
    layers: Sequence[bytes] = (GLIBC,),
    labels: Mapping[str, str] = LABELS,
    platform: str = "linux/amd64",
) -> str:
    """An image that the server has from now on. Returns the digest of its manifest."""
    system, architecture = platform.split("/")
    config = json.dumps(
        {"os": system, "architecture": architecture, "created": "2026-11-26T01:00:00Z",
         "config": {"Labels": dict(labels)}, "rootfs": {"diff_ids": [digest(one) for one in layers]}}
    ).encode()  # fmt: skip
    manifest = json.dumps(
        {"schemaVersion": 2, "mediaType": OCI_MANIFEST,
         "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest(config),
                    "size": len(config)},
         "layers": [{"digest": digest(one), "size": len(one)} for one in layers]}
    ).encode()  # fmt: skip
    found = digest(manifest)
    for moved in [pattern for pattern in server.script if f"/manifests/({tag}|" in pattern]:
        del server.script[moved]
    answer = Answer(200, manifest, {"Content-Type": OCI_MANIFEST, "Docker-Distribution-Api-Version": "registry/2.0"})
    server.script[f"/v2/{REPOSITORY}/manifests/({tag}|{found})"] = answer
    for blob in (config, *layers):
        server.script[f"/v2/{REPOSITORY}/blobs/{digest(blob)}"] = Answer(200, blob)
    return found


def reference(server: ScriptedServer, tag: str = "v1") -> str:
    return f"{server.address}/{REPOSITORY}:{tag}"


def missing(server: ScriptedServer, tag: str = "v1") -> None:
    """The registry says that there is no such tag."""
    server.script[f"/v2/{REPOSITORY}/manifests/{tag}"] = Answer(
        404, {"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}
    )


def registry(host: str, endpoint: RegistryEndpoint | None) -> RegistryClient:
    return open_registry(host, endpoint)


def tools(**changed: Any) -> Tools:
    usual: dict[str, Any] = {
        "now": timezone.now, "monotonic": time.monotonic, "sleep": time.sleep, "jitter": random.random,
        "connect": None, "registry": registry, "interrupted": lambda: False,
    }  # fmt: skip
    return Tools(**{**usual, **changed})


def built(*, by: Any, **values: Any) -> Build:
    """A build that pushed its image."""
    usual: dict[str, Any] = {
        "application_name": "jupyter-x", "requested_by": by, "state": JobState.SUCCEEDED, "revision": "0ac1" * 10,
        "repository": "registry.example.com/team/app", "registry_host": "registry.example.com",
        "reference": "registry.example.com/team/app:v1", "digest": "sha256:" + "a" * 64,
    }  # fmt: skip
    return Build.objects.create(**{**usual, **values})
