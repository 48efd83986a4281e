"""Query counts of list pages do not grow with their rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from rest_framework.test import APIClient

from appimages.models import AppImage
from builds.models import Application, Notice, Submission, WebhookTarget
from core.jobs import JobState
from imagelib.models import ImageRegistry, RegistryEndpoint
from instances.models import ConfigSet, Deployment, ProductSpec, SecretSet
from nodes.models import ComputeNode
from pulls.models import PullJob
from tests.api import make
from tests.api.gva_kinds import KINDS, Kind
from tests.support.submitted import built

LISTS = [
    "/api/images/?page_size=100",
    "/api/registries/?page_size=100",
    "/api/nodes/?page_size=100",
    "/api/pulls/?page_size=100",
    "/api/builds/?page_size=100",
    "/api/specs/?page_size=100",
    "/api/instances/?page_size=100",
    "/api/deployments/?page_size=100",
    "/api/config-sets/?page_size=100",
    "/api/secret-sets/?page_size=100",
    "/api/appimages/?page_size=100",
    "/api/submissions/?page_size=100",
    "/api/notices/?page_size=100",
    "/api/webhook-targets/?page_size=100",
    "/api/applications/?page_size=100",
    "/instance/getInstanceList?pageSize=100",
    "/instance/getInstanceList?pageSize=100&page=9&name=t&containerStatus=pulling",
    *(f"{kind.list}?pageSize=100" for kind in KINDS),
    *(f"{kind.list}?pageSize=100&page=9&name=e&isOnShelf=true" for kind in KINDS),
    *(kind.public for kind in KINDS),
]
ADMIN_LISTS = [
    Application, ImageRegistry, RegistryEndpoint, ComputeNode, PullJob, ProductSpec, AppImage, Deployment, ConfigSet,
    SecretSet,
    Submission, Notice, WebhookTarget,
]  # fmt: skip


def fill(user: Any, count: int) -> None:
    """Rows of every kind, each with what it may point at."""
    for number in range(count):
        make.registry(username="u", password="p")
        make.spec(gpu_model="A100", gpu_count=8, gpu_memory_gb=80)
        instance = make.instance(by=user, observed="pulling")
        make.deployment(by=user)
        make.config_set(values={"A": "1"})
        make.secret_set(token="t")
        make.build(by=user)
        make.notebook(by=user, webhook_secret="a word of sixteen")
        there = make.pull(by=user, on=instance.node, state=JobState.SUCCEEDED)
        make.app_image(image={"name": there.reference, "tag": ""})
        make.operation(instance, "create", pull=make.pull(by=user, on=instance.node))
        offered = make.submission(by=user, entry=make.image(), build=built(by=user), decided_by=user)
        make.notice(of=offered)
        make.webhook()
        error = {"transient": False, "params": {}, "evidence": "e"}
        make.pull(
            by=user, on=make.node(password="p", status="failed", status_code="engine_refused"),
            image=make.image(), state=JobState.FAILED if number % 2 else JobState.QUEUED,
            error_code="worker_lost" if number % 2 else "", error=error if number % 2 else {},
        )  # fmt: skip


def queries(ask: Callable[[], Any]) -> tuple[int, int]:
    """How many queries, and how long the answer is."""
    with CaptureQueriesContext(
        connection,
    ) as captured:
        answer = ask()
    assert answer.status_code == 200, answer.content
    return len(captured), len(answer.content)


def paths_of(who: str) -> list[str]:
    """The lists that somebody may read."""
    closed = ("registries", "-sets", "-targets")
    return [path for path in LISTS if who == "operator" or not any(word in path for word in closed)]


@pytest.mark.parametrize("who", ["operator", "user"])
def test_api_lists(who: str, client_of: Any, request: pytest.FixtureRequest) -> None:
    """All in one test: making the rows takes much longer than reading them."""
    person: User = request.getfixturevalue(who)
    client: APIClient = client_of(person)
    fill(person, 3)
    before = {path: queries(lambda path=path: client.get(path)) for path in paths_of(who)}
    fill(person, 20)  # all of them still fit on one page, specs too, of which each makes four
    after = {path: queries(lambda path=path: client.get(path)) for path in paths_of(who)}
    assert not [path for path in before if after[path][1] <= 3 * before[path][1]], "lists that do not show the rows"
    counts = {path: (before[path][0], after[path][0]) for path in before}
    assert not {path: (few, many) for path, (few, many) in counts.items() if many != few or few > 5}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_list_of_the_front_end_costs_the_login_the_count_and_the_page(
    as_operator: APIClient, operator: Any, kind: Kind
) -> None:
    fill(operator, 3)
    assert queries(lambda: as_operator.get(f"{kind.list}?name=e&createdAtRange[]=&isOnShelf="))[0] == 3


def test_admin_lists(operator: User) -> None:
    operator.is_superuser = True
    operator.save()
    client = Client()
    client.force_login(operator, backend="django.contrib.auth.backends.ModelBackend")
    pages = [reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist") for model in ADMIN_LISTS]
    fill(operator, 3)
    for page in pages:
        client.get(page)  # fills caches of content types
    before = {page: queries(lambda page=page: client.get(page)) for page in pages}
    fill(operator, 27)
    after = {page: queries(lambda page=page: client.get(page)) for page in pages}
    assert not {page for page in pages if after[page][1] <= before[page][1] or after[page][0] != before[page][0]}
