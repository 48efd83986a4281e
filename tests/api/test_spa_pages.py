"""What the front end asks of the system besides the login; and paths, methods and bodies that it never sends."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from django.db import OperationalError, connection
from django.test import override_settings
from rest_framework.test import APIClient

from imagelib.models import FrontEndSetting
from tests.api.gva_client import done, refused
from tests.api.spa_client import (
    AUTHORITY,
    DATABASE,
    JUMPBOX,
    LOGIN,
    MENU,
    PRIVATE,
    ROUTES,
    SETTING,
    USER,
    ask,
    browser,
    front_end,
)

PAGES = {
    "imageRegistry": ("view/imageregistry/imageRegistry/imageRegistry.vue", "镜像库"),
    "computeNode": ("view/computenode/computeNode/computeNode.vue", "算力节点"),
    "productSpec": ("view/product/productSpec/productSpec.vue", "产品规格"),
    "instance": ("view/instance/instance/instance.vue", "实例管理"),
}


@pytest.fixture
def spa(operator: Any) -> APIClient:
    return front_end("olga")


def info(client: APIClient) -> dict[str, Any]:
    found: dict[str, Any] = done(client.get(USER))["userInfo"]
    return found


class TestUser:
    def test_an_operator(self, spa: APIClient, operator: Any) -> None:
        found = info(spa)
        role = {"authorityId": 888, "authorityName": "Administrator", "defaultRouter": "imageRegistry"}
        assert UUID(found.pop("uuid"))
        assert found == {
            "ID": operator.pk, "userName": "olga", "nickName": "olga", "headerImg": "", "authorityId": 888,
            "authority": role, "authorities": [role], "originSetting": None,
        }  # fmt: skip
        assert type(found["ID"]) is int and type(found["authorityId"]) is int

    def test_an_ordinary_user(self, user: Any) -> None:
        user.first_name, user.last_name = "Ulrich", "Beck"
        user.save()
        found = info(front_end("ulrich", language=None))
        assert found["nickName"] == "Ulrich Beck" and found["userName"] == "ulrich"
        assert found["authorityId"] == found["authority"]["authorityId"] == 8881
        assert found["authority"]["authorityName"] == "普通用户"

    def test_the_uuid_stays_and_differs(self, spa: APIClient, operator: Any, user: Any) -> None:
        first = info(spa)["uuid"]
        operator.username, operator.first_name = "renamed", "R"
        operator.save()
        assert info(spa)["uuid"] == first != info(front_end("ulrich"))["uuid"]

    def test_names_hold_no_markup(self, django_user_model: Any) -> None:
        bad = "<img src=x onerror='a()'>"
        django_user_model.objects.create_user("u" + bad, password="correct-horse-battery-1", first_name=bad)
        found = info(front_end("u" + bad))
        assert not set("<>&\"'`") & set(found["userName"] + found["nickName"])


class TestMenu:
    @pytest.mark.parametrize("name", ["olga", "ulrich"])
    def test_four_pages_for_everybody(self, operator: Any, user: Any, name: str) -> None:
        entries = done(ask(front_end(name, language=None), MENU))["menus"]
        assert {entry["name"]: (entry["component"], entry["meta"]["title"]) for entry in entries} == PAGES
        for entry in entries:
            assert entry["path"] == entry["name"] and entry["hidden"] is False
            assert entry["children"] is None and entry["parameters"] == [] and entry["btns"] is None
            assert entry["meta"]["icon"].isalpha()

    def test_everybody_begins_at_a_page_of_the_menu(self, spa: APIClient, user: Any) -> None:
        for client in (spa, front_end("ulrich")):
            names = [entry["name"] for entry in done(ask(client, MENU))["menus"]]
            assert info(client)["authority"]["defaultRouter"] in names


class TestSetting:
    def test_it_comes_back_as_it_was(self, spa: APIClient, user: Any) -> None:
        setting = {"z": 1, "a": [True, None, 1.5, {"深": "\u0000é"}], "grey": False}
        assert done(spa.put(SETTING, setting)) == {}
        assert json.dumps(info(spa)["originSetting"]) == json.dumps(setting)
        assert done(ask(browser(), LOGIN))["user"]["originSetting"] == setting
        assert info(front_end("ulrich"))["originSetting"] is None
        assert done(spa.put(SETTING, {})) == {}
        assert info(spa)["originSetting"] == {}
        assert FrontEndSetting.objects.count() == 1

    def test_the_largest_and_one_byte_more(self, spa: APIClient) -> None:
        room = 16 * 1024 - len(json.dumps({"a": ""}))
        assert "16384" in refused(spa.put(SETTING, {"a": "x" * (room + 1)}))
        assert not FrontEndSetting.objects.exists()
        done(spa.put(SETTING, {"a": "x" * room}))

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{",
            b"null",
            b"[]",
            b'"text"',
            b"5",
            b"true",
            b"NaN",
            b'{"a": NaN}',
            b'{"a": 1e999}',
            b"\xff",
            b'{"a": "\\ud800"}',
            b"[" * 100_000,
            b'{"a":' * 9 + b"1" + b"}" * 9,
            b'{"a": ' + b"9" * 5000 + b"}",
        ],
    )
    def test_what_is_no_object_is_refused(self, spa: APIClient, body: bytes) -> None:
        if body == b"":
            body = b" "  # an empty body is an empty object
        refused(spa.put(SETTING, body, content_type="application/json"))
        assert not FrontEndSetting.objects.exists()

    @pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
    def test_bodies_of_another_kind_are_refused(self, spa: APIClient, kind: str) -> None:
        for path in (SETTING, AUTHORITY, LOGIN):
            refused(spa.generic(ROUTES[path][0].upper(), path, b"authorityId=888", content_type=kind))
        assert not FrontEndSetting.objects.exists()

    def test_it_goes_with_its_user(self, spa: APIClient, operator: Any) -> None:
        done(spa.put(SETTING, {"a": 1}))
        operator.delete()
        assert not FrontEndSetting.objects.exists()


class TestAuthority:
    def test_ones_own(self, spa: APIClient, user: Any) -> None:
        assert done(spa.post(AUTHORITY, {"authorityId": 888})) == {}
        assert done(front_end("ulrich").post(AUTHORITY, {"authorityId": 8881})) == {}

    def test_not_the_administrators(self, user: Any) -> None:
        client = front_end("ulrich")
        assert "You do not have this role." in refused(client.post(AUTHORITY, {"authorityId": 888}))
        assert info(client)["authorityId"] == 8881

    @pytest.mark.parametrize("body", [{}, {"authorityId": "888"}, {"authorityId": None}, {"authorityId": True}, [888]])
    def test_what_is_no_number(self, spa: APIClient, body: Any) -> None:
        assert "authorityId: Give the number of a role" in refused(spa.post(AUTHORITY, body))


class TestJumpbox:
    def test_unset(self, spa: APIClient) -> None:
        assert done(ask(spa, JUMPBOX)) == {}

    def test_set(self, spa: APIClient, user: Any) -> None:
        with override_settings(JUMPBOX_HOST="jump.example.com", JUMPBOX_PORT=2026):
            for client in (spa, front_end("ulrich")):
                assert done(ask(client, JUMPBOX)) == {"server-ip": "jump.example.com", "port": 2026}


@pytest.mark.parametrize("prefix", ["", "/api"])
def test_the_database_needs_nothing(db: None, prefix: str) -> None:
    assert done(ask(browser(), DATABASE, prefix=prefix)) == {"needInit": False}


@pytest.mark.parametrize("path", PRIVATE)
@pytest.mark.parametrize("prefix", ["", "/api"])
def test_without_a_login_it_is_401(db: None, path: str, prefix: str) -> None:
    answer = ask(browser(), path, prefix=prefix)
    assert "Log in again" in refused(answer, 401)


@pytest.mark.parametrize("prefix", ["", "/api"])
@pytest.mark.parametrize("debug", [True, False])
def test_unknown_paths_answer_an_envelope(spa: APIClient, prefix: str, debug: bool) -> None:
    paths = ["/base", "/base/", "/base/captcha", "/user/getUserList", "/menu/getMenu/", "/jwt/x/y", "/init/initdb"]
    with override_settings(DEBUG=debug):
        for path in (*paths, "/system/getServerInfo", "/system/%00", "/base/Login"):
            for method in (spa.get, spa.post, spa.put, spa.delete, spa.options):
                refused(method(prefix + path), 404)


@pytest.mark.parametrize("path", ROUTES)
def test_wrong_methods_answer_an_envelope(spa: APIClient, path: str) -> None:
    for method in {"get", "post", "put", "patch", "delete", "options"} - {ROUTES[path][0]}:
        refused(getattr(spa, method)(path), 405)


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("accept", ["text/html", "image/*", ""])
def test_the_answer_is_json_whatever_is_accepted(spa: APIClient, path: str, accept: str) -> None:
    method, body = ROUTES[path]
    done(getattr(spa, method)(f"{path}?format=xml", body, HTTP_ACCEPT=accept))


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("debug", [True, False])
def test_an_unknown_host_and_a_database_that_is_away(spa: APIClient, path: str, debug: bool) -> None:
    def away(execute: Any, *statement: Any) -> Any:
        raise OperationalError("connection refused")

    with override_settings(DEBUG=debug, ALLOWED_HOSTS=["images.example.com"]):
        assert "IMAGELIB_ALLOWED_HOSTS" in refused(ask(spa, path))
    if path != DATABASE:
        with override_settings(DEBUG=debug), connection.execute_wrapper(away):
            assert "database" in refused(ask(spa, path))


class TestUnknownPaths:
    """Pages that the front end has and this product has not."""

    @pytest.mark.parametrize("debug", [True, False])
    @pytest.mark.parametrize("path", ["/sysDictionary/findSysDictionary", "/imageregistry/getImageRegistryList"])
    @pytest.mark.parametrize("prefix", ["", "/api"])
    def test_who_sends_its_header_gets_its_envelope(
        self, db: None, settings: Any, debug: bool, path: str, prefix: str
    ) -> None:
        settings.DEBUG = debug
        client = APIClient(enforce_csrf_checks=True, raise_request_exception=False)
        for method in ("get", "post", "put", "delete"):
            answer = getattr(client, method)(f"{prefix}{path}", HTTP_X_TOKEN="")
            assert answer.status_code == 404, (method, answer.content)
            assert answer.json().keys() == {"code", "data", "msg"}

    def test_others_get_what_they_got(self, db: None) -> None:
        client = APIClient()
        assert client.get("/api/nosuch/").json()["code"] == "not_found"
        assert client.get("/nosuch/")["Content-Type"].startswith("text/html")
        assert client.get("/imageRegistry", HTTP_X_TOKEN="").json()["code"] == 7


def test_the_language_of_the_admin_in_the_same_browser_does_not_count(db: None) -> None:
    client = APIClient(HTTP_ACCEPT_LANGUAGE="zh-CN,zh;q=0.9")
    client.cookies["django_language"] = "en"
    assert "登录" in client.get("/user/getUserInfo").json()["msg"]


def test_a_refused_login_takes_its_cookie_back(db: None) -> None:
    client = APIClient()
    client.cookies["x-token"] = "stale"
    answer = client.get("/user/getUserInfo")
    assert answer.status_code == 401
    assert answer.cookies["x-token"]["max-age"] == 0
