"""The seven routes under `/imageRegistry/`, as the front end of docker-gpu-manage uses them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from imagelib.models import ImageRegistry, RegistryEndpoint
from tests.api import make
from tests.api.gva_client import (
    CREATE,
    DELETE,
    DELETE_MANY,
    FIND,
    LIST,
    PUBLIC,
    UPDATE,
    done,
    envelope,
    log_in,
    refused,
)

FORM = {
    "name": "pytorch",
    "address": "registry.company.com/ml/pytorch:2.4",
    "description": "with CUDA",
    "source": "internal",
    "isOnShelf": False,
    "supportMemorySplit": True,
    "remark": "r",
}


@pytest.fixture
def spa(operator: Any) -> APIClient:
    return log_in("olga")


@pytest.fixture
def spa_user(user: Any) -> APIClient:
    return log_in("ulrich")


def listed(client: APIClient, query: str = "") -> list[str]:
    return [row["name"] for row in done(client.get(f"{LIST}?{query}"))["list"]]


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


def test_finding_answers_the_whole_object(spa: APIClient) -> None:
    pk = done(spa.post(CREATE, FORM))["ID"]
    found = done(spa.get(f"{FIND}?ID={pk}"))
    assert {key: found[key] for key in FORM} == FORM
    assert found.keys() == FORM.keys() | {"ID", "CreatedAt", "UpdatedAt"}
    assert found["ID"] == pk and type(found["ID"]) is int
    for key in ("CreatedAt", "UpdatedAt"):
        moment = datetime.fromisoformat(found[key].replace("Z", "+00:00"))
        assert moment.tzinfo is not None and abs(datetime.now(UTC) - moment) < timedelta(minutes=1)


def test_updating_takes_back_the_object_as_it_was_found(spa: APIClient) -> None:
    pk = done(spa.post(CREATE, FORM))["ID"]
    before = done(spa.get(f"{FIND}?ID={pk}"))
    done(spa.put(UPDATE, {**before, "isOnShelf": True, "remark": ""}))
    after = done(spa.get(f"{FIND}?ID={pk}"))
    changed = {key for key in before if before[key] != after[key]}
    assert changed == {"isOnShelf", "remark", "UpdatedAt"} and after["isOnShelf"] is True and after["remark"] == ""


def test_keys_left_out_of_an_update_keep_their_values(spa: APIClient) -> None:
    pk = done(spa.post(CREATE, FORM))["ID"]
    done(spa.put(UPDATE, {"ID": pk, "remark": "new"}))
    found = done(spa.get(f"{FIND}?ID={pk}"))
    assert {key: found[key] for key in FORM} == {**FORM, "remark": "new"}


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


def test_deleting_one_and_many(spa: APIClient) -> None:
    rows = [make.image() for _ in range(4)]
    done(spa.delete(f"{DELETE}?ID={rows[0].pk}"))
    done(spa.delete(f"{DELETE_MANY}?IDs[]={rows[1].pk}&IDs[]={rows[2].pk}"))
    assert list(ImageRegistry.objects.all()) == [rows[3]]


def test_unknown_ids_are_refused_and_nothing_is_deleted(spa: APIClient) -> None:
    row = make.image()
    gone = row.pk + 1000
    assert str(gone) in refused(spa.get(f"{FIND}?ID={gone}"))
    assert str(gone) in refused(spa.delete(f"{DELETE}?ID={gone}"))
    assert str(gone) in refused(spa.put(UPDATE, {**FORM, "ID": gone}))
    assert str(gone) in refused(spa.delete(f"{DELETE_MANY}?IDs[]={row.pk}&IDs[]={gone}"))
    assert list(ImageRegistry.objects.all()) == [row]


def test_an_entry_in_use_is_kept_and_its_users_are_named(spa: APIClient, operator: Any) -> None:
    row, free = make.image(name="busy"), make.image()
    job = make.pull(by=operator, on=make.node(name="gpu-7"), image=row)
    for answer in (spa.delete(f"{DELETE}?ID={row.pk}"), spa.delete(f"{DELETE_MANY}?IDs[]={free.pk}&IDs[]={row.pk}")):
        text = refused(answer)
        assert "busy" in text and "gpu-7" in text and job.reference in text
    assert ImageRegistry.objects.count() == 2


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


def test_ordinary_users_read_listed_entries_and_write_nothing(spa_user: APIClient) -> None:
    shown, hidden = make.image(name="shown"), make.image(name="hidden", is_listed=False)
    assert listed(spa_user) == ["shown"]
    assert listed(spa_user, "isOnShelf=false") == []
    assert done(spa_user.get(f"{FIND}?ID={shown.pk}"))["name"] == "shown"
    refused(spa_user.get(f"{FIND}?ID={hidden.pk}"))
    for answer in (
        spa_user.post(CREATE, FORM),
        spa_user.put(UPDATE, {**FORM, "ID": shown.pk}),
        spa_user.delete(f"{DELETE}?ID={shown.pk}"),
        spa_user.delete(f"{DELETE_MANY}?IDs[]={shown.pk}"),
        spa_user.post(CREATE, "not an object"),
    ):
        assert refused(answer) == "Insufficient permissions"
    assert ImageRegistry.objects.count() == 2


def test_the_public_route_names_listed_entries(spa: APIClient, spa_user: APIClient, anonymous: APIClient) -> None:
    make.image(name="b"), make.image(name="a"), make.image(name="hidden", is_listed=False)
    assert done(spa.get(PUBLIC)) == done(spa_user.get(PUBLIC)) == {"info": ["a", "b"]}
    refused(anonymous.get(PUBLIC), 401)


def test_the_routes_answer_below_api_too(spa: APIClient) -> None:
    pk = done(spa.post(f"/api{CREATE}", FORM))["ID"]
    whole = done(spa.get(f"/api{FIND}?ID={pk}"))
    done(spa.put(f"/api{UPDATE}", {**whole, "name": "new"}))
    assert done(spa.get(f"/api{LIST}"))["list"][0]["name"] == "new"
    assert done(spa.get(f"/api{PUBLIC}")) == {"info": []}
    done(spa.delete(f"/api{DELETE}?ID={pk}"))
    done(spa.delete(f"/api{DELETE_MANY}?IDs[]={make.image().pk}"))
    assert not ImageRegistry.objects.exists()


MESSAGES = {
    "zh": ["创建成功", "更新成功", "查询成功", "获取成功", "删除成功", "批量删除成功",
           "创建失败:", "更新失败:", "删除失败:", "查询失败:"],
    "en": ["Created", "Updated", "Queried", "Fetched", "Deleted", "Deleted in batch",
           "Creation failed: ", "Update failed: ", "Deletion failed: ", "Query failed: "],
}  # fmt: skip


@pytest.mark.parametrize(
    ("language", "expected"), [(None, "zh"), ("zh-CN", "zh"), ("fr", "zh"), ("en-US,en;q=0.9", "en")]
)
def test_messages_are_chinese_unless_english_is_asked_for(operator: Any, language: str | None, expected: str) -> None:
    client = log_in("olga", language=language)
    pk = done(created := client.post(CREATE, FORM))["ID"]
    answers = [
        created,
        client.put(UPDATE, {**FORM, "ID": pk}),
        client.get(f"{FIND}?ID={pk}"),
        client.get(LIST),
        client.delete(f"{DELETE}?ID={pk}"),
        client.delete(f"{DELETE_MANY}?IDs[]={make.image().pk}"),
        client.post(CREATE, {}),
        client.put(UPDATE, {**FORM, "ID": pk}),
        client.delete(f"{DELETE}?ID={pk}"),
        client.get(f"{FIND}?ID={pk}"),
    ]
    texts = [envelope(answer)["msg"] for answer in answers]
    assert all(text.startswith(start) for text, start in zip(texts, MESSAGES[expected], strict=True)), texts


def test_missing_permission_is_said_as_the_front_end_knows_it(user: Any) -> None:
    assert refused(log_in("ulrich", language=None).post(CREATE, FORM)) == "权限不足"
