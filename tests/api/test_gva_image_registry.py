"""What is particular to `/imageRegistry/`; what all records share is in `test_gva_records`."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from imagelib.models import ImageRegistry, RegistryEndpoint
from tests.api import make
from tests.api.gva_client import CREATE, FIND, LIST, PUBLIC, UPDATE, done, envelope, log_in, refused
from tests.api.gva_kinds import IMAGES

FORM = IMAGES.form


@pytest.fixture
def spa(operator: Any) -> APIClient:
    return log_in("olga")


def test_creating_stores_every_field_and_answers_the_id(spa: APIClient) -> None:
    data = done(spa.post(CREATE, FORM))
    row = ImageRegistry.objects.get()
    assert data == {"ID": row.pk}
    assert (row.name, row.address, row.description) == ("pytorch", "registry.company.com/ml/pytorch:2.4", "with CUDA")
    assert (row.source, row.is_listed, row.supports_vgpu, row.remark) == ("internal", False, True, "r")


def test_an_entry_is_listed_by_default_only_when_the_key_is_left_out(spa: APIClient) -> None:
    done(spa.post(CREATE, {"name": "a", "address": "nginx:1.27"}))
    done(spa.post(CREATE, {"name": "b", "address": "nginx:1.27", "isOnShelf": False}))
    rows = dict(ImageRegistry.objects.values_list("name", "is_listed"))
    assert rows == {"a": True, "b": False}
    assert not ImageRegistry.objects.filter(supports_vgpu=True).exists()


def test_columns_of_the_server_cannot_be_written(spa: APIClient) -> None:
    victim = make.image(name="victim")
    pk = done(spa.post(CREATE, {**FORM, "ID": victim.pk, "CreatedAt": "2001-01-01T00:00:00Z", "id": victim.pk}))["ID"]
    assert pk != victim.pk
    row = ImageRegistry.objects.get(pk=pk)
    assert row.created_at.year > 2001
    done(spa.put(UPDATE, {**FORM, "ID": pk, "CreatedAt": "2001-01-01T00:00:00Z", "pk": victim.pk, "stall_after": 7}))
    again = ImageRegistry.objects.get(pk=pk)
    assert again.created_at == row.created_at and again.stall_after is None
    victim.refresh_from_db()
    assert victim.name == "victim"


def test_name_and_address_together_are_unique(spa: APIClient) -> None:
    done(spa.post(CREATE, FORM))
    refused(spa.post(CREATE, FORM))
    other = done(spa.post(CREATE, {**FORM, "name": "other"}))["ID"]
    refused(spa.put(UPDATE, {**FORM, "ID": other}))
    assert ImageRegistry.objects.count() == 2


def test_credentials_in_an_address_move_to_an_endpoint_and_never_come_back(spa: APIClient) -> None:
    secret = "s3cr3t-Pa55"
    answers = [spa.post(CREATE, {**FORM, "address": f"admin:{secret}@registry.company.com/project/image:latest"})]
    pk = done(answers[0])["ID"]
    row = ImageRegistry.objects.get()
    assert row.address == "registry.company.com/project/image:latest"
    endpoint = RegistryEndpoint.objects.get()
    assert (endpoint.endpoint, endpoint.username) == ("registry.company.com", "admin")
    assert endpoint.password.reveal() == secret
    whole = done(spa.get(f"{FIND}?ID={pk}"))
    answers.append(spa.put(UPDATE, {**whole, "address": f"admin:{secret}2@registry.company.com/project/image:v2"}))
    answers.append(spa.put(UPDATE, {**whole, "address": f"admin:{secret}@nginx"}))
    answers += [spa.get(LIST), spa.get(f"{FIND}?ID={pk}"), spa.get(PUBLIC)]
    assert [envelope(answer)["code"] for answer in answers] == [0, 0, 7, 0, 0, 0]
    assert not any(secret in answer.content.decode() for answer in answers)
    endpoint.refresh_from_db()
    assert endpoint.password.reveal() == f"{secret}2"
