"""Every route × anonymous, owner, another user, operator. A route without an entry here fails the first test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from rest_framework.test import APIClient

from tests.api import make
from tests.api.gva_kinds import IMAGES, NODES, SPECS
from tests.api.routes import admin_paths, all_routes

ROLES = ("anonymous", "user", "other", "operator")
EVERYBODY = (200, 200, 200, 200)
READERS = (401, 200, 200, 200)
IMAGE = {"name": "new", "address": "127.0.0.1:1/team/new:v1"}
REGISTRY = {"name": "new", "endpoint": "new.example.com"}
NODE = {"name": "new", "docker_address": make.DEAD_ENGINE}
SPEC = {"name": "new"}
LOGIN = {"username": "ulrich", "password": make.PASSWORD}
INSTANCE = {"image": "{image}", "spec": "{spec}", "name": "new"}
WEBHOOK = {"name": "new", "url": "https://new.example.com/hooks", "secret": "a word of sixteen"}
APPLICATION = {"name": "new", "base_image": "app", "base_tag": "v1", "target_registry": "{registry}"}
PULL = {"image": "{image}", "nodes": ["{node}"]}


def operators(status: int) -> tuple[int, ...]:
    return (401, 403, 403, status)


def owners(status: int) -> tuple[int, ...]:
    """The owner and operators; for others the thing does not exist."""
    return (401, status, 404, status)


# (method, path) → what anonymous, the owner, another user and an operator get, query or body.
# `{image}` and so on stand for the ids of `things`; the pull is `user`'s.
TABLE: dict[tuple[str, str], tuple[tuple[int, ...], Any]] = {
    ("GET", ""): ((302, 302, 302, 302), None),
    ("GET", "healthz"): (EVERYBODY, None),
    ("GET", "readyz"): (EVERYBODY, None),
    ("GET", "i18n/setlang/"): ((302, 302, 302, 302), None),
    ("GET", "jsi18n/"): (EVERYBODY, None),
    ("GET", "api/schema/"): (EVERYBODY, None),
    ("GET", "api/docs/"): (EVERYBODY, None),
    ("POST", "api/token/"): (EVERYBODY, LOGIN),
    ("POST", "api/token/refresh/"): ((401, 401, 401, 401), {"refresh": "x"}),
    ("GET", "api/images/"): (READERS, None),
    ("POST", "api/images/"): (operators(201), IMAGE),
    ("GET", "api/images/{image}/"): (READERS, None),
    ("PUT", "api/images/{image}/"): (operators(200), IMAGE),
    ("PATCH", "api/images/{image}/"): (operators(200), {"remark": "x"}),
    ("DELETE", "api/images/{image}/"): (operators(204), None),
    ("POST", "api/images/{image}/check/"): (operators(200), None),
    ("POST", "api/images/check/"): (operators(200), {"address": "127.0.0.1:1/team/app:v1"}),
    ("POST", "api/images/{image}/list/"): (operators(200), None),
    ("POST", "api/images/{image}/unlist/"): (operators(200), None),
    ("GET", "api/appimages/"): (READERS, None),
    ("POST", "api/appimages/import/"): (operators(400), None),  # there is no file
    ("GET", "api/appimages/{app_image}/"): (READERS, None),
    ("DELETE", "api/appimages/{app_image}/"): (operators(204), None),
    ("GET", "api/appimages/{app_image}/export/"): (READERS, None),
    ("GET", "api/appimages/{app_image}/versions/"): (READERS, None),
    ("GET", "api/appimages/{app_image}/versions/{number}/"): (READERS, None),
    ("POST", "api/appimages/{app_image}/versions/{number}/rollback/"): (operators(200), None),
    ("POST", "api/appimages/{app_image}/render/"): (READERS, {"variables": {"TASK_ID": "t"}}),
    ("POST", "api/hooks/git/"): ((401, 401, 401, 401), {"repository": {}}),  # whoever has the secret is no person
    ("POST", "api/resolve/"): (READERS, {"name": "team/app", "tag": "v1"}),
    ("GET", "api/registries/"): (operators(200), None),
    ("POST", "api/registries/"): (operators(201), REGISTRY),
    ("POST", "api/registries/import/"): (operators(400), None),  # there is no file
    ("GET", "api/registries/{registry}/"): (operators(200), None),
    ("PUT", "api/registries/{registry}/"): (operators(200), REGISTRY),
    ("PATCH", "api/registries/{registry}/"): (operators(200), {"insecure": True}),
    ("DELETE", "api/registries/{registry}/"): (operators(204), None),
    ("POST", "api/registries/{registry}/check/"): (operators(200), None),
    ("GET", "api/nodes/"): (READERS, None),
    ("POST", "api/nodes/"): (operators(201), NODE),
    ("GET", "api/nodes/{node}/"): (READERS, None),
    ("PUT", "api/nodes/{node}/"): (operators(200), NODE),
    ("PATCH", "api/nodes/{node}/"): (operators(200), {"remark": "x"}),
    ("DELETE", "api/nodes/{node}/"): (operators(204), None),
    ("POST", "api/nodes/{node}/test/"): (operators(200), None),
    ("POST", "api/nodes/{node}/discover/"): (operators(200), None),
    ("GET", "api/nodes/{node}/images/"): (operators(502), None),  # its engine is dead
    ("GET", "api/specs/"): (READERS, None),
    ("POST", "api/specs/"): (operators(201), SPEC),
    ("GET", "api/specs/{spec}/"): (READERS, None),
    ("PUT", "api/specs/{spec}/"): (operators(200), SPEC),
    ("PATCH", "api/specs/{spec}/"): (operators(200), {"remark": "x"}),
    ("DELETE", "api/specs/{spec}/"): (operators(204), None),
    ("POST", "api/specs/{spec}/list/"): (operators(200), None),
    ("POST", "api/specs/{spec}/unlist/"): (operators(200), None),
    ("GET", "api/nodes/{node}/gpus/"): (READERS, None),
    ("POST", "api/nodes/{node}/gpus/"): (operators(503), None),
    ("POST", "api/nodes/{node}/doctor/"): (operators(200), None),
    ("POST", "api/appimages/register/"): (
        operators(400),
        {"image": "app:1", "nodes": ["{node}"]},
    ),  # without a template
    ("GET", "api/instances/"): (READERS, None),
    ("POST", "api/instances/"): ((401, 202, 202, 202), INSTANCE),
    ("POST", "api/instances/preview/"): (READERS, INSTANCE),
    ("GET", "api/instances/{instance}/"): (owners(200), None),
    ("PATCH", "api/instances/{instance}/"): (owners(200), {"remark": "x"}),
    ("DELETE", "api/instances/{instance}/"): (owners(202), None),
    ("POST", "api/instances/{instance}/start/"): (owners(202), None),
    ("POST", "api/instances/{instance}/stop/"): (owners(202), None),
    ("POST", "api/instances/{instance}/restart/"): (owners(202), None),
    ("POST", "api/instances/{instance}/forget/"): (operators(204), None),  # its node is not connected
    ("GET", "api/instances/{instance}/logs/"): (owners(503), None),  # its engine is dead
    ("GET", "api/instances/{instance}/stats/"): (owners(503), None),
    ("GET", "api/instances/{instance}/events/"): (READERS, None),  # others' are as good as removed
    ("GET", "api/instances/events/"): (READERS, {"id": "{instance}"}),
    ("POST", "api/instances/{instance}/ticket/"): (owners(200), None),
    ("GET", "api/instances/{instance}/terminal/"): (owners(426), None),  # it is a WebSocket
    ("POST", "api/appimages/{runnable}/run/"): ((401, 202, 202, 202), {"spec": "{spec}"}),
    ("GET", "api/deployments/"): (READERS, None),
    ("GET", "api/deployments/{deployment}/"): (owners(200), None),
    ("DELETE", "api/deployments/{deployment}/"): (owners(202), None),
    ("POST", "api/deployments/{deployment}/start/"): (owners(202), None),
    ("POST", "api/deployments/{deployment}/stop/"): (owners(202), None),
    ("POST", "api/deployments/{deployment}/restart/"): (owners(202), None),
    ("GET", "api/config-sets/"): (operators(200), None),
    ("POST", "api/config-sets/"): (operators(201), {"name": "new", "values": {"A": "1"}}),
    ("GET", "api/config-sets/{config_set}/"): (operators(200), None),
    ("PUT", "api/config-sets/{config_set}/"): (operators(200), {"name": "new"}),
    ("PATCH", "api/config-sets/{config_set}/"): (operators(200), {"values": {"A": "1"}}),
    ("DELETE", "api/config-sets/{config_set}/"): (operators(204), None),
    ("GET", "api/secret-sets/"): (operators(200), None),
    ("POST", "api/secret-sets/"): (operators(201), {"name": "new", "values": {"A": "1"}}),
    ("GET", "api/secret-sets/{secret_set}/"): (operators(200), None),
    ("PUT", "api/secret-sets/{secret_set}/"): (operators(200), {"name": "new"}),
    ("PATCH", "api/secret-sets/{secret_set}/"): (operators(200), {"values": {"A": "1"}}),
    ("DELETE", "api/secret-sets/{secret_set}/"): (operators(204), None),
    ("GET", "api/applications/"): (READERS, None),
    ("POST", "api/applications/"): ((401, 201, 201, 201), APPLICATION),
    ("POST", "api/applications/import/"): ((401, 400, 400, 400), None),  # there is no file
    ("POST", "api/applications/hints/"): (READERS, {"files": {"Dockerfile": "FROM x"}}),
    ("GET", "api/applications/{application}/"): (owners(200), None),
    ("PUT", "api/applications/{application}/"): (owners(200), APPLICATION),
    ("PATCH", "api/applications/{application}/"): (owners(200), {"description": "x"}),
    ("DELETE", "api/applications/{application}/"): (owners(204), None),
    ("POST", "api/applications/{application}/copy/"): (owners(201), {"name": "copy"}),
    ("GET", "api/applications/{application}/versions/"): (owners(200), None),
    ("GET", "api/applications/{application}/versions/{number}/"): (owners(200), None),
    ("POST", "api/applications/{application}/versions/{number}/rollback/"): (owners(200), None),
    ("POST", "api/applications/{application}/add-packages/"): (
        owners(200),
        {"ecosystem": "apt", "packages": ["git"]},
    ),
    ("GET", "api/applications/{application}/hints/"): (owners(200), None),
    ("GET", "api/applications/{application}/secrets/"): (owners(200), None),
    ("POST", "api/applications/{application}/secrets/"): (owners(200), {"values": {"A": "1"}}),
    ("GET", "api/applications/{application}/workflow/"): (owners(200), None),
    ("GET", "api/applications/{application}/export/"): (owners(200), None),
    ("GET", "api/pulls/"): (READERS, None),
    ("POST", "api/pulls/"): ((401, 202, 202, 202), PULL),
    ("POST", "api/pulls/archives/"): (operators(400), None),  # there is none in the body
    ("GET", "api/pulls/{pull}/"): (owners(200), None),
    ("POST", "api/pulls/{pull}/cancel/"): (owners(200), None),
    ("POST", "api/pulls/{pull}/retry/"): (owners(409), None),  # it is still queued
    ("GET", "api/pulls/{pull}/history/"): (owners(200), None),
    ("POST", "api/pulls/{pull}/ticket/"): (owners(200), None),
    ("GET", "api/pulls/{pull}/events/"): (owners(200), None),
    ("GET", "api/pulls/events/"): (owners(200), {"id": "{pull}"}),
    ("GET", "api/builds/"): (READERS, None),
    ("POST", "api/builds/"): (owners(202), {"application": "{application}"}),
    ("GET", "api/builds/{build}/"): (owners(200), None),
    ("GET", "api/builds/{build}/log/"): (owners(200), None),
    ("POST", "api/builds/{build}/cancel/"): (owners(200), None),
    ("POST", "api/builds/{build}/retry/"): (owners(409), None),  # it is still queued
    ("POST", "api/builds/{build}/ticket/"): (owners(200), None),
    ("GET", "api/builds/{build}/events/"): (owners(200), None),
    ("GET", "api/builds/events/"): (owners(200), {"id": "{build}"}),
    ("GET", "api/submissions/"): (READERS, None),
    ("POST", "api/submissions/"): ((401, 202, 202, 202), {"reference": "127.0.0.1:1/team/other:v1"}),
    ("GET", "api/submissions/{submission}/"): (owners(200), None),
    ("GET", "api/submissions/{submission}/history/"): (owners(200), None),
    ("POST", "api/submissions/{submission}/approve/"): (operators(409), {}),  # its checks wait
    ("POST", "api/submissions/{submission}/reject/"): (operators(200), {"reason": "x"}),
    ("POST", "api/submissions/{submission}/withdraw/"): (owners(200), None),
    ("POST", "api/submissions/{submission}/check/"): (owners(409), None),  # they wait already
    ("GET", "api/notices/"): (READERS, None),
    ("POST", "api/notices/{notice}/read/"): ((401, 200, 404, 404), None),  # of operators too only their own
    ("POST", "api/notices/read-all/"): (READERS, None),
    ("GET", "api/webhook-targets/"): (operators(200), None),
    ("POST", "api/webhook-targets/"): (operators(201), WEBHOOK),
    ("GET", "api/webhook-targets/{webhook}/"): (operators(200), None),
    ("PUT", "api/webhook-targets/{webhook}/"): (operators(200), WEBHOOK),
    ("PATCH", "api/webhook-targets/{webhook}/"): (operators(200), {"is_active": False}),
    ("DELETE", "api/webhook-targets/{webhook}/"): (operators(204), None),
    ("GET", "api/webhook-targets/{webhook}/calls/"): (operators(200), None),
}
for _kind, _thing in ((IMAGES, "image"), (NODES, "node"), (SPECS, "spec")):
    for _prefix in ("", "api"):
        TABLE |= {
            ("POST", f"{_prefix}{_kind.create}".lstrip("/")): (operators(200), _kind.minimal()),
            ("PUT", f"{_prefix}{_kind.update}".lstrip("/")): (operators(200), {"ID": f"{{{_thing}}}", "remark": "x"}),
            ("DELETE", f"{_prefix}{_kind.delete}".lstrip("/")): (operators(200), f"ID={{{_thing}}}"),
            ("DELETE", f"{_prefix}{_kind.delete_many}".lstrip("/")): (operators(200), f"IDs[]={{{_thing}}}"),
            ("GET", f"{_prefix}{_kind.find}".lstrip("/")): (READERS, {"ID": f"{{{_thing}}}"}),
            ("GET", f"{_prefix}{_kind.list}".lstrip("/")): (READERS, None),
            ("GET", f"{_prefix}{_kind.public}".lstrip("/")): (READERS, None),
        }
for _prefix in ("", "api/"):
    TABLE |= {
        ("POST", f"{_prefix}base/login"): (EVERYBODY, LOGIN),
        ("GET", f"{_prefix}user/getUserInfo"): (READERS, None),
        ("PUT", f"{_prefix}user/setSelfSetting"): (READERS, {"darkMode": "auto"}),
        ("POST", f"{_prefix}user/setUserAuthority"): ((401, 400, 400, 200), {"authorityId": 888}),
        ("POST", f"{_prefix}menu/getMenu"): (READERS, None),
        ("POST", f"{_prefix}jwt/jsonInBlacklist"): ((401, 400, 400, 400), None),  # they came with access tokens
        ("POST", f"{_prefix}init/checkdb"): (EVERYBODY, None),
        ("POST", f"{_prefix}system/getJumpboxConfig"): (READERS, None),
    }
    _at, _own = f"{_prefix}instance/", (401, 200, 400, 200)
    TABLE |= {
        ("POST", f"{_at}createInstance"): (READERS, {"imageId": "{image}", "specId": "{spec}", "name": "new"}),
        ("PUT", f"{_at}updateInstance"): (_own, {"ID": "{instance}", "remark": "x"}),
        ("DELETE", f"{_at}deleteInstance"): (_own, "ID={instance}"),
        ("DELETE", f"{_at}deleteInstanceByIds"): (_own, "IDs[]={instance}"),
        ("GET", f"{_at}findInstance"): (_own, {"ID": "{instance}"}),
        ("GET", f"{_at}getInstanceList"): (READERS, None),
        ("GET", f"{_at}getInstancePublic"): (READERS, None),
        ("GET", f"{_at}getInstanceDataSource"): (READERS, None),
        ("GET", f"{_at}getAvailableNodes"): (READERS, {"specId": "{spec}"}),
        ("POST", f"{_at}startContainer"): (_own, "ID={instance}"),
        ("POST", f"{_at}stopContainer"): (_own, "ID={instance}"),
        ("POST", f"{_at}restartContainer"): (_own, "ID={instance}"),
        ("GET", f"{_at}getContainerLogs"): ((401, 400, 400, 400), {"ID": "{instance}"}),  # its engine is dead
        ("GET", f"{_at}terminal"): ((401, 400, 400, 400), {"ID": "{instance}"}),  # it is a WebSocket
    }
    _at = f"{_prefix}sysExportTemplate/"
    _template = {"templateID": "imageregistry_ImageRegistry"}
    TABLE |= {
        ("GET", f"{_at}exportTemplate"): (READERS, _template),
        ("GET", f"{_at}exportExcel"): (READERS, _template),
        ("GET", f"{_at}exportTemplateByToken"): ((400, 400, 400, 400), {"token": "x"}),  # the ticket is the login
        ("GET", f"{_at}exportExcelByToken"): ((400, 400, 400, 400), {"token": "x"}),
        ("POST", f"{_at}importExcel"): (operators(400), None),  # there is no file
    }
for _route in ("create", "update", "delete", "query", "list", "batchQuery", "batch_query"):
    # Its clients come with tokens of their own: no login of a person opens it.
    TABLE["POST", f"api/v1/appimage/{_route}"] = ((401, 401, 401, 401), {"name": "a"})


@pytest.fixture
def things(user: User) -> dict[str, Any]:
    """Ids of one thing of each kind, listed where that exists."""
    return {
        "image": make.image(address="127.0.0.1:1/team/app:v1").pk,
        "registry": make.registry(endpoint="127.0.0.1:1").pk,
        "node": make.node().pk,
        "pull": make.pull(by=user).pk,
        "build": make.build(by=user).pk,
        "application": make.application(owner=user).pk,
        "spec": make.spec().pk,
        "instance": make.instance(by=user).pk,
        "room": make.gpu_node().pk,  # for new instances
        "app_image": make.app_image().name,
        "runnable": make.app_image(image={"name": "127.0.0.1:1/team/app", "tag": "v1"}).name,
        "deployment": make.deployment(by=user).pk,
        "config_set": make.config_set().pk,
        "secret_set": make.secret_set(token="t").pk,
        "number": 1,  # of a version of it
        "submission": (submission := make.submission(by=user)).pk,
        "notice": make.notice(of=submission).pk,
        "webhook": make.webhook().pk,
    }


@pytest.fixture
def clients(
    client_of: Callable[[User | None], APIClient], user: User, other: User, operator: User
) -> dict[str, APIClient]:
    return dict(zip(ROLES, map(client_of, (None, user, other, operator)), strict=True))


def test_every_route_has_an_entry() -> None:
    entries = {(method, _resolver_path(path)) for method, path in TABLE}
    assert set(all_routes()) == entries


@pytest.mark.parametrize(("method", "path"), TABLE)
def test_every_role(method: str, path: str, things: dict[str, Any], clients: dict[str, APIClient]) -> None:
    expected, asked = TABLE[method, path]
    found = []
    for role in ROLES:
        with rolled_back():
            found.append(status_of(send(clients[role], method, path, asked, things)))
    assert tuple(found) == expected


@pytest.mark.parametrize("role", ["anonymous", "user"])
def test_the_admin_pages_are_for_operators(role: str, clients: dict[str, APIClient], user: User) -> None:
    client = APIClient()
    if role == "user":
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    public = {"admin/login/", "admin/jsi18n/"}
    pages = [path for path in admin_paths() if path not in public]
    assert pages
    for path in pages:
        at = "/" + _filled(path)
        for answer in (client.get(at), client.post(at)):
            assert answer.status_code in (302, 403, 405), (path, answer.status_code)
            assert answer.status_code != 302 or "/login/" in answer["Location"] or path == "admin/logout/", path


def test_unlisted_things_do_not_exist_for_ordinary_users(as_user: APIClient) -> None:
    image, node, spec = make.image(is_listed=False), make.node(is_listed=False), make.spec(is_listed=False)
    shown_image, shown_node = make.image(), make.node()
    assert [row["id"] for row in as_user.get("/api/images/").json()["results"]] == [shown_image.pk]
    assert [row["id"] for row in as_user.get("/api/nodes/").json()["results"]] == [shown_node.pk]
    make.problem(as_user.get(f"/api/images/{image.pk}/"), 404, "not_found")
    make.problem(as_user.get(f"/api/nodes/{node.pk}/"), 404, "not_found")
    make.problem(as_user.get(f"/api/specs/{spec.pk}/"), 404, "not_found")


def test_ordinary_users_see_nothing_about_how_to_reach_a_node(as_user: APIClient) -> None:
    row = make.node(username="root", password="p", remark="in the cellar", client_key="k")
    body = as_user.get(f"/api/nodes/{row.pk}/").json()
    hidden = {"docker_address", "use_tls", "ca_cert", "client_cert", "client_key", "ssh_port", "username", "password"}
    assert not hidden & body.keys() and "127.0.0.1:1" not in str(body)


def send(client: APIClient, method: str, path: str, asked: Any, things: dict[str, Any]) -> Any:
    """`asked` is the body; a text or the data of a GET is the query."""
    at = "/" + path.format(**things)
    if isinstance(asked, str):
        return getattr(client, method.lower())(f"{at}?{asked.format(**things)}")
    return getattr(client, method.lower())(at, _with_ids(asked, things))


def status_of(answer: Any) -> int:
    """The status; refusals of the gva dialect count as the status that the native API would give."""
    if answer.status_code == 200 and answer["Content-Type"] == "application/json" and not answer.streaming:
        body = answer.json()
        if isinstance(body, dict) and body.get("code") == 7:
            return 403 if body["msg"] == "Insufficient permissions" else 400
    return int(answer.status_code)


@contextmanager
def rolled_back() -> Iterator[None]:
    """What one role did is undone for the next."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def _with_ids(asked: Any, things: dict[str, Any]) -> Any:
    if isinstance(asked, dict):
        return {key: _with_ids(value, things) for key, value in asked.items()}
    if isinstance(asked, list):
        return [_with_ids(value, things) for value in asked]
    return things[asked[1:-1]] if isinstance(asked, str) and asked[:1] == "{" else asked


def _resolver_path(path: str) -> str:
    plain = ("image", "registry", "node", "pull", "spec", "instance", "deployment", "config_set", "secret_set")
    for name in (*plain, "application", "build", "submission", "notice", "webhook"):
        path = path.replace(f"{{{name}}}", "{pk}")
    return path.replace("{app_image}", "{name}").replace("{runnable}", "{name}")


def _filled(path: str) -> str:
    """Any values for the arguments: permission is asked before the thing is looked up."""
    out = path
    while "{" in out:
        start, _, rest = out.partition("{")
        out = start + "1" + rest.partition("}")[2]
    return out
