"""AppImages that unit tests run, and how to get their containers going."""

from __future__ import annotations

from typing import Any

from appimages.models import AppImage
from appimages.services import create_app_image
from imagelib.models import ImageRegistry
from instances.models import Deployment, Instance
from instances.services import run_app_image
from pulls.tools import Tools
from tests.api import make
from tests.support.one_instance import run
from tests.support.one_pull import REFERENCE

CONFIG = (
    '{"task": "{{.TASK_ID}}", "ports": "{{.ALLOCATED_PORTS}}", "port": {{{.ALLOCATED_PORTS.ports[name=spu].port}}}}'
)
CONTAINER: dict[str, Any] = {
    "name": "worker",
    "command": ["sh"],
    "args": ["-c", "python -m entry ./app.conf"],
    "workingDir": "/srv",
    "configVolumeMounts": [{"mountPath": "/srv/app.conf", "subPath": "app.conf"}],
    "ports": [
        {"name": "spu", "scope": "Cluster", "protocol": "GRPC"},
        {"name": "node-manager", "scope": "Local", "protocol": "GRPC"},
    ],
    "env": [{"name": "EPOCHS", "value": "3"}],
}


def document_of(*containers: dict[str, Any], image: dict[str, Any] | None = None, **template: Any) -> dict[str, Any]:
    """An AppImage with one deploy template for everybody."""
    name, _, tag = REFERENCE.rpartition(":")
    spec = {"restartPolicy": "Never", "containers": list(containers) or [CONTAINER]}
    return {
        "image": {"name": name, "tag": tag, **(image or {})},
        "configTemplates": {"app.conf": CONFIG},
        "deployTemplates": [{"name": "app", "spec": spec, **template}],
    }


def app_image(operator: Any, *containers: dict[str, Any], name: str = "app", **more: Any) -> AppImage:
    return create_app_image(name=name, document=document_of(*containers, **more), author=operator)


def deployed(user: Any, **asked: Any) -> Deployment:
    """Asked for and reserved, nothing done yet. Its image is in the library."""
    if not ImageRegistry.objects.filter(address=REFERENCE).exists():
        make.image(address=REFERENCE)
    return run_app_image(user=user, **{"app_image": "app", "spec": make.spec().pk, **asked})


def instances(deployment: Deployment) -> list[Instance]:
    return list(Instance.objects.filter(deployed__deployment=deployment).order_by("pk"))


def run_all(deployment: Deployment, tools: Tools) -> list[Instance]:
    """A worker takes the newest operation of each of its instances. The rows are fresh afterwards."""
    rows = instances(deployment)
    for row in rows:
        run(row, tools)
    return rows
