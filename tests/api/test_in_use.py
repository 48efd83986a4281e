"""What is in use is not deleted: by whom, by names that tell them apart, and with what helps."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import translation
from rest_framework.test import APIClient

from tests.api import make

pytestmark = pytest.mark.django_db
LANGUAGES = ("en", "zh-hans")
ADVICE = {"jobs": ("cancel them", "取消任务"), "instances": ("Remove the instances first", "请先移除这些实例")}


def refusals(client: APIClient, at: str) -> dict[str, dict[str, Any]]:
    return {one: make.problem(client.delete(at, HTTP_ACCEPT_LANGUAGE=one), 409, "in_use") for one in LANGUAGES}


@pytest.mark.parametrize("what", ["image", "spec", "node"])
def test_instances_are_to_be_removed_and_have_their_owner_s_name(
    as_operator: APIClient, user: User, other: User, what: str
) -> None:
    first = make.instance(by=user, name="train")
    make.instance(by=other, name="train", image=first.image, spec=first.spec, node=first.node)
    at = f"/api/{what}s/{getattr(first, what).pk}/"
    for told, advice in zip(refusals(as_operator, at).values(), ADVICE["instances"], strict=True):
        assert advice in told["detail"]
        assert not any(word in told["detail"] for word in ADVICE["jobs"])
    told = refusals(as_operator, at)["en"]
    assert told["used_by"] == sorted(f"train of {one.username}" for one in (user, other))


def test_jobs_are_to_be_waited_for_or_cancelled(as_operator: APIClient, user: User) -> None:
    job = make.pull(by=user, on=make.node())
    for told, advice in zip(refusals(as_operator, f"/api/nodes/{job.node_id}/").values(), ADVICE["jobs"], strict=True):
        assert advice in told["detail"]


def test_names_cost_no_query_each(user: User, django_assert_max_num_queries: Any) -> None:
    rows = [make.instance(by=user, name=f"i{number}") for number in range(5)]
    found = [type(rows[0]).objects.get(pk=row.pk) for row in rows]
    with django_assert_max_num_queries(1), translation.override("en"):
        assert type(rows[0]).names_of(found)[0] == f"i0 of {user.username}"
