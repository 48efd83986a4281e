"""Rows that tests of the API need, and what they find in answers."""

from __future__ import annotations

import itertools
from typing import Any

from core.jobs import JobState
from imagelib.models import ImageRegistry, RegistryEndpoint
from instances.models import ProductSpec
from nodes.models import ComputeNode
from pulls.models import PullJob, PullRequest

PASSWORD = "correct-horse-battery-1"
DEAD_ENGINE = "tcp://127.0.0.1:1"  # refuses at once
PROBLEM = "application/problem+json"

_numbers = itertools.count(1)


def image(**values: Any) -> ImageRegistry:
    number = next(_numbers)
    return ImageRegistry.objects.create(
        **{"name": f"image {number}", "address": f"registry.example.com/team/app{number}:v1", **values}
    )


def registry(**values: Any) -> RegistryEndpoint:
    number = next(_numbers)
    return RegistryEndpoint.objects.create(
        **{"name": f"registry {number}", "endpoint": f"registry{number}.example.com", **values}
    )


def node(**values: Any) -> ComputeNode:
    return ComputeNode.objects.create(**{"name": f"node {next(_numbers)}", "docker_address": DEAD_ENGINE, **values})


def spec(**values: Any) -> ProductSpec:
    return ProductSpec.objects.create(**{"name": f"spec {next(_numbers)}", **values})


def pull(*, by: Any, on: ComputeNode | None = None, state: str = JobState.QUEUED, **values: Any) -> PullJob:
    """A pull that `by` asked for. No worker runs, so it stays as it is."""
    target = on or node()
    number = next(_numbers)
    job = PullJob.objects.create(
        node=target,
        node_name=target.name,
        requested_by=by,
        state=state,
        **{"reference": f"registry.example.com/pulled{number}:v1", "registry_host": "registry.example.com", **values},
    )
    PullRequest.objects.create(pull=job, user=by)
    return job


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
