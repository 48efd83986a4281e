"""Kuscia's API as its clients use it: P01 to P37, each a test. `C` in the specification is what Kuscia's code does."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.kuscia_client import LEAST, SUCCESS, Kuscia, least
from tests.api.kuscia_example import EXAMPLE


def test_p01_create(kuscia: Kuscia) -> None:
    assert kuscia.ask("create", EXAMPLE) == SUCCESS


def test_p02_query(kuscia: Kuscia) -> None:
    kuscia.done("create", EXAMPLE)
    found = kuscia.query("appimage-template")
    assert found["name"] == "appimage-template"
    image = {"name": "app-image", "tag": "v1.0.0", "id": "adlipoidu8yuahd6", "sign": "nkdy7pad09iuadjd"}
    assert found["image"] == image and list(found["image"]) == ["name", "tag", "id", "sign"]
    [template] = found["deploy_templates"]
    assert (template["restart_policy"], template["replicas"], template["role"]) == ("Never", 1, "server")
    [container] = template["containers"]
    assert container["readiness_probe"]["exec"] == {"command": ["cat", "/tmp/ready"]}
    http = {"path": "/healthz", "port": "global", "host": "", "scheme": "", "http_headers": []}
    assert container["liveness_probe"]["http_get"] == http
    startup = container["startup_probe"]
    assert startup["failure_threshold"] == 30
    assert startup["tcp_socket"] is startup["grpc"] is startup["exec"] is None
    assert startup["termination_grace_period_seconds"] == "0"


def test_p03_every_field_of_a_container_is_answered(kuscia: Kuscia) -> None:
    kuscia.done("create", LEAST)
    container = {
        "name": "c", "command": [], "args": [], "working_dir": "", "config_volume_mounts": [], "ports": [],
        "env_from": [], "env": [], "resources": None, "liveness_probe": None, "readiness_probe": None,
        "startup_probe": None, "image_pull_policy": "",
    }  # fmt: skip
    template = {"name": "d", "role": "", "replicas": 1, "restart_policy": "", "containers": [container]}
    image = {"name": "n", "tag": "", "id": "", "sign": ""}
    found = kuscia.query("a")
    assert found == {"name": "a", "image": image, "config_templates": {}, "deploy_templates": [template]}
    assert list(found["deploy_templates"][0]["containers"][0]) == list(container)
