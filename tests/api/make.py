"""Rows that tests of the API need, and what they find in answers."""

from __future__ import annotations

import itertools
from typing import Any

from django.utils import timezone

from appimages.models import AppImage
from appimages.services import create_app_image
from builds.models import Application, Build, Notice, Submission, WebhookCall, WebhookTarget
from builds.services.applications import create_application
from core.jobs import JobState
from core.system import SYSTEM
from imagelib.models import ImageRegistry, RegistryEndpoint
from instances.models import (
    ConfigSet,
    DeployedContainer,
    Deployment,
    Gpu,
    Instance,
    Observed,
    Operation,
    ProductSpec,
    SecretSet,
)
from nodes.models import ComputeNode, NodeStatus
from pulls.models import PullJob, PullRequest

PASSWORD = "correct-horse-battery-1"
DEAD_ENGINE = "tcp://127.0.0.1:1"  # refuses at once
BAD_DIRECTORIES = (
    "HAMi-core/build",
    "~/HAMi-core",
    "/opt/../root",
    "/opt//hami",
    "/opt/hami\n",
    "/opt/hami ",
    "   ",
    "/opt/hami:ro",
)
PROBLEM = "application/problem+json"

_numbers = itertools.count(1)  # written with zeros, so that names sort as they came, wherever a test begins to count


def image(**values: Any) -> ImageRegistry:
    number = next(_numbers)
    return ImageRegistry.objects.create(
        **{"name": f"image {number:05}", "address": f"registry.example.com/team/app{number:05}:v1", **values}
    )


def registry(**values: Any) -> RegistryEndpoint:
    """One that users may push to everywhere."""
    number = next(_numbers)
    return RegistryEndpoint.objects.create(
        **{
            "name": f"registry {number:05}", "endpoint": f"registry{number:05}.example.com", "users_push_to": "*",
            **values,
        }
    )  # fmt: skip


def app_image(name: str = "", **values: Any) -> AppImage:
    """One deploy template without a role, one container, one configuration file."""
    container = {
        "name": "main",
        "workingDir": "/srv",
        "configVolumeMounts": [{"mountPath": "conf/app.json", "subPath": "app.json"}],
    }
    usual = {
        "image": {"name": "team/app", "tag": "v1"},
        "configTemplates": {"app.json": '{"task": "{{.TASK_ID}}"}'},
        "deployTemplates": [{"name": "all", "spec": {"containers": [container]}}],
    }
    name = name or f"app-{next(_numbers):05}"
    return create_app_image(name=name, document={**usual, **values}, author=SYSTEM)


def notebook(*, by: Any, files: dict[str, str] | None = None, **values: Any) -> Application:
    """Files that are kept here, unless it has a `git_url`."""
    number = next(_numbers)
    usual: dict[str, Any] = {"name": f"notebook-{number:05}", "base_image": "scipy-notebook", "base_tag": "3.11"}
    if "target_registry" not in values:
        usual["target_registry"] = registry()
    if files is None and "git_url" not in values:
        files = {"Dockerfile": "FROM scipy-notebook:3.11\n"}
    return create_application(user=by, values={**usual, **values}, files=files)


def node(**values: Any) -> ComputeNode:
    return ComputeNode.objects.create(**{"name": f"node {next(_numbers):05}", "docker_address": DEAD_ENGINE, **values})


def spec(**values: Any) -> ProductSpec:
    return ProductSpec.objects.create(**{"name": f"spec {next(_numbers):05}", **values})


def gpu_node(cards: int = 2, *, model: str = "NVIDIA A10", memory_mib: int = 24576, **values: Any) -> ComputeNode:
    """A connected node with cards. Its engine is dead all the same: no worker runs."""
    row = node(**{"status": NodeStatus.CONNECTED, "checked_at": timezone.now(), **values})
    for index in range(cards):
        Gpu.objects.create(
            node=row, device_id=f"GPU-{row.pk}-{index}", index=index, model=model, memory_mib=memory_mib,
            seen_at=timezone.now(),
        )  # fmt: skip
    return row


def slice_spec(**values: Any) -> ProductSpec:
    """8 GB of one A10."""
    slices = {"gpu_model": "A10", "gpu_count": 1, "gpu_memory_gb": 8, "supports_memory_split": True}
    return spec(**{**slices, **values})


def deployment(*, by: Any, **values: Any) -> Deployment:
    """An AppImage that runs in one container, as far as the rows know."""
    row = app_image()
    usual: dict[str, Any] = {"name": row.name, "app_image": row, "version": 1, "document": row.document, "user": by}
    made = Deployment.objects.create(**{**usual, "spec": spec(), **values})
    stored: Any = {"files": {"/srv/conf/app.json": "{}"}}
    DeployedContainer.objects.create(
        instance=instance(by=by), deployment=made, container="main", replica=0, template=stored
    )
    return made


def config_set(**values: Any) -> ConfigSet:
    return ConfigSet.objects.create(**{"name": f"set-{next(_numbers):05}", **values})


def secret_set(**values: str) -> SecretSet:
    row = SecretSet(name=f"set-{next(_numbers):05}")
    row.seal(values)
    row.save()
    return row


def instance(*, by: Any, **values: Any) -> Instance:
    """An instance of `by` that runs, as far as its row knows."""
    number = next(_numbers)
    usual = {"name": f"train-{number:05}", "observed": Observed.RUNNING, "container_id": f"{number:064x}"}
    made_of = {"image": image, "spec": spec, "node": node}
    usual |= {name: make() for name, make in made_of.items() if name not in values}
    return Instance.objects.create(
        user=by,
        **{**usual, "reference": "registry.example.com/team/app:v1", "container_name": f"i{number:05}", **values},
    )


def operation(on: Instance, kind: str, **values: Any) -> Operation:
    return Operation.objects.create(instance=on, instance_name=on.name, kind=kind, **values)


def pull(*, by: Any, on: ComputeNode | None = None, state: str = JobState.QUEUED, **values: Any) -> PullJob:
    """A pull that `by` asked for. No worker runs, so it stays as it is."""
    target = on or node()
    number = next(_numbers)
    job = PullJob.objects.create(
        node=target,
        node_name=target.name,
        requested_by=by,
        state=state,
        **{
            "reference": f"registry.example.com/pulled{number:05}:v1",
            "registry_host": "registry.example.com",
            **values,
        },
    )
    PullRequest.objects.create(pull=job, user=by)
    return job


def application(**values: Any) -> Application:
    """Files of its own, in one version."""
    target = values.pop("target_registry", None) or registry()
    usual = {"name": f"app-{next(_numbers):05}", "base_image": "python", "base_tag": "3.12", "target_registry": target}
    row = Application.objects.create(**{**usual, "version": 1, **values})
    row.versions.create(number=1, files={"Dockerfile": "FROM python:3.12\n"}, revision=f"{row.pk:040x}")
    return row


def build(*, by: Any, state: str = JobState.QUEUED, **values: Any) -> Build:
    """A build of an application of `by`, who asked for it. No worker runs, so it stays as it is."""
    of = values.pop("application", None) or application(owner=by)
    usual: dict[str, Any] = {
        "application": of, "application_name": of.name, "files": of.versions.first(), "registry_host": "r.example.com",
        "repository": "r.example.com/team/python", "arguments": {"BASE_TAG": "3.12"}, "requested_by": by,
    }  # fmt: skip
    return Build.objects.create(state=state, **{**usual, **values})


def submission(*, by: Any, **values: Any) -> Submission:
    """An image that `by` offered. No worker runs, so its checks wait."""
    return Submission.objects.create(
        requested_by=by, **{"reference": f"registry.example.com/offered{next(_numbers):05}:v1", **values}
    )


def notice(*, of: Submission, **values: Any) -> Notice:
    """For who offered it: that it was rejected."""
    told = {"reference": of.reference, "user": "olga", "reason": "no"}
    return Notice.objects.create(
        user=of.requested_by, **{"code": "rejected", "values": told, "submission": of, **values}
    )


def webhook(**values: Any) -> WebhookTarget:
    number = next(_numbers)
    usual = {"name": f"webhook {number:05}", "url": "https://ci.example.com/hooks", "secret": "s"}
    return WebhookTarget.objects.create(**{**usual, **values})


def webhook_call(*, to: WebhookTarget, of: Submission, **values: Any) -> WebhookCall:
    return WebhookCall.objects.create(
        **{"target": to, "submission": of, "event": "submission.created", "body": "{}", **values}
    )


def problem(answer: Any, status: int, code: str | None = None) -> dict[str, Any]:
    """The problem details of an answer, after checking that they are complete."""
    assert answer.status_code == status, (answer.status_code, answer.content)
    assert answer["Content-Type"].split(";")[0] == PROBLEM, answer["Content-Type"]
    body: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "detail", "code"} <= body.keys(), body
    assert body["status"] == status and body["title"] and body["detail"], body
    if code is not None:
        assert body["code"] == code, body
    return body


def faulty_fields(answer: Any) -> set[str]:
    """The fields that an answer of 400 names, after checking that each message says what would do."""
    faults = problem(answer, 400)["errors"]
    assert all(gives_example(item["message"]) for item in faults), faults
    return {item["field"] for item in faults}


def gives_example(message: str, *, chinese: bool = False) -> bool:
    """Whether the message of a wrong field holds an example in the asked language, or the fields that exist."""
    words = (
        ("例如", "示例", "形如", "可用字段")
        if chinese
        else ("or example", "xample: ", "xamples: ", "such as", "Known fields")
    )
    return any(word in message for word in (*words, "-----BEGIN"))
