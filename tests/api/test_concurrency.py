"""Many requests at the same moment, on SQLite and on PostgreSQL: each thread has a connection of its own."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections
from rest_framework.test import APIClient

from core.models import IdempotencyKey
from imagelib.models import ImageRegistry, RegistryEndpoint
from instances.models import SecretSet
from pulls.models import PullJob, PullRequest
from tests.api import make
from tests.api.gva_client import CREATE

pytestmark = pytest.mark.django_db(transaction=True)
MANY = 100


def at_once(asks: Sequence[Callable[[], Any]]) -> list[Any]:
    """Start all of them together; the answers in the same order."""
    start = threading.Barrier(len(asks))

    def run(ask: Callable[[], Any]) -> Any:
        try:
            start.wait(timeout=120)
            return ask()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=len(asks)) as pool:
        return list(pool.map(run, asks))


def copy_of(client: APIClient) -> APIClient:
    """Another client with the same login: one client is not safe to share between threads."""
    copied = APIClient(raise_request_exception=False, HTTP_ACCEPT_LANGUAGE="en")
    copied.credentials(**client._credentials)  # type: ignore[attr-defined]
    return copied


@pytest.mark.parametrize("key", ["", "the-same-key"])
def test_identical_requests_become_one_pull_with_one_answer(as_user: APIClient, key: str) -> None:
    body = {"image": make.image().pk, "nodes": [make.node().pk]}
    clients = [copy_of(as_user) for _ in range(MANY)]
    answers = at_once([partial(client.post, "/api/pulls/", body, HTTP_IDEMPOTENCY_KEY=key) for client in clients])
    assert Counter(answer.status_code for answer in answers) == {202: MANY}, Counter(a.content for a in answers)
    assert len({answer.content for answer in answers}) == 1
    assert PullJob.objects.count() == PullRequest.objects.count() == 1
    assert PullJob.objects.get().events.filter(code="requested").count() == 1
    assert IdempotencyKey.objects.count() == bool(key)


def test_many_users_and_nodes_in_any_order_share_one_pull_per_node(client_of: Any, db: None) -> None:
    image = make.image().pk
    nodes = [make.node().pk for _ in range(5)]
    people = [User.objects.create_user(f"u{number}", password=make.PASSWORD) for number in range(8)]
    clients = [copy_of(client) for client in map(client_of, people) for _ in range(5)]
    order = random.Random(4)
    bodies = [{"image": image, "nodes": order.sample(nodes, 5)} for _ in clients]
    asks = [partial(client.post, "/api/pulls/", body) for client, body in zip(clients, bodies, strict=True)]
    answers = at_once(asks)
    assert {answer.status_code for answer in answers} == {202}
    pairs = {(item["node"], item["pull"]["id"]) for answer in answers for item in answer.json()["results"]}
    assert len(pairs) == PullJob.objects.count() == 5
    assert PullRequest.objects.count() == 5 * len(people)


def test_the_same_entry_is_created_once(as_operator: APIClient) -> None:
    entry = {"name": "a", "address": "u:p@registry.example.com/a:v1"}
    clients = [copy_of(as_operator) for _ in range(20)]
    native = [partial(client.post, "/api/images/", entry) for client in clients[:10]]
    gva = [partial(client.post, CREATE, entry) for client in clients[10:]]
    answers = at_once([*native, *gva])
    accepted = [answer for answer in answers if answer.status_code == 201 or answer.json().get("code") == 0]
    assert len(accepted) == ImageRegistry.objects.count() == 1
    assert {answer.status_code for answer in answers} <= {200, 201, 409}
    assert RegistryEndpoint.objects.count() == 1


def test_cancelling_many_times_cancels_once(as_operator: APIClient, operator: User) -> None:
    job = make.pull(by=operator)
    clients = [copy_of(as_operator) for _ in range(20)]
    answers = at_once([partial(client.post, f"/api/pulls/{job.pk}/cancel/") for client in clients])
    assert Counter(answer.status_code for answer in answers) == {200: 20}  # a second click is no mistake
    assert job.events.filter(code="cancelled_waiting").count() == 1


def test_secrets_of_one_set_that_are_stored_at_once_are_all_kept(as_operator: APIClient) -> None:
    made = as_operator.post("/api/secret-sets/", {"name": "keys", "values": {"FIRST": "0"}}).json()
    clients = [copy_of(as_operator) for _ in range(16)]
    names = [f"NAME{number}" for number in range(16)]
    at = f"/api/secret-sets/{made['id']}/"
    asks = [
        partial(client.patch, at, {"values": {name: name.lower()}}) for client, name in zip(clients, names, strict=True)
    ]
    answers = at_once(asks)
    assert Counter(answer.status_code for answer in answers) == {200: 16}, [answer.content for answer in answers]
    row = SecretSet.objects.get()
    assert row.reveal() == {"FIRST": "0", **{name: name.lower() for name in names}}
    assert row.keys == sorted(row.reveal())
    assert all(name in answer.json()["values"] for name, answer in zip(names, answers, strict=True))
