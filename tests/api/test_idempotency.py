"""`Idempotency-Key` on `POST /api/pulls/`: the same request acts once and answers the same."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from core.idempotency import forget_old
from core.models import IdempotencyKey
from pulls.models import PullJob
from tests.api import make


def post(client: APIClient, body: dict[str, Any], key: str) -> Any:
    return client.post("/api/pulls/", body, HTTP_IDEMPOTENCY_KEY=key)


def ids(answer: Any) -> list[int]:
    assert answer.status_code == 202, answer.content
    return [result["pull"]["id"] for result in answer.json()["results"]]


def test_the_same_key_acts_once_even_after_the_pull_has_ended(as_user: APIClient) -> None:
    body = {"image": make.image().pk, "nodes": [make.node().pk, make.node().pk]}
    first = post(as_user, body, "k1")
    for pk in ids(first):
        as_user.post(f"/api/pulls/{pk}/cancel/")
    again = post(as_user, body, "k1")
    assert ids(again) == ids(first)
    assert {result["pull"]["state"] for result in again.json()["results"]} == {"cancelled"}
    assert PullJob.objects.count() == 2
    assert ids(post(as_user, body, "k2")) != ids(first)


def test_keys_belong_to_their_users(as_user: APIClient, as_other: APIClient) -> None:
    image, one, two = make.image().pk, make.node().pk, make.node().pk
    mine = ids(post(as_user, {"image": image, "nodes": [one]}, "k"))
    theirs = [ids(post(as_other, {"image": image, "nodes": [two]}, "k")) for _ in range(2)]
    assert theirs[0] == theirs[1] != mine


def test_another_request_under_the_same_key_is_refused(as_user: APIClient) -> None:
    image, one, two = make.image().pk, make.node().pk, make.node().pk
    ids(post(as_user, {"image": image, "nodes": [one]}, "k"))
    answer = post(as_user, {"image": image, "nodes": [two]}, "k")
    make.problem(answer, 422, "idempotency_key_reused")
    assert PullJob.objects.count() == 1


def test_a_refused_request_does_not_use_up_its_key(as_user: APIClient) -> None:
    image, node = make.image(is_listed=False), make.node()
    body = {"image": image.pk, "nodes": [node.pk]}
    make.problem(post(as_user, body, "k"), 404, "image_not_listed")
    assert not IdempotencyKey.objects.exists()
    image.is_listed = True
    image.save()
    ids(post(as_user, body, "k"))


@pytest.mark.parametrize("key", ["x" * 256, "a\tb"])
def test_keys_that_cannot_be_kept(as_user: APIClient, key: str) -> None:
    body = {"image": make.image().pk, "nodes": [make.node().pk]}
    assert make.faulty_fields(post(as_user, body, key)) == {"Idempotency-Key"}
    assert not PullJob.objects.exists()


def test_without_a_key_nothing_is_remembered(as_user: APIClient) -> None:
    body = {"image": make.image().pk, "nodes": [make.node().pk]}
    ids(post(as_user, body, ""))
    assert not IdempotencyKey.objects.exists()


def test_keys_are_forgotten_after_a_day(as_user: APIClient) -> None:
    body = {"image": make.image().pk, "nodes": [make.node().pk]}
    ids(post(as_user, body, "k"))
    now = timezone.now()
    assert forget_old(now=now + timedelta(hours=23)) == 0
    assert forget_old(now=now + timedelta(hours=25)) == 1
