"""What becomes of AppImages that run: ports that others have, stopping, removing, and how it is shown."""

from __future__ import annotations

import json

import pytest
from django.utils import translation

from appimages.services import delete_app_image
from core.errors import Conflict, InUse, NotFound
from core.jobs import JobState
from instances.deployment_snapshot import deployment_snapshot, with_containers
from instances.models import (
    ConfigSet,
    DeployedContainer,
    Deployment,
    Desired,
    HostPort,
    Instance,
    Observed,
    OperationKind,
)
from instances.services import (
    operate,
    operate_deployment,
    remove_deployment,
)
from instances.services.asking import NoRoom
from instances.snapshot import problem_of
from instances.sweep import sweep_instances
from nodes.engine import EngineRejected
from tests.support.one_deployment import CONTAINER, app_image, deployed, instances, run_all
from tests.support.one_instance import is_clean, only, prepare, run

pytestmark = pytest.mark.django_db(transaction=True)


# --- ports ------------------------------------------------------------------------------------------------------------


def test_ports_of_a_node_are_given_once(people, ulrich, node, settings) -> None:
    settings.HOST_PORTS = (20000, 20004)
    app_image(people)
    deployed(ulrich, replicas=2)
    with pytest.raises(NoRoom) as refused:
        deployed(ulrich)
    assert refused.value.extra["nodes"][0]["code"] == "no_free_port"
    assert HostPort.objects.count() == 4


def test_a_port_that_something_else_has_is_exchanged(people, ulrich, node, engine, tools) -> None:
    prepare(engine)
    app_image(people)
    [instance] = instances(deployed(ulrich))
    before = set(HostPort.objects.values_list("port", flat=True))
    words = f"Bind for 0.0.0.0:{min(before)} failed: port is already allocated"
    engine.containers.refuse("start", EngineRejected(500, words))
    assert run(instance, tools).state == JobState.QUEUED and not engine.containers.all
    after = set(HostPort.objects.values_list("port", flat=True))
    assert len(after) == 2 and not before & after
    assert run(instance, tools).state == JobState.SUCCEEDED
    spec, files = only(engine).spec, only(engine).files
    assert {port.host_port for port in spec.ports} <= after
    assert json.loads(files["/srv/app.conf"])["port"] in after and instance.observed == Observed.RUNNING


def test_ports_that_stay_taken_end_the_creation_and_hold_nothing(people, ulrich, node, engine, tools) -> None:
    prepare(engine)
    app_image(people)
    [instance] = instances(deployed(ulrich))
    for _attempt in range(5):
        engine.containers.refuse("start", EngineRejected(500, "port is already allocated"))
    operation = run(instance, tools, times=5)
    assert (operation.state, instance.problem_code) == (JobState.FAILED, "port_taken")
    sweep_instances(tools=tools)
    assert not HostPort.objects.exists() and is_clean(engine)


@pytest.mark.parametrize("gone", ["ports", "set", "template"])
def test_what_went_since_is_said_when_ports_are_exchanged(people, ulrich, node, engine, tools, settings, gone) -> None:
    prepare(engine)
    ConfigSet.objects.create(name="site", values={"REGION": "lab"})
    app_image(people, CONTAINER | {"envFrom": [{"configMapRef": {"name": "site"}}]})
    [instance] = instances(deployed(ulrich))
    if gone == "ports":
        settings.HOST_PORTS = (20000, 20000)
    elif gone == "set":
        ConfigSet.objects.all().delete()
    else:
        document = instance.deployed.deployment.document | {"configTemplates": {"app.conf": "a {{.B"}}
        Deployment.objects.update(document=document)  # as an older version took it
    engine.containers.refuse("start", EngineRejected(500, "port is already allocated"))
    operation = run(instance, tools)
    code = {"ports": "no_free_port", "set": "no_config_set", "template": "bad_config_template"}[gone]
    assert (operation.state, instance.problem_code) == (JobState.FAILED, code) and is_clean(engine)
    texts = {}
    for language in ("en", "zh-hans"):
        with translation.override(language):
            texts[language] = (problem_of(instance) or {})["text"]
    assert {"ports": "20000", "set": "site", "template": "Line 1, column 3"}[gone] in texts["en"]
    assert texts["zh-hans"] != texts["en"]


# --- life and end -----------------------------------------------------------------------------------------------------


def test_a_deployment_goes_with_the_last_of_its_containers(people, ulrich, node, engine, tools) -> None:
    prepare(engine)
    app_image(people, CONTAINER, {"name": "other"})
    deployment = deployed(ulrich)
    first, second = run_all(deployment, tools)
    with pytest.raises(InUse, match="app"):
        delete_app_image(name="app", author=people)
    remove_deployment(user=ulrich, deployment=deployment.pk)
    remove_deployment(user=ulrich, deployment=deployment.pk)  # a second click is no mistake
    deployment.refresh_from_db()
    assert deployment.desired == Desired.REMOVED
    run(first, tools)
    assert Deployment.objects.exists()
    run(second, tools)
    assert not Deployment.objects.exists() and not HostPort.objects.exists() and is_clean(engine)
    delete_app_image(name="app", author=people)


def test_a_deployment_without_containers_goes_at_once(people, ulrich, node, engine, tools) -> None:
    prepare(engine)
    app_image(people, {"name": "c"})
    deployment = deployed(ulrich)
    [instance] = run_all(deployment, tools)
    operate(user=ulrich, instance=instance.pk, kind=OperationKind.REMOVE)
    run(instance, tools)
    assert Deployment.objects.exists(), "somebody removed its instance, not it"
    remove_deployment(user=ulrich, deployment=deployment.pk)
    assert not Deployment.objects.exists()


def test_all_containers_are_stopped_and_started(people, ulrich, node, engine, tools) -> None:
    prepare(engine)
    app_image(people, {"name": "a"}, {"name": "b"})
    deployment = deployed(ulrich)
    with pytest.raises(Conflict):
        operate_deployment(user=ulrich, deployment=deployment.pk, kind=OperationKind.STOP)
    run_all(deployment, tools)
    assert operate_deployment(user=ulrich, deployment=deployment.pk, kind=OperationKind.STOP).desired == Desired.STOPPED
    with pytest.raises(Conflict):
        operate_deployment(user=ulrich, deployment=deployment.pk, kind=OperationKind.START)
    assert {row.observed for row in run_all(deployment, tools)} == {Observed.EXITED}
    operate_deployment(user=ulrich, deployment=deployment.pk, kind=OperationKind.START)
    assert {row.observed for row in run_all(deployment, tools)} == {Observed.RUNNING}
    remove_deployment(user=ulrich, deployment=deployment.pk)
    with pytest.raises(Conflict):
        operate_deployment(user=ulrich, deployment=deployment.pk, kind=OperationKind.START)


def test_others_do_not_see_it(people, ulrich, node, django_user_model) -> None:
    app_image(people, {"name": "c"})
    deployment = deployed(ulrich)
    other = django_user_model.objects.create_user("other")
    for call in (remove_deployment, operate_deployment):
        with pytest.raises(NotFound):
            call(user=other, deployment=deployment.pk, **({} if call is remove_deployment else {"kind": "stop"}))


# --- how it is shown --------------------------------------------------------------------------------------------------


def test_the_state_of_a_deployment(people, ulrich, node, engine, tools) -> None:
    prepare(engine)
    app_image(people, {"name": "a"}, {"name": "b"})
    deployment = deployed(ulrich)

    def state(**desired: str) -> tuple[str, int]:
        Deployment.objects.filter(pk=deployment.pk).update(**desired)
        shown = deployment_snapshot(with_containers(Deployment.objects.all()).get())
        return shown["state"], shown["ready"]

    assert state() == ("starting", 0)
    first, second = run_all(deployment, tools)
    assert state() == ("running", 2)
    DeployedContainer.objects.filter(pk=first.pk).update(is_ready=False)
    assert state() == ("starting", 1)
    DeployedContainer.objects.filter(pk=first.pk).update(is_ready=None)
    Instance.objects.filter(pk=first.pk).update(observed=Observed.EXITED)
    assert state() == ("degraded", 1)
    Instance.objects.filter(pk=second.pk).update(observed=Observed.EXITED)
    assert state() == ("ended", 0) and state(desired=Desired.STOPPED) == ("stopped", 0)
    Instance.objects.filter(pk=first.pk).update(observed=Observed.GONE)
    assert state() == ("degraded", 0)
    Instance.objects.filter(pk=second.pk).update(observed=Observed.FAILED)
    assert state() == ("failed", 0) and state(desired=Desired.REMOVED) == ("removing", 0)
    Instance.objects.all().delete()
    assert state(desired=Desired.RUNNING) == ("empty", 0)
