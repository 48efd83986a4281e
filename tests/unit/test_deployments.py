"""AppImages that run, against the fake engine: from what was asked for to what is in the containers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.utils import translation

from appimages.models import AppImage
from appimages.services import replace_app_image
from core.errors import Conflict, InvalidInput, PermissionRefused
from core.jobs import JobState
from imagelib.models import ImageRegistry
from instances.models import (
    ConfigSet,
    Deployment,
    HostPort,
    Instance,
    Observed,
    SecretSet,
)
from instances.services import (
    operate_deployment,
    run_app_image,
    save_secret_set,
)
from instances.services.asking import NoRoom, NotOffered, judge
from instances.services.replicas import nodes_for
from instances.snapshot import problem_of
from instances.spec import Options
from nodes.engine import EngineRejected
from pulls.models import PullJob
from pulls.work import run_pull
from tests.api import make
from tests.support.one_deployment import app_image, deployed, instances, run_all
from tests.support.one_instance import gpu_node, is_clean, made, only, prepare, run
from tests.support.one_pull import IMAGE, REFERENCE

REPOSITORY = REFERENCE.rpartition(":")[0]
pytestmark = pytest.mark.django_db(transaction=True)


def test_a_container_gets_what_its_template_says(people, ulrich, node, engine, tools) -> None:
    prepare(engine)
    app_image(people)
    deployment = deployed(ulrich, variables={"TASK_ID": 'job "1"'})
    [instance] = run_all(deployment, tools)
    spec, files = only(engine).spec, only(engine).files
    assert (instance.observed, instance.name, deployment.name) == (Observed.RUNNING, "app-1", "app")
    assert (spec.entrypoint, spec.command) == (("sh",), ("-c", "python -m entry ./app.conf"))
    assert (spec.working_dir, spec.restart_policy) == ("/srv", "no")
    held = list(HostPort.objects.filter(instance=instance).order_by("pk").values_list("port", flat=True))
    ports = json.loads(spec.environment["ALLOCATED_PORTS"])
    assert ports == {"ports": [
        {"name": "spu", "port": held[0], "scope": "Cluster", "protocol": "GRPC"},
        {"name": "node-manager", "port": held[1], "scope": "Local", "protocol": "GRPC"},
    ]}  # fmt: skip
    assert spec.environment["KUSCIA_PORT_NODE_MANAGER_NUMBER"] == str(held[1])
    assert spec.environment["EPOCHS"] == "3"
    assert [(port.container_port, port.host_port) for port in spec.ports] == [(held[0], held[0])], "Local ones are not"
    written: Any = json.loads(files["/srv/app.conf"])
    assert written == {"task": 'job "1"', "ports": spec.environment["ALLOCATED_PORTS"], "port": held[0]}


# --- what is asked for ------------------------------------------------------------------------------------------------


def test_replicas_go_to_the_nodes_in_turn_with_their_containers_together(people, ulrich, node, engine, tools) -> None:
    prepare(engine)
    other = gpu_node()
    app_image(people, {"name": "server"}, {"name": "sidecar"}, name="two.parts", replicas=3)
    deployment = deployed(ulrich, app_image="two.parts", nodes=[node.pk, other.pk])
    assert deployment.name == "two-parts"
    placed = [(part.container, part.replica, part.instance.node_id) for part in deployment.containers.all()]
    assert placed == [
        (name, replica, (node.pk, other.pk)[replica % 2]) for replica in range(3) for name in ("server", "sidecar")
    ]
    assert deployed(ulrich, app_image="two.parts").name == "two-parts-2"
    assert deployed(ulrich, app_image="two.parts", replicas=1).containers.count() == 2


def test_without_a_number_there_is_one_replica_for_each_node(people, ulrich, node) -> None:
    other = gpu_node()
    app_image(people, {"name": "c"})
    made = deployed(ulrich, nodes=[other.pk, node.pk, other.pk])
    assert [part.instance.node_id for part in made.containers.all()] == [other.pk, node.pk]


def test_a_replica_moves_on_as_a_whole_where_a_node_takes_but_a_part_of_it(people, ulrich, node) -> None:
    larger = gpu_node(cpu=16)
    app_image(people, {"name": "a"}, {"name": "b"})
    made = deployed(ulrich, spec=make.spec(cpu_cores=5).pk)  # eight cores are enough for one
    assert [part.instance.node_id for part in made.containers.all()] == [larger.pk, larger.pk]
    assert sorted(Instance.objects.values_list("name", "anywhere")) == [("app-1", False), ("app-2", False)]


def test_all_containers_or_none(people, ulrich, node) -> None:
    app_image(people, {"name": "a"}, {"name": "b"}, replicas=2)
    plan = make.spec(cpu_cores=3)  # the node has eight
    make.image(address=REFERENCE)
    with pytest.raises(NoRoom) as refused:
        run_app_image(user=ulrich, app_image="app", spec=plan.pk)
    assert refused.value.extra["nodes"][0]["code"] == "no_cpu_cores"
    assert not Deployment.objects.exists() and not Instance.objects.exists() and not HostPort.objects.exists()


def test_the_role_chooses_the_deploy_template(people, ulrich, node) -> None:
    row = app_image(people)
    document = row.document | {"deployTemplates": [
        {"name": "server", "role": "server", "spec": {"containers": [{"name": "s"}]}},
        {"name": "client", "role": "client,guest", "spec": {"containers": [{"name": "c"}]}},
    ]}  # fmt: skip
    replace_app_image(name="app", document=document, author=people)
    made = deployed(ulrich, role="guest")
    assert (made.deploy_template, made.role, made.version) == ("client", "guest", 2)
    with pytest.raises(InvalidInput) as refused:
        deployed(ulrich, role="nobody")
    assert list(refused.value.fields) == ["role"] and "server, client, guest" in str(refused.value)


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"replicas": 0}, "replicas"),
        ({"replicas": 65}, "replicas"),
        ({"name": "a b"}, "name"),
        ({"name": "x" * 41}, "name"),
        ({"variables": {"KUSCIA_API_TOKEN": "x"}}, "variables"),
        ({"variables": {"": "x"}}, "variables"),
    ],
)
def test_what_cannot_be_asked(people, ulrich, node, asked: dict[str, Any], field: str) -> None:
    app_image(people)
    with pytest.raises(InvalidInput) as refused:
        deployed(ulrich, **asked)
    assert list(refused.value.fields) == [field] and not Deployment.objects.exists()


@pytest.mark.parametrize(
    ("container", "code"),
    [
        ({"name": "c", "imagePullPolicy": "Maybe"}, "pull_policy_unknown"),
        ({"name": "c", "configVolumeMounts": [{"mountPath": "/a", "subPath": "broken"}]}, "bad_config_template"),
        ({"name": "c", "resources": {"requests": {"cpu": "3"}}}, "spec_too_small_cpu"),
        ({"name": "c", "resources": {"requests": {"memory": "3Gi"}}}, "spec_too_small_memory"),
        ({"name": "c", "resources": {"limits": {"cpu": "64"}}}, "spec_too_small_cpu"),
        ({"name": "c", "resources": {"limits": {"memory": "1Ti"}}}, "spec_too_small_memory"),
        ({"name": "c", "resources": {"limits": {"nvidia.com/gpu": "1"}}}, "spec_too_few_cards"),
        ({"name": "c", "resources": {"requests": {"nvidia.com/gpu": 4}}}, "spec_too_few_cards"),
        ({"name": "c", "resources": {"limits": {"example.com/tpu": "1"}}}, "no_such_resource"),
        ({"name": "c", "livenessProbe": {"periodSeconds": 1}}, "bad_probe"),
        ({"name": "c", "ports": [{"name": "a-b"}, {"name": "a_b"}]}, "ports_alike"),
        ({"name": "c", "env": [{"name": "NVIDIA_VISIBLE_DEVICES", "value": "all"}]}, "reserved_variable"),
        ({"name": "c", "envFrom": [{"configMapRef": {"name": "absent"}}]}, "no_config_set"),
        ({"name": "c", "envFrom": [{"secretRef": {"name": "absent"}}]}, "no_secret_set"),
        ({"name": "twice"}, "duplicate_container"),
    ],
)
def test_what_no_node_can_run(people, ulrich, node, container: dict[str, Any], code: str) -> None:
    row = app_image(people, *[container] * (2 if container["name"] == "twice" else 1))
    replace_app_image(name="app", document=row.document | {"configTemplates": {"broken": "{{.X"}}, author=people)
    with translation.override("en"), pytest.raises(NotOffered) as refused:
        deployed(ulrich, spec=make.spec(cpu_cores=2, memory_gb=2).pk)
    assert refused.value.code == code and not Deployment.objects.exists()
    if code == "bad_config_template":
        assert "Line 1, column 1: the braces are not closed" in str(refused.value)


def test_cards_that_the_product_spec_has_may_be_asked_for(people, ulrich) -> None:
    make.gpu_node()
    resources = {"limits": {"nvidia.com/gpu": "2", "example.com/tpu": "0", "ephemeral-storage": "1Gi"}}
    app_image(people, {"name": "c", "resources": resources})
    with translation.override("en"), pytest.raises(NotOffered) as refused:
        deployed(ulrich, spec=make.spec(gpu_model="NVIDIA A10", gpu_count=1).pk)
    assert "It needs 2 GPUs (nvidia.com/gpu); the product spec has 1." in str(refused.value)
    [instance] = instances(deployed(ulrich, spec=make.spec(gpu_model="NVIDIA A10", gpu_count=2).pk))
    assert instance.allocations.count() == 2


def test_no_file_is_put_where_a_card_needs_its_library(people, ulrich) -> None:
    make.gpu_node()
    app_image(people, {"name": "c", "configVolumeMounts": [{"mountPath": "/etc/ld.so.preload", "subPath": "app.conf"}]})
    with translation.override("en"), pytest.raises(NotOffered) as refused:
        deployed(ulrich, spec=make.spec(gpu_model="NVIDIA A10", gpu_count=1).pk)
    assert refused.value.code == "reserved_path" and "/etc/ld.so.preload" in str(refused.value)
    assert not Deployment.objects.exists()


def test_users_run_what_is_listed_and_operators_anything(people, ulrich, node) -> None:
    app_image(people, {"name": "c"})
    plan = make.spec()
    with pytest.raises(PermissionRefused) as refused:
        run_app_image(user=ulrich, app_image="app", spec=plan.pk)
    assert refused.value.code == "image_not_listed" and REFERENCE in str(refused.value)
    made = run_app_image(user=people, app_image="app", spec=plan.pk)
    [instance] = instances(made)
    entry = instance.image
    assert (entry.address, entry.is_listed, entry.supports_vgpu) == (REFERENCE, False, False)
    again = run_app_image(user=people, app_image="app", spec=plan.pk)
    assert instances(again)[0].image == entry, "and it is made once"
    with pytest.raises(PermissionRefused):
        run_app_image(user=ulrich, app_image="app", spec=plan.pk)
    listed = make.image(address=REFERENCE)
    assert instances(run_app_image(user=people, app_image="app", spec=plan.pk))[0].image == listed, "listed ones first"


def test_names_that_are_taken(people, ulrich, node) -> None:
    app_image(people, {"name": "c"})
    deployed(ulrich, name="psi")
    with pytest.raises(Conflict, match="psi"):
        deployed(ulrich, name="psi")
    Instance.objects.filter(name="psi-1").update(name="other-1")
    with pytest.raises(Conflict, match="other"):
        deployed(ulrich, name="other")
    assert Deployment.objects.count() == 1


def test_few_nodes_of_a_large_fleet_are_locked(people, ulrich, node) -> None:
    ids = [node.pk, *(gpu_node().pk for _ in range(14))]
    ask = judge(ulrich, make.image(address=REFERENCE).pk, make.spec().pk, "x", None, Options())
    assert nodes_for(ask, replicas=2, places=()) == ids[:10]
    assert nodes_for(ask, replicas=2, places=[ids[12], ids[3]]) == [ids[3], ids[12]]


def test_a_refused_run_leaves_nothing_in_the_image_library(people, node) -> None:
    app_image(people, {"name": "c"})
    plan = make.spec(cpu_cores=500).pk
    with pytest.raises(NoRoom):
        run_app_image(user=people, app_image="app", spec=plan)
    assert not ImageRegistry.objects.exists() and not Deployment.objects.exists()


# --- configuration and secrets ----------------------------------------------------------------------------------------


def test_config_sets_and_secret_sets_reach_the_container(people, ulrich, node, engine, tools) -> None:
    prepare(engine)
    ConfigSet.objects.create(name="site", values={"REGION": "lab"})
    ConfigSet.objects.create(name="domain-config", values={"SITE_NAME": "north"})
    secret = save_secret_set(user=people, values={"name": "keys", "values": {"token": "very-secret-1", "b": "x"}})
    app_image(people, {
        "name": "c",
        "envFrom": [
            {"prefix": "CFG_", "configMapRef": {"name": "site"}}, {"prefix": "K_", "secretRef": {"name": "keys"}},
        ],
        "configVolumeMounts": [{"mountPath": "/etc/app", "subPath": "app.conf"}],
    })  # fmt: skip
    row = app_image_document_with(people, "app.conf", "{{.CFG_REGION}} {{.SITE_NAME}} {{.K_TOKEN}}")
    deployment = deployed(ulrich)
    [instance] = run_all(deployment, tools)
    made_of = only(engine).spec.environment
    assert (made_of["CFG_REGION"], made_of["K_token"], made_of["K_b"]) == ("lab", "very-secret-1", "x")
    assert only(engine).files["/etc/app"] == b"lab north "
    assert instance.plan["environment"]["K_token"] == "******" and instance.plan["environment"]["CFG_REGION"] == "lab"
    stored = json.dumps(instance.plan) + json.dumps(instance.deployed.template) + json.dumps(row.document)
    assert "very-secret-1" not in stored and "very-secret-1" not in str(SecretSet.objects.values_list())
    assert secret.keys == ["b", "token"]


def test_a_secret_set_counts_that_comes_after_a_config_set(people, ulrich, node, engine, tools) -> None:
    prepare(engine)
    ConfigSet.objects.create(name="site", values={"TOKEN": "a-placeholder", "REGION": "lab"})
    save_secret_set(user=people, values={"name": "keys", "values": {"TOKEN": "very-secret-1"}})
    sources = [{"configMapRef": {"name": "site"}}, {"secretRef": {"name": "keys"}}]
    app_image(people, {"name": "c", "envFrom": sources})
    deployment = deployed(ulrich)
    shown = {"TOKEN": "******", "REGION": "lab"}
    assert shown.items() <= instances(deployment)[0].plan["environment"].items(), "told beforehand too"
    [instance] = run_all(deployment, tools)
    assert only(engine).spec.environment["TOKEN"] == "very-secret-1"
    assert shown.items() <= instance.plan["environment"].items()


def test_references_are_filled_in_and_secrets_in_them_shown_to_nobody(people, ulrich, node, engine, tools) -> None:
    prepare(engine)
    save_secret_set(user=people, values={"name": "keys", "values": {"token": "very-secret-1"}})
    app_image(people, {
        "name": "c",
        "command": ["serve", "--port=$(KUSCIA_PORT_WEB_NUMBER)"],
        "args": ["--login=$(LOGIN)", "$$(LOGIN)", "$(date)"],
        "ports": [{"name": "web", "port": 8080}],
        "env": [
            {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "token"}}},
            {"name": "LOGIN", "value": "me:$(TOKEN)"},
        ],
    })  # fmt: skip
    deployment = deployed(ulrich)
    run_all(deployment, tools)
    words = "exec: --login=me:very-secret-1 very-secret-1: executable file not found"
    engine.containers.refuse("restart", EngineRejected(400, words))
    operate_deployment(user=ulrich, deployment=deployment.pk, kind="restart")
    [instance] = run_all(deployment, tools)
    spec = only(engine).spec
    assert (spec.entrypoint, spec.environment["LOGIN"]) == (("serve", "--port=8080"), "me:very-secret-1")
    assert spec.command == ("--login=me:very-secret-1", "$(LOGIN)", "$(date)")
    assert instance.plan["command"] == ["--login=me:******", "$(LOGIN)", "$(date)"]
    assert instance.plan["environment"]["LOGIN"] == "me:******"
    errors = list(instance.operations.values_list("error", flat=True))
    stored = json.dumps([instance.plan, instance.problem, instance.deployed.template, errors])
    assert "very-secret-1" not in stored and "executable file not found" in stored


def app_image_document_with(operator: Any, key: str, text: str) -> AppImage:
    row = AppImage.objects.get(name="app")
    return replace_app_image(name="app", document=row.document | {"configTemplates": {key: text}}, author=operator)[0]


def test_a_secret_set_that_went_is_said(people, ulrich, node, engine, tools) -> None:
    prepare(engine)
    save_secret_set(user=people, values={"name": "keys", "values": {"token": "very-secret-1"}})
    app_image(people, {"name": "c", "envFrom": [{"secretRef": {"name": "keys"}}]})
    deployment = deployed(ulrich)
    SecretSet.objects.all().delete()
    [instance] = run_all(deployment, tools)
    assert (instance.observed, instance.problem_code) == (Observed.FAILED, "no_secret_set") and is_clean(engine)
    assert instance.problem["params"]["name"] == "keys"


def test_a_secret_set_that_cannot_be_read_is_named(people, ulrich, node, engine, tools, settings) -> None:
    prepare(engine)
    save_secret_set(user=people, values={"name": "keys", "values": {"token": "very-secret-1"}})
    app_image(people, {"name": "c", "envFrom": [{"secretRef": {"name": "keys"}}]})
    deployment = deployed(ulrich)
    settings.FIELD_KEYS = [Fernet.generate_key().decode()]
    [instance] = run_all(deployment, tools)
    assert (instance.observed, instance.problem_code) == (Observed.FAILED, "secret_set_unreadable")
    assert "keys" in (problem_of(instance) or {})["text"] and is_clean(engine)


def test_an_engines_words_are_told_without_secrets(people, ulrich, node, engine, tools) -> None:
    prepare(engine)
    save_secret_set(user=people, values={"name": "keys", "values": {"token": "very-secret-1"}})
    app_image(people, {"name": "c", "envFrom": [{"secretRef": {"name": "keys"}}]})
    deployment = deployed(ulrich)
    engine.containers.refuse("create", EngineRejected(400, "invalid variable token=very-secret-1"))
    [instance] = run_all(deployment, tools)
    assert instance.problem["params"]["evidence"].endswith("token=******")


# --- images -----------------------------------------------------------------------------------------------------------


def test_an_image_that_is_always_to_be_pulled_is_pulled_though_it_is_there(people, ulrich, node, engine, tools) -> None:
    prepare(engine)
    app_image(people, {"name": "c", "imagePullPolicy": "Always"})
    [instance] = run_all(deployed(ulrich), tools)
    assert instance.observed == Observed.PULLING and not made(engine)
    run_pull(PullJob.objects.get().pk, tools=tools)
    assert run(instance, tools).state == JobState.SUCCEEDED
    assert (instance.observed, PullJob.objects.count()) == (Observed.RUNNING, 1)


def test_an_image_that_is_never_to_be_pulled(people, ulrich, node, engine, tools) -> None:
    prepare(engine, image=False)
    app_image(people, {"name": "c", "imagePullPolicy": "Never"})
    [instance] = run_all(deployed(ulrich), tools)
    assert (instance.observed, instance.problem_code) == (Observed.FAILED, "image_never_pulled")
    assert not PullJob.objects.exists()


@pytest.mark.parametrize(("named", "code"), [("", ""), ("sha256:" + "0" * 64, "image_id_mismatch"), ("digest", "")])
def test_the_image_must_be_the_one_that_is_named(people, ulrich, node, engine, tools, named: str, code: str) -> None:
    prepare(engine)
    app_image(people, {"name": "c"}, image={"id": IMAGE.digest if named == "digest" else named or IMAGE.id})
    [instance] = run_all(deployed(ulrich), tools)
    assert instance.problem_code == code
    if code:
        params = instance.problem["params"]
        assert (params["expected"], params["actual"]) == (named, IMAGE.id) and is_clean(engine)


@pytest.mark.parametrize(
    ("name", "tag", "meant"),
    [
        ("", IMAGE.digest, ""),
        (f"@{IMAGE.digest}", "", ""),
        (f"@{IMAGE.digest}", "1", ":1"),
        (f":1@{IMAGE.digest}", "", ":1"),
        ("@sha256", IMAGE.digest.removeprefix("sha256:"), ""),
    ],
)
def test_an_image_that_is_named_by_its_digest(people, ulrich, node, engine, tools, name, tag, meant) -> None:
    prepare(engine, image=False)
    app_image(people, {"name": "c"}, image={"name": f"{REPOSITORY}{name}", "tag": tag})
    deployment = run_app_image(user=people, app_image="app", spec=make.spec().pk)
    [instance] = run_all(deployment, tools)
    assert instance.observed == Observed.PULLING and instance.reference == f"{REPOSITORY}{meant}@{IMAGE.digest}"
    run_pull(PullJob.objects.get().pk, tools=tools)
    assert run(instance, tools).state == JobState.SUCCEEDED
    assert (instance.observed, only(engine).spec.image) == (Observed.RUNNING, instance.reference)
    assert ImageRegistry.objects.count() == 1
    run_app_image(user=people, app_image="app", spec=make.spec().pk)
    assert ImageRegistry.objects.count() == 1, "it is the same image"
    listed = ImageRegistry.objects.update(is_listed=True)
    assert listed and run_app_image(user=ulrich, app_image="app", spec=make.spec().pk)
