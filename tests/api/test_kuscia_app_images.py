"""Kuscia's API as its clients use it: P01 to P37, each a test. `C` in the specification is what Kuscia's code does."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from tests.api import make
from tests.api.kuscia_client import LEAST, SUCCESS, Kuscia, least
from tests.api.kuscia_example import EXAMPLE


def test_p01_create(kuscia: Kuscia) -> None:
    assert kuscia.ask("create", EXAMPLE) == SUCCESS


def test_p02_query(kuscia: Kuscia) -> None:
    kuscia.done("create", EXAMPLE)
    found = kuscia.query("appimage-template")
    assert found["name"] == "appimage-template"
    image = {"name": "app-image", "tag": "v1.0.0", "id": "adlipoidu8yuahd6", "sign": "nkdy7pad09iuadjd"}
    assert found["image"] == image and list(found["image"]) == ["name", "tag", "id", "sign"]
    [template] = found["deploy_templates"]
    assert (template["restart_policy"], template["replicas"], template["role"]) == ("Never", 1, "server")
    [container] = template["containers"]
    assert container["readiness_probe"]["exec"] == {"command": ["cat", "/tmp/ready"]}
    http = {"path": "/healthz", "port": "global", "host": "", "scheme": "", "http_headers": []}
    assert container["liveness_probe"]["http_get"] == http
    startup = container["startup_probe"]
    assert startup["failure_threshold"] == 30
    assert startup["tcp_socket"] is startup["grpc"] is startup["exec"] is None
    assert startup["termination_grace_period_seconds"] == "0"


def test_p03_every_field_of_a_container_is_answered(kuscia: Kuscia) -> None:
    kuscia.done("create", LEAST)
    container = {
        "name": "c", "command": [], "args": [], "working_dir": "", "config_volume_mounts": [], "ports": [],
        "env_from": [], "env": [], "resources": None, "liveness_probe": None, "readiness_probe": None,
        "startup_probe": None, "image_pull_policy": "",
    }  # fmt: skip
    template = {"name": "d", "role": "", "replicas": 1, "restart_policy": "", "containers": [container]}
    image = {"name": "n", "tag": "", "id": "", "sign": ""}
    found = kuscia.query("a")
    assert found == {"name": "a", "image": image, "config_templates": {}, "deploy_templates": [template]}
    assert list(found["deploy_templates"][0]["containers"][0]) == list(container)


def camel(value: Any) -> Any:
    """The same body with camelCase names; keys of maps are no names."""
    if isinstance(value, list):
        return [camel(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {_camel(key): inner if key == "config_templates" else camel(inner) for key, inner in value.items()}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)


def test_p04_camel_case_is_read_and_never_answered(kuscia: Kuscia) -> None:
    kuscia.done("create", camel(EXAMPLE))
    kuscia.done("create", {**EXAMPLE, "name": "b"})
    found = kuscia.query("appimage-template")
    assert found == {**kuscia.query("b"), "name": "appimage-template"}
    assert not [key for key in _keys(found) if key != key.lower()]


def _keys(value: Any) -> list[str]:
    if isinstance(value, list):
        return [key for item in value for key in _keys(item)]
    return [*value, *(key for inner in value.values() for key in _keys(inner))] if isinstance(value, dict) else []


def test_p05_unknown_fields_are_ignored(kuscia: Kuscia) -> None:
    template = {**LEAST["deploy_templates"][0], "network_policy": {"ingresses": []}, "bogus": [1, None, {}]}
    kuscia.done("create", {**LEAST, "bogus": {"a": 1.5}, "deploy_templates": [template]})
    assert kuscia.query("a")["deploy_templates"][0].keys() == {
        "name", "role", "replicas", "restart_policy", "containers",
    }  # fmt: skip


def test_p06_a_name_is_taken_once(kuscia: Kuscia) -> None:
    kuscia.done("create", LEAST)
    text = kuscia.refused("create", {**LEAST, "image": {"name": "other"}}, 13106)
    assert text == 'appimages.kuscia.secretflow "a" already exists'
    assert kuscia.query("a")["image"]["name"] == "n"


def test_p07_query_of_a_missing_one(kuscia: Kuscia) -> None:
    status = {"code": 13105, "message": 'appimages.kuscia.secretflow "zz" not found', "details": []}
    assert kuscia.ask("query", {"name": "zz"}) == {"status": status, "data": None}


def test_p08_update_of_a_missing_one(kuscia: Kuscia) -> None:
    assert kuscia.refused("update", LEAST, 13105) == 'appimages.kuscia.secretflow "a" not found'
    kuscia.refused("update", {**LEAST, "name": "BAD NAME"}, 13105)


def test_p09_delete_of_a_missing_one(kuscia: Kuscia) -> None:
    assert kuscia.refused("delete", {"name": "zz"}, 13103) == 'appimages.kuscia.secretflow "zz" not found'
    kuscia.refused("delete", {"name": "BAD\0NAME"}, 13103)


def test_p10_delete(kuscia: Kuscia) -> None:
    kuscia.done("create", LEAST)
    assert kuscia.ask("delete", {"name": "a"}) == SUCCESS
    kuscia.refused("query", {"name": "a"}, 13105)


@pytest.mark.parametrize("route", ["create", "query", "delete", "update"])
def test_p11_no_name(kuscia: Kuscia, route: str) -> None:
    assert kuscia.refused(route, {}, 11100) == "appimage name can not be empty"


@pytest.mark.parametrize("image", [None, {}, {"tag": "v1"}, "absent"])
def test_p12_no_image(kuscia: Kuscia, image: Any) -> None:
    body = {**LEAST, "image": image} if image != "absent" else {"name": "a"}
    assert kuscia.refused("create", body, 11100) == "base image name can not be empty"


@pytest.mark.parametrize("templates", [{}, {"deploy_templates": []}, {"deploy_templates": None}])
def test_p13_no_templates(kuscia: Kuscia, templates: Any) -> None:
    body = {"name": "a", "image": {"name": "n"}, **templates}
    assert kuscia.refused("create", body, 11100) == "deploy templates can not be empty"


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ({}, "deploy template name can not be empty"),
        ({"name": "d"}, "containers can not be empty"),
        ({"name": "d", "containers": []}, "containers can not be empty"),
        ({"name": "d", "replicas": -1, "containers": [{}]}, "replicas can not be less than 0"),
        ({"name": "d", "containers": [{"name": "c"}, {}]}, "container name can not be empty"),
    ],
)
def test_p14_templates_and_containers_have_names(kuscia: Kuscia, template: Any, text: str) -> None:
    templates = [LEAST["deploy_templates"][0], template]
    assert kuscia.refused("create", {**LEAST, "name": "BAD", "deploy_templates": templates}, 11100) == text
    kuscia.done("create", LEAST)
    assert kuscia.refused("update", {**LEAST, "deploy_templates": templates}, 11100) == text
    assert kuscia.query("a")["deploy_templates"][0]["containers"][0]["name"] == "c"


@pytest.mark.parametrize("name", ["A", "a_b", "-a", "a-", "中文", "a b", "a  b", "a" * 64, "a\n", "a\0"])
def test_p15_what_is_no_name(kuscia: Kuscia, name: str) -> None:
    text = kuscia.refused("create", {**LEAST, "name": name}, 11100)
    rule = 'regex used for validation is "^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$" '
    assert text == f'Field "appimage_id" is invalid, invalid value: "{name}": {rule}'


@pytest.mark.parametrize("name", ["a", "1", "a-b", "a.b", "a" * 63])
def test_p15_what_is_a_name(kuscia: Kuscia, name: str) -> None:
    kuscia.done("create", {**LEAST, "name": name})
    assert kuscia.query(name)["name"] == name


@pytest.mark.parametrize("name", ["a..b", "a.-b", "a-.b"])
def test_names_that_kuscia_lets_pass_and_kubernetes_refuses(kuscia: Kuscia, name: str) -> None:
    assert name in kuscia.refused("create", {**LEAST, "name": name}, 13100)


def test_p16_batch_query_keeps_the_order(kuscia: Kuscia) -> None:
    for name in ("a", "b"):
        kuscia.done("create", {**LEAST, "name": name})
    assert kuscia.done("batchQuery", {"names": ["b", "a", "b"]}) == [kuscia.query(name) for name in "bab"]


@pytest.mark.parametrize("body", [{}, {"names": []}])
def test_p17_batch_query_of_nothing(kuscia: Kuscia, body: Any) -> None:
    found = kuscia.ask("batchQuery", body)
    assert found == {"status": {"code": 11100, "message": "names can not be empty", "details": []}, "data": []}


@pytest.mark.parametrize("nothing", ["", None])
def test_p18_batch_query_with_an_empty_name(kuscia: Kuscia, nothing: Any) -> None:
    assert kuscia.refused("batchQuery", {"names": ["a", nothing]}, 11100) == "name can not be empty on index 1"


def test_p19_batch_query_with_a_missing_name(kuscia: Kuscia) -> None:
    kuscia.done("create", LEAST)
    found = kuscia.ask("batchQuery", {"names": ["a", "nope", "neither"]})
    text = 'can\'t get appimage for nope, err: appimages.kuscia.secretflow "nope" not found'
    assert found == {"status": {"code": 13105, "message": text, "details": []}, "data": []}


@pytest.mark.parametrize("names", [["a"], [], ["a", ""], ["nope"]])
def test_p20_both_spellings_of_batch_query(kuscia: Kuscia, names: list[str]) -> None:
    kuscia.done("create", LEAST)
    assert kuscia.ask("batch_query", {"names": names}) == kuscia.ask("batchQuery", {"names": names})


def test_p21_pages(kuscia: Kuscia) -> None:
    names = ["a-b", "a.b", "a1", "ab", *(f"n{number:02}" for number in range(8))]
    for name in reversed(names):
        kuscia.done("create", {**LEAST, "name": name})
    first = kuscia.done("list", {})
    assert first["next_page_token"]
    second = kuscia.done("list", {"page_token": first["next_page_token"]})
    assert second["next_page_token"] == ""
    listed = [item["name"] for item in first["appimage_list"]], [item["name"] for item in second["appimage_list"]]
    assert listed == (names[:10], names[10:])
    assert first["appimage_list"][0] == kuscia.query("a-b")


def test_the_order_of_a_list_is_that_of_bytes_whatever_the_database_was_set_up_for(kuscia: Kuscia) -> None:
    if connection.vendor == "postgresql":  # as for most languages: punctuation counts for less than letters
        with connection.cursor() as cursor:
            cursor.execute("CREATE COLLATION dictionary (provider = icu, locale = 'en-u-ka-shifted')")
            cursor.execute('ALTER TABLE appimages_appimage ALTER COLUMN name TYPE varchar(63) COLLATE "dictionary"')
    for name in ("ab", "a1", "a-b", "a.b"):
        kuscia.done("create", {**LEAST, "name": name})
    names, token = [], ""
    while token or not names:
        found = kuscia.done("list", {"page_size": 1, "page_token": token})
        names += [item["name"] for item in found["appimage_list"]]
        token = found["next_page_token"]
    assert names == ["a-b", "a.b", "a1", "ab"]


@pytest.mark.parametrize("size", [3, "3"])
def test_pages_of_any_size(kuscia: Kuscia, size: Any) -> None:
    for name in "abcdefg":
        kuscia.done("create", {**LEAST, "name": name})
    pages, token = [], ""
    while token or not pages:
        found = kuscia.done("list", {"pageSize": size, "pageToken": token})
        pages.append("".join(item["name"] for item in found["appimage_list"]))
        token = found["next_page_token"]
    assert pages == ["abc", "def", "g"]
    for everything in (7, 2**63 - 1, -1):
        found = kuscia.done("list", {"page_size": everything})
        assert len(found["appimage_list"]) == 7 and found["next_page_token"] == ""


@pytest.mark.parametrize("token", ["x", "中", "YWZ0ZXI6QkFE", "YWZ0ZXI6", "bm90aGluZw==", "a" * 100_000])
def test_a_token_that_is_none(kuscia: Kuscia, token: str) -> None:
    assert kuscia.refused("list", {"page_token": token}, 13107)


def test_p22_an_empty_list(kuscia: Kuscia) -> None:
    assert kuscia.ask("list", {}) == {**SUCCESS, "data": {"appimage_list": [], "next_page_token": ""}}


@pytest.mark.parametrize("route", ["create", "update", "delete", "query", "list", "batchQuery"])
@pytest.mark.parametrize("body", ["abc", '{"name": "a"', "[]"])
def test_p23_what_is_no_message(kuscia: Kuscia, route: str, body: str) -> None:
    found = kuscia.ask(route, body)
    assert found.keys() == {"status"} and found["status"].keys() == {"code", "message"}
    assert found["status"]["code"] == 11101


def test_p26_the_image_is_replaced_whole_and_nothing_else(kuscia: Kuscia) -> None:
    kuscia.done("create", {**EXAMPLE, "name": "a"})
    before = kuscia.query("a")
    assert kuscia.ask("update", {"name": "a", "image": {"name": "n2"}}) == SUCCESS
    assert kuscia.query("a") == {**before, "image": {"name": "n2", "tag": "", "id": "", "sign": ""}}


@pytest.mark.parametrize("body", [{"name": "a"}, {"name": "a", "image": {}, "config_templates": {}}])
def test_p27_update_without_an_image(kuscia: Kuscia, body: Any) -> None:
    assert kuscia.refused("update", body, 11100) == "base image name can not be empty"


def test_p28_config_templates_are_replaced_whole(kuscia: Kuscia) -> None:
    kuscia.done("create", {**EXAMPLE, "name": "a"})
    before = kuscia.query("a")
    kuscia.done("update", {"name": "a", "image": EXAMPLE["image"], "config_templates": {"k2": "v2"}})
    assert kuscia.query("a") == {**before, "config_templates": {"k2": "v2"}}


def test_p29_empty_config_templates_clear_them(kuscia: Kuscia) -> None:
    kuscia.done("create", {**EXAMPLE, "name": "a"})
    before = kuscia.query("a")
    kuscia.done("update", {"name": "a", "image": EXAMPLE["image"], "config_templates": {}})
    assert before["config_templates"] and kuscia.query("a") == {**before, "config_templates": {}}


def test_p30_deploy_templates_are_replaced_whole(kuscia: Kuscia) -> None:
    kuscia.done("create", {**EXAMPLE, "name": "a"})
    templates = [{"name": name, "containers": [{"name": "x"}]} for name in ("client", "app")]
    kuscia.done("update", {"name": "a", "image": {"name": "n"}, "deploy_templates": templates})
    found = kuscia.query("a")
    assert [template["name"] for template in found["deploy_templates"]] == ["client", "app"]
    assert found["deploy_templates"][1]["role"] == "" and found["deploy_templates"][1]["replicas"] == 1
    assert found["config_templates"] == EXAMPLE["config_templates"]
    kuscia.done("update", {"name": "a", "image": {"name": "n"}, "deploy_templates": []})
    assert kuscia.query("a")["deploy_templates"] == found["deploy_templates"]


def test_p31_amounts_are_answered_in_canonical_form(kuscia: Kuscia) -> None:
    kuscia.done("create", least(resources={"limits": {"cpu": "0.1", "memory": "1024Mi"}}))
    assert kuscia.container()["resources"] == {"limits": {"cpu": "100m", "memory": "1Gi"}, "requests": None}


@pytest.mark.parametrize("resources", [{}, None, {"limits": {}}, {"limits": {"cpu": ""}, "requests": {}}])
def test_empty_resources_are_none(kuscia: Kuscia, resources: Any) -> None:
    kuscia.done("create", least(resources=resources))
    assert kuscia.container()["resources"] is None


@pytest.mark.parametrize("part", ["limits", "requests"])
@pytest.mark.parametrize(("name", "bad"), [("cpu", "abc"), ("memory", "1GB"), ("cpu", " 1"), ("memory", "9" * 10_000)])
def test_p32_what_is_no_amount(kuscia: Kuscia, part: str, name: str, bad: str) -> None:
    body = least(resources={part: {name: bad}})
    text = kuscia.refused("create", body, 13100)
    assert text.startswith(f"can't parse {part[:-1]} {name} {bad} to resource quantity, ")
    kuscia.refused("query", {"name": "a"}, 13105)
    kuscia.done("create", LEAST)
    assert kuscia.refused("update", {**body, "image": {"name": "other"}}, 13102) == text
    assert kuscia.query("a")["image"]["name"] == "n" and kuscia.container()["resources"] is None
    kuscia.refused("update", {**body, "name": "missing"}, 13105)


def test_p33_the_documents_spelling_of_secret_ref(kuscia: Kuscia) -> None:
    sources = [
        {"secret_map_ref": {"name": "s"}},
        {"secretMapRef": {"name": "t"}, "prefix": "P_"},
        {"secret_map_ref": {"name": "other"}, "secret_ref": {"name": "u"}},
    ]
    kuscia.done("create", least(env_from=sources))
    found = kuscia.container()["env_from"]
    assert [source["secret_ref"] for source in found] == [{"name": "s"}, {"name": "t"}, {"name": "u"}]
    assert all(source.keys() == {"prefix", "config_map_ref", "secret_ref"} for source in found)


@pytest.mark.parametrize(("sent", "answered"), [({}, 1), ({"replicas": 0}, 0), ({"replicas": 3}, 3)])
def test_p34_replicas(kuscia: Kuscia, sent: Any, answered: int) -> None:
    template = {**LEAST["deploy_templates"][0], **sent}
    kuscia.done("create", {**LEAST, "deploy_templates": [template]})
    assert kuscia.query("a")["deploy_templates"][0]["replicas"] == answered


def test_p35_ports_have_defaults(kuscia: Kuscia) -> None:
    kuscia.done("create", least(ports=[{"name": "p"}, {"name": "q", "protocol": "GRPC", "scope": "Domain"}]))
    assert kuscia.container()["ports"] == [
        {"name": "p", "protocol": "HTTP", "scope": "Local"},
        {"name": "q", "protocol": "GRPC", "scope": "Domain"},
    ]


def test_ports_of_a_file_that_says_no_more_than_names(kuscia: Kuscia) -> None:
    """The definition of the resource fills them in when a file is applied, too."""
    container = {"name": "c", "workingDir": "/", "ports": [{"name": "p", "port": 80}]}
    make.app_image("a", deployTemplates=[{"name": "d", "spec": {"containers": [container]}}])
    assert kuscia.container()["ports"] == [{"name": "p", "protocol": "HTTP", "scope": "Local"}]


@pytest.mark.parametrize("port", [{"protocol": "TCP"}, {"scope": "World"}, {"protocol": "http"}])
def test_p36_ports_of_no_known_kind(kuscia: Kuscia, port: Any) -> None:
    body = least(ports=[{"name": "p"}, {"name": "q", **port}])
    [(key, value)] = port.items()
    text = kuscia.refused("create", body, 13100)
    assert f"spec.deployTemplates[0].spec.containers[0].ports[1].{key}" in text and f'"{value}"' in text
    kuscia.refused("query", {"name": "a"}, 13105)
    kuscia.done("create", LEAST)
    assert kuscia.refused("update", body, 13102) == text
    assert kuscia.container()["ports"] == []


def test_p37_a_header_is_ignored(kuscia: Kuscia) -> None:
    header = {"header": {"custom_headers": {"x": "y"}}}
    kuscia.done("create", {**LEAST, **header})
    for route, body in (("query", {"name": "a"}), ("list", {}), ("batchQuery", {"names": ["a"]}), ("update", LEAST)):
        kuscia.done(route, {**body, **header})
    bodies = {"create": LEAST, "update": LEAST, "query": {"name": "a"}, "list": {}, "batchQuery": {"names": ["a"]}}
    for route, body in (*bodies.items(), ("delete", {"name": "a"})):
        kuscia.refused(route, {**body, "header": 5}, 11101)
