"""The seven routes that every kind of record has, as the front end of docker-gpu-manage uses them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import override_settings
from rest_framework.test import APIClient

from tests.api import make
from tests.api.gva_client import done, envelope, log_in, refused
from tests.api.gva_kinds import IMAGES, KINDS, NODES, Kind


@pytest.fixture
def spa(operator: Any) -> APIClient:
    return log_in("olga")


@pytest.fixture
def spa_user(user: Any) -> APIClient:
    return log_in("ulrich")


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param


def listed(client: APIClient, kind: Kind, query: str = "") -> list[str]:
    return [row["name"] for row in done(client.get(f"{kind.list}?{query}"))["list"]]


def test_an_entry_comes_back_whole_with_the_types_it_was_sent_with(spa: APIClient, kind: Kind) -> None:
    data = done(spa.post(kind.create, kind.form))
    pk = kind.model.objects.get().pk
    assert data == {"ID": pk}
    found = done(spa.get(f"{kind.find}?ID={pk}"))
    expected = {**kind.form, **kind.answered}
    assert {key: found.get(key) for key in expected} == expected
    assert {key: type(found[key]) for key in kind.form} == {key: type(value) for key, value in kind.form.items()}
    assert found.keys() == expected.keys() | {"ID", "CreatedAt", "UpdatedAt"}
    assert found["ID"] == pk and type(found["ID"]) is int
    for key in ("CreatedAt", "UpdatedAt"):
        moment = datetime.fromisoformat(found[key].replace("Z", "+00:00"))
        assert moment.tzinfo is not None and abs(datetime.now(UTC) - moment) < timedelta(minutes=1)
    assert done(spa.get(kind.list))["list"] == [found]


def test_an_entry_is_listed_by_default_only_when_the_key_is_left_out(spa: APIClient, kind: Kind) -> None:
    done(spa.post(kind.create, kind.minimal(name="a")))
    done(spa.post(kind.create, kind.minimal(name="b", isOnShelf=False)))
    assert listed(spa, kind, "isOnShelf=true") == ["a"]
    assert listed(spa, kind, "isOnShelf=false") == ["b"]
    assert listed(spa, kind, "isOnShelf=") == ["b", "a"]


def test_null_in_an_optional_field_means_empty(spa: APIClient, kind: Kind) -> None:
    optional = [key for key in kind.form if key not in kind.minimal() and type(kind.form[key]) is not bool]
    pk = done(spa.post(kind.create, {**dict.fromkeys(optional), **kind.minimal()}))["ID"]
    found = done(spa.get(f"{kind.find}?ID={pk}"))
    assert {key: found[key] for key in optional} == {
        key: 22 if key == "sshPort" else type(kind.form[key])() for key in optional
    }


def test_updating_takes_back_the_object_as_it_was_found(spa: APIClient, kind: Kind) -> None:
    pk = done(spa.post(kind.create, kind.form))["ID"]
    before = done(spa.get(f"{kind.find}?ID={pk}"))
    done(spa.put(kind.update, {**before, "isOnShelf": True, "remark": ""}))
    after = done(spa.get(f"{kind.find}?ID={pk}"))
    changed = {key for key in before if before[key] != after[key]}
    assert changed == {"isOnShelf", "remark", "UpdatedAt"} and after["isOnShelf"] is True and after["remark"] == ""


def test_keys_left_out_of_an_update_keep_their_values(spa: APIClient, kind: Kind) -> None:
    pk = done(spa.post(kind.create, kind.form))["ID"]
    before = done(spa.get(f"{kind.find}?ID={pk}"))
    done(spa.put(kind.update, {"ID": pk, "remark": "new"}))
    after = done(spa.get(f"{kind.find}?ID={pk}"))
    assert after == {**before, "remark": "new", "UpdatedAt": after["UpdatedAt"]}


def test_columns_of_the_server_cannot_be_written(spa: APIClient, kind: Kind) -> None:
    victim = kind.make(name="victim")
    forged = {
        "ID": victim.pk, "id": victim.pk, "pk": victim.pk, "CreatedAt": "2001-01-01T00:00:00Z",
        "created_at": "2001-01-01T00:00:00Z", "dockerStatus": "connected", "status": "connected", "is_listed": True,
        "stall_after": 7, "connection_version": 99,
    }  # fmt: skip
    pk = done(spa.post(kind.create, {**kind.form, **forged}))["ID"]
    assert pk != victim.pk
    found = done(spa.get(f"{kind.find}?ID={pk}"))
    done(spa.put(kind.update, {**found, **forged, "ID": pk}))
    again = done(spa.get(f"{kind.find}?ID={pk}"))
    assert again == {**found, "UpdatedAt": again["UpdatedAt"]}
    assert found["CreatedAt"] > "2020" and found["isOnShelf"] is False
    assert found.get("dockerStatus", "failed") == "failed"
    victim.refresh_from_db()
    assert victim.name == "victim"


def test_deleting_one_and_many(spa: APIClient, kind: Kind) -> None:
    rows = [kind.make() for _ in range(4)]
    done(spa.delete(f"{kind.delete}?ID={rows[0].pk}"))
    done(spa.delete(f"{kind.delete_many}?IDs[]={rows[1].pk}&IDs[]={rows[2].pk}"))
    assert list(kind.model.objects.all()) == [rows[3]]


def test_unknown_ids_are_refused_and_nothing_is_deleted(spa: APIClient, kind: Kind) -> None:
    row = kind.make()
    gone = row.pk + 1000
    assert str(gone) in refused(spa.get(f"{kind.find}?ID={gone}"))
    assert str(gone) in refused(spa.delete(f"{kind.delete}?ID={gone}"))
    assert str(gone) in refused(spa.put(kind.update, {**kind.form, "ID": gone}))
    assert str(gone) in refused(spa.delete(f"{kind.delete_many}?IDs[]={row.pk}&IDs[]={gone}"))
    assert list(kind.model.objects.all()) == [row]


@pytest.mark.parametrize("kind", [IMAGES, NODES], ids=lambda kind: kind.name)
def test_what_is_in_use_is_kept_and_its_users_are_named(spa: APIClient, operator: Any, kind: Kind) -> None:
    row, free = kind.make(name="busy"), kind.make()
    on = {"image": row, "on": make.node(name="gpu-9")} if kind is IMAGES else {"on": row}
    job = make.pull(by=operator, **on)
    count = kind.model.objects.count()
    for path in (f"{kind.delete}?ID={row.pk}", f"{kind.delete_many}?IDs[]={free.pk}&IDs[]={row.pk}"):
        text = refused(spa.delete(path))
        assert "busy" in text and job.node_name in text and job.reference in text
    assert kind.model.objects.count() == count


def test_duplicates_are_refused_with_the_name_in_the_message(spa: APIClient, kind: Kind) -> None:
    done(spa.post(kind.create, kind.form))
    assert "name" in refused(spa.post(kind.create, kind.form))
    other = done(spa.post(kind.create, {**kind.form, "name": "other"}))["ID"]
    refused(spa.put(kind.update, {**kind.form, "ID": other}))
    assert kind.model.objects.count() == 2


def test_duplicates_are_refused_in_understandable_chinese(operator: Any, kind: Kind) -> None:
    chinese = log_in("olga", language=None)
    done(chinese.post(kind.create, kind.form))
    text = refused(chinese.post(kind.create, kind.form))
    assert "已有名称相同的" in text or "已存在名称和地址相同的" in text, text


def test_ordinary_users_read_listed_entries_and_write_nothing(spa_user: APIClient, kind: Kind) -> None:
    shown, hidden = kind.make(name="shown"), kind.make(name="hidden", is_listed=False)
    assert listed(spa_user, kind) == ["shown"]
    assert listed(spa_user, kind, "isOnShelf=false") == []
    assert done(spa_user.get(f"{kind.find}?ID={shown.pk}"))["name"] == "shown"
    refused(spa_user.get(f"{kind.find}?ID={hidden.pk}"))
    for answer in (
        spa_user.post(kind.create, kind.form),
        spa_user.put(kind.update, {**kind.form, "ID": shown.pk}),
        spa_user.delete(f"{kind.delete}?ID={shown.pk}"),
        spa_user.delete(f"{kind.delete_many}?IDs[]={shown.pk}"),
        spa_user.post(kind.create, "not an object"),
    ):
        assert refused(answer) == "Insufficient permissions"
    assert kind.model.objects.count() == 2


def test_the_public_route_names_listed_entries(
    spa: APIClient, spa_user: APIClient, anonymous: APIClient, kind: Kind
) -> None:
    kind.make(name="b"), kind.make(name="a"), kind.make(name="hidden", is_listed=False)
    assert done(spa.get(kind.public)) == done(spa_user.get(kind.public)) == {"info": ["a", "b"]}
    refused(anonymous.get(kind.public), 401)


def test_the_routes_answer_below_api_too(spa: APIClient, kind: Kind) -> None:
    pk = done(spa.post(f"/api{kind.create}", kind.form))["ID"]
    whole = done(spa.get(f"/api{kind.find}?ID={pk}"))
    done(spa.put(f"/api{kind.update}", {**whole, "name": "new"}))
    assert done(spa.get(f"/api{kind.list}"))["list"][0]["name"] == "new"
    assert done(spa.get(f"/api{kind.public}")) == {"info": []}
    done(spa.delete(f"/api{kind.delete}?ID={pk}"))
    done(spa.delete(f"/api{kind.delete_many}?IDs[]={kind.make().pk}"))
    assert not kind.model.objects.exists()


class TestList:
    def test_text_filters_are_substrings_and_all_must_hold(self, spa: APIClient, kind: Kind) -> None:
        done(spa.post(kind.create, {**kind.form, "name": "First of all"}))
        done(spa.post(kind.create, kind.minimal(name="second") | {key: kind.other(key) for key in kind.texts[1:]}))
        for key in kind.texts[1:]:
            value = kind.form[key]
            assert listed(spa, kind, f"{key}={value[1:-1].upper()}") == ["First of all"], key
            assert listed(spa, kind, f"{key}={value}&name=second") == [], key
            assert listed(spa, kind, f"{key}=%25") == listed(spa, kind, f"{key}=_") == [], key
            assert listed(spa, kind, f"{key}=&name=%20") == ["second", "First of all"], key
            assert key in refused(spa.get(f"{kind.list}?{key}=a%00b"))
        assert listed(spa, kind, "name=FIRST") == ["First of all"]

    def test_pages_past_the_end_become_the_last(self, spa: APIClient, kind: Kind) -> None:
        for _ in range(25):
            kind.make()
        for query, number, size, rows in (
            ("", 1, 10, 10),
            ("page=3&pageSize=30", 1, 30, 25),
            ("page=99", 3, 10, 5),
            ("page=0&pageSize=1000", 1, 100, 25),
        ):
            data = done(spa.get(f"{kind.list}?{query}"))
            assert (data["page"], data["pageSize"], len(data["list"]), data["total"]) == (number, size, rows, 25)

    def test_newest_first_then_by_id_so_that_pages_neither_repeat_nor_drop(self, spa: APIClient, kind: Kind) -> None:
        rows = [kind.make() for _ in range(12)]
        moment = datetime(2026, 3, 1, tzinfo=UTC)
        kind.model.objects.update(created_at=moment)
        kind.model.objects.filter(pk=rows[4].pk).update(created_at=moment + timedelta(days=1))
        pages = (done(spa.get(f"{kind.list}?page={page}&pageSize=5"))["list"] for page in (1, 2, 3))
        expected = [rows[4], *(row for row in reversed(rows) if row is not rows[4])]
        assert [row["ID"] for page in pages for row in page] == [row.pk for row in expected]

    def test_the_range_of_dates_begins_inclusively_and_ends_exclusively(self, spa: APIClient, kind: Kind) -> None:
        for hour in range(4):
            row = kind.make(name=f"n{hour}")
            kind.model.objects.filter(pk=row.pk).update(created_at=datetime(2026, 3, 1, hour, tzinfo=UTC))
        between = "createdAtRange[]=2026-03-01T01:00:00.000Z&createdAtRange[]=2026-03-01T03:00:00.000Z"
        assert listed(spa, kind, between) == ["n2", "n1"]


WRONG: dict[type, list[Any]] = {
    str: [5, [], {}, True],
    int: ["5", 1.5, [], {}, True],
    float: ["5", [], {}, True],
    bool: ["true", 1, None],
}


class TestBadInput:
    def test_too_long_texts_are_refused_by_name(self, spa: APIClient, kind: Kind) -> None:
        for key, limit in kind.lengths.items():
            text = refused(spa.post(kind.create, {**kind.form, key: "x" * (limit + 1)}))
            assert f"{key}: " in text and (str(limit) in text or key.endswith("Cert")), text
        assert not kind.model.objects.exists()

    def test_a_field_is_named_as_people_call_it_too(self, operator: Any, kind: Kind) -> None:
        """The form shows `显存容量`, and nowhere `memoryCapacity`."""
        chinese = log_in("olga", language=None)
        for key, value in kind.form.items():
            if isinstance(value, int):
                text = refused(chinese.post(kind.create, {**kind.form, key: "wrong"}))
                assert re.match(rf"创建失败:[^:]*[\u4e00-\u9fff][^:]* {key}: ", text), text

    def test_nul_characters_are_refused_with_their_name(self, operator: Any, kind: Kind) -> None:
        text = refused(log_in("olga", language=None).post(kind.create, {**kind.form, "name": "a\0b"}))
        assert "空字符（NUL）" in text and "空字符串" not in text

    def test_wrong_json_types_are_refused_by_name(self, spa: APIClient, kind: Kind) -> None:
        for key, value in kind.form.items():
            for bad in WRONG[type(value)]:
                assert f"{key}: " in refused(spa.post(kind.create, {**kind.form, key: bad})), (key, bad)
        assert not kind.model.objects.exists()

    def test_needed_fields_must_be_given(self, spa: APIClient, kind: Kind) -> None:
        for key in kind.minimal():
            for body in ({**kind.form, key: ""}, {**kind.form, key: "  "}, {**kind.form, key: None}):
                assert f"{key}: " in refused(spa.post(kind.create, body))
            assert f"{key}: " in refused(spa.post(kind.create, {k: v for k, v in kind.form.items() if k != key}))
        assert not kind.model.objects.exists()

    def test_a_refused_update_changes_nothing(self, spa: APIClient, kind: Kind) -> None:
        pk = done(spa.post(kind.create, kind.form))["ID"]
        before = done(spa.get(f"{kind.find}?ID={pk}"))
        refused(spa.put(kind.update, {**before, "remark": "new", "name": "x" * 256}))
        refused(spa.put(kind.update, {**before, "remark": "new", "isOnShelf": "yes"}))
        assert done(spa.get(f"{kind.find}?ID={pk}")) == before

    def test_unknown_paths_and_methods_answer_an_envelope(self, spa: APIClient, kind: Kind) -> None:
        for at in (kind.prefix, f"{kind.prefix}/", f"{kind.prefix}/nothing", f"{kind.create}/", f"/api{kind.prefix}/x"):
            for ask in (spa.get, spa.post, spa.put, spa.delete):
                refused(ask(at), 404)
        for ask, at in ((spa.get, kind.create), (spa.post, kind.update), (spa.get, kind.delete), (spa.post, kind.list)):
            refused(ask(at), 405)
            refused(ask(f"/api{at}"), 405)

    @pytest.mark.parametrize("debug", [True, False])
    def test_what_no_view_sees_answers_an_envelope_too(self, spa: APIClient, kind: Kind, debug: bool) -> None:
        with override_settings(DEBUG=debug, ALLOWED_HOSTS=["images.example.com"]):
            for at in (kind.list, f"/api{kind.list}"):
                assert "IMAGELIB_ALLOWED_HOSTS" in refused(spa.get(at, HTTP_HOST="evil.example.com"))


MESSAGES = {
    "zh": ["创建成功", "更新成功", "查询成功", "获取成功", "删除成功", "批量删除成功",
           "创建失败:", "更新失败:", "删除失败:", "查询失败:"],
    "en": ["Created", "Updated", "Queried", "Fetched", "Deleted", "Deleted in batch",
           "Creation failed: ", "Update failed: ", "Deletion failed: ", "Query failed: "],
}  # fmt: skip


@pytest.mark.parametrize(
    ("language", "expected"), [(None, "zh"), ("zh-CN", "zh"), ("fr", "zh"), ("en-US,en;q=0.9", "en")]
)
def test_messages_are_chinese_unless_english_is_asked_for(
    operator: Any, kind: Kind, language: str | None, expected: str
) -> None:
    client = log_in("olga", language=language)
    pk = done(created := client.post(kind.create, kind.form))["ID"]
    answers = [
        created,
        client.put(kind.update, {**kind.form, "ID": pk}),
        client.get(f"{kind.find}?ID={pk}"),
        client.get(kind.list),
        client.delete(f"{kind.delete}?ID={pk}"),
        client.delete(f"{kind.delete_many}?IDs[]={kind.make().pk}"),
        client.post(kind.create, {}),
        client.put(kind.update, {**kind.form, "ID": pk}),
        client.delete(f"{kind.delete}?ID={pk}"),
        client.get(f"{kind.find}?ID={pk}"),
    ]
    texts = [envelope(answer)["msg"] for answer in answers]
    assert all(text.startswith(start) for text, start in zip(texts, MESSAGES[expected], strict=True)), texts


def test_missing_permission_is_said_as_the_front_end_knows_it(user: Any, kind: Kind) -> None:
    assert refused(log_in("ulrich", language=None).post(kind.create, kind.form)) == "权限不足"
