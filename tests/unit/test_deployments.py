"""AppImages that run, against the fake engine: from what was asked for to what is in the containers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from instances.models import HostPort, Observed
from tests.support.one_deployment import app_image, deployed, run_all
from tests.support.one_instance import only, prepare

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_container_gets_what_its_template_says(people, ulrich, node, engine, tools) -> None:
    prepare(engine)
    app_image(people)
    deployment = deployed(ulrich, variables={"TASK_ID": 'job "1"'})
    [instance] = run_all(deployment, tools)
    spec, files = only(engine).spec, only(engine).files
    assert (instance.observed, instance.name, deployment.name) == (Observed.RUNNING, "app-1", "app")
    assert (spec.entrypoint, spec.command) == (("sh",), ("-c", "python -m entry ./app.conf"))
    assert (spec.working_dir, spec.restart_policy) == ("/root", "no")
    held = list(HostPort.objects.filter(instance=instance).order_by("pk").values_list("port", flat=True))
    ports = json.loads(spec.environment["ALLOCATED_PORTS"])
    assert ports == {"ports": [
        {"name": "spu", "port": held[0], "scope": "Cluster", "protocol": "GRPC"},
        {"name": "node-manager", "port": held[1], "scope": "Local", "protocol": "GRPC"},
    ]}  # fmt: skip
    assert spec.environment["KUSCIA_PORT_NODE_MANAGER_NUMBER"] == str(held[1])
    assert spec.environment["EPOCHS"] == "3"
    assert [(port.container_port, port.host_port) for port in spec.ports] == [(held[0], held[0])], "Local ones are not"
    written: Any = json.loads(files["/root/app.conf"])
    assert written == {"task": 'job "1"', "ports": spec.environment["ALLOCATED_PORTS"], "port": held[0]}
