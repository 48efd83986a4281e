"""`/api/specs/`, the audit log, and what the database itself refuses."""

from __future__ import annotations

from typing import Any

import pytest
from auditlog.models import LogEntry
from django.db import IntegrityError, transaction
from rest_framework.test import APIClient

from instances.models import LIMITS, ProductSpec
from tests.api import make

AT = "/api/specs/"
SPEC = {
    "name": "A100 slice", "gpu_model": "A100", "gpu_count": 2, "gpu_memory_gb": 20, "supports_memory_split": True,
    "sm_limit_percent": 30, "cpu_cores": 16, "memory_gb": 128, "system_disk_gb": 100, "data_disk_gb": 500,
    "price_per_hour": "12.5000", "is_listed": False, "remark": "r",
}  # fmt: skip


def test_every_field_is_kept_changed_and_logged(as_operator: APIClient, operator: Any) -> None:
    made = as_operator.post(AT, SPEC)
    assert made.status_code == 201, made.content
    at = f"{AT}{made.json()['id']}/"
    body = as_operator.get(at).json()
    assert {key: body[key] for key in SPEC} == SPEC
    assert body.keys() == SPEC.keys() | {"id", "created_at", "updated_at"}
    assert as_operator.patch(at, {"price_per_hour": 3, "sm_limit_percent": None}).json()["price_per_hour"] == "3.0000"
    assert as_operator.put(at, body).json()["sm_limit_percent"] == 30
    entries = LogEntry.objects.get_for_object(ProductSpec.objects.get())
    assert {entry.actor for entry in entries} == {operator}
    assert any("price_per_hour" in entry.changes_dict for entry in entries)
    assert as_operator.delete(at).status_code == 204
    assert not ProductSpec.objects.exists()


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"gpu_model": ""}, "gpu_model"),
        ({"gpu_count": -1}, "gpu_count"),
        ({"gpu_count": 0}, "gpu_count"),
        ({"gpu_count": 17}, "gpu_count"),
        ({"gpu_memory_gb": 0}, "gpu_memory_gb"),
        *(({column: most + 1}, column) for column, most in LIMITS.items()),
        *(({column: 10**20}, column) for column in LIMITS),
        ({"sm_limit_percent": 0}, "sm_limit_percent"),
        ({"sm_limit_percent": 101}, "sm_limit_percent"),
        ({"price_per_hour": "-1"}, "price_per_hour"),
        ({"price_per_hour": "NaN"}, "price_per_hour"),
        ({"price_per_hour": "1e99"}, "price_per_hour"),
        ({"price": 1}, "price"),
    ],
)
def test_wrong_fields_are_named(as_operator: APIClient, values: dict[str, Any], field: str) -> None:
    assert field in make.faulty_fields(as_operator.post(AT, SPEC | values))
    assert not ProductSpec.objects.exists()


def test_a_change_is_judged_with_what_is_stored(as_operator: APIClient) -> None:
    row = make.spec(gpu_model="A100", gpu_count=1)
    at = f"{AT}{row.pk}/"
    assert make.faulty_fields(as_operator.patch(at, {"supports_memory_split": True})) == {"gpu_memory_gb"}
    assert make.faulty_fields(as_operator.patch(at, {"gpu_model": " "})) == {"gpu_model"}
    assert as_operator.patch(at, {"supports_memory_split": True, "gpu_memory_gb": 8}).status_code == 200


def test_names_are_unique(as_operator: APIClient) -> None:
    make.spec(name="A100 slice")
    assert make.faulty_fields(as_operator.post(AT, SPEC)) == {"name"}


def test_listing_filters_and_order(as_operator: APIClient, as_user: APIClient) -> None:
    cheap = make.spec(name="cheap", price_per_hour=1)
    split = make.spec(
        name="slice", price_per_hour=9, gpu_model="A100", gpu_count=1, gpu_memory_gb=8, supports_memory_split=True
    )
    for query, expected in [
        ("", [split, cheap]),
        ("ordering=price_per_hour", [cheap, split]),
        ("name=SLI", [split]),
        ("gpu_model=a1", [split]),
        ("gpu_model=%25", []),
        ("supports_memory_split=false", [cheap]),
        ("is_listed=true&page_size=1", [split]),
        ("created_after=2020-01-01T00:00:00Z&created_before=2021-01-01T00:00:00Z", []),
    ]:
        found = as_operator.get(f"{AT}?{query}").json()
        assert [row["id"] for row in found["results"]] == [row.pk for row in expected], query
    assert as_operator.post(f"{AT}{cheap.pk}/unlist/").json()["is_listed"] is False
    assert [row["name"] for row in as_user.get(AT).json()["results"]] == ["slice"]
    assert as_operator.post(f"{AT}{cheap.pk}/list/").json()["is_listed"] is True
    assert len(as_user.get(AT).json()["results"]) == 2


@pytest.mark.parametrize(
    "values",
    [
        {"name": ""},
        {"gpu_count": 1},
        {"supports_memory_split": True, "gpu_model": "A100", "gpu_count": 1},
        {"supports_memory_split": True, "gpu_memory_gb": 8},
        {"supports_memory_split": True, "gpu_memory_gb": 8, "gpu_model": "A100", "gpu_count": 17},
        {"sm_limit_percent": 0},
        {"sm_limit_percent": 101},
        {"price_per_hour": -1},
        *({column: most + 1, "gpu_model": "A100"} for column, most in LIMITS.items()),
        *({column: -1, "gpu_model": "A100"} for column in LIMITS),
    ],
)
@pytest.mark.django_db
def test_the_database_holds_the_rules_too(values: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        ProductSpec.objects.create(**{"name": "s", **values})
