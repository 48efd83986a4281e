"""Canary secrets go in through every surface that takes secrets, and must come out of none.

Searched: every answer, every log line (SQL included), every column of every table, every message to the workers,
the admin's HTML, crash answers and crash logs.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import timezone
from kombu.transport.memory import Channel
from rest_framework.test import APIClient

from appimages.exporting import export_yaml
from builds.models import Application, BuildSecret, Submission, WebhookCall, WebhookTarget
from builds.submission_work import check_submission
from builds.webhook_work import call_webhook
from imagelib.models import ImageRegistry, RegistryEndpoint
from instances.models import Deployment, Instance, SecretSet
from nodes.models import ComputeNode
from pulls.tools import production_tools
from tests.api import make
from tests.api.gva_client import CREATE, FIND, UPDATE
from tests.api.gva_kinds import KINDS, NODES
from tests.api.probed import plant_in_secret_sets
from tests.api.routes import all_routes
from tests.services.certs import Authority
from tests.support.app_images import document
from tests.support.pushes import encoded, github_push, signature

CANARY = "canary-5e1f0d"


class Listener(APIClient):
    """Keeps whatever is answered."""

    def __init__(self, **options: Any) -> None:
        super().__init__(enforce_csrf_checks=True, raise_request_exception=False, **options)
        self.heard: list[str] = []

    def request(self, **options: Any) -> Any:
        answer = super().request(**options)
        if not answer.streaming:
            self.heard.append(f"{options.get('PATH_INFO')} {answer.headers} {answer.content.decode(errors='replace')}")
        return answer

    def login_as(self, username: str) -> str:
        token: str = self.post("/api/token/", {"username": username, "password": make.PASSWORD}).json()["access"]
        self.heard.clear()
        self.credentials(HTTP_AUTHORIZATION=f"Bearer {token}", HTTP_X_TOKEN=token)
        return token


@pytest.fixture
def everything_logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Log lines from DEBUG on, with every SQL statement and its parameters."""
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="django.db.backends")
    connection.force_debug_cursor = True
    yield caplog
    connection.force_debug_cursor = False


@pytest.fixture
def listener(operator: User) -> Listener:
    client = Listener()
    client.login_as("olga")
    return client


class Canaries:
    """Numbered, so that a failure says which surface leaked."""

    def __init__(self) -> None:
        self.all: list[str] = []

    def __call__(self, surface: str) -> str:
        self.all.append(f"{CANARY}-{surface}")
        return self.all[-1]

    def found_in(self, text: str) -> list[str]:
        return [canary for canary in self.all if canary in text]


@pytest.fixture
def canary() -> Canaries:
    return Canaries()


def plant_in_images(client: Listener, canary: Canaries) -> None:
    host = "127.0.0.1:1/team"
    native = client.post("/api/images/", {"name": "a", "address": f"a:{canary('image-post')}@{host}/a:v1"})
    assert native.status_code == 201, native.content
    at = f"/api/images/{native.json()['id']}/"
    whole = {"name": "a", "address": f"a:{canary('image-put')}@{host}/a:v2"}
    assert client.put(at, whole).status_code == 200
    assert client.patch(at, {"address": f"a:{canary('image-patch')}@{host}/a:v3"}).status_code == 200
    gva = client.post(CREATE, {"name": "g", "address": f"a:{canary('gva-create')}@{host}/g:v1"})
    assert gva.json()["code"] == 0, gva.content
    pk = gva.json()["data"]["ID"]
    found = client.get(f"{FIND}?ID={pk}").json()["data"]
    assert client.put(UPDATE, {**found, "address": f"a:{canary('gva-update')}@{host}/g:v2"}).json()["code"] == 0
    for number, bad in enumerate(
        ("{0}@nginx", "a:{0}@", "a:{0}@host with spaces/x", "a:{0}@r.example.com/UPPER", "https://a:{0}@r.io/x")
    ):
        address = bad.format(canary(f"image-bad-{number}"))
        assert client.post("/api/images/", {"name": "b", "address": address}).status_code == 400
        assert client.post(CREATE, {"name": "b", "address": address}).json()["code"] == 7
        assert client.post("/api/images/check/", {"address": address}).status_code == 400
        assert client.post("/api/pulls/", {"reference": address, "nodes": [1]}).status_code == 400
    # A refused request is logged; what was typed into a search field is not.
    assert client.get(f"/api/images/?address=a:{canary('search')}@r.io&is_listed=perhaps").status_code == 400
    client.post("/api/images/check/", {"address": f"a:{canary('image-check')}@{host}/a:v1"})
    client.post("/api/pulls/", {"reference": f"a:{canary('pull')}@{host}/a:v1", "nodes": [1]})


def plant_in_registries(client: Listener, canary: Canaries) -> None:
    values = {"name": "r", "endpoint": "127.0.0.1:2", "username": "u", "password": canary("registry-post")}
    made = client.post("/api/registries/", values)
    assert made.status_code == 201, made.content
    at = f"/api/registries/{made.json()['id']}/"
    assert client.put(at, {**values, "password": canary("registry-put")}).status_code == 200
    assert client.patch(at, {"password": canary("registry-patch")}).status_code == 200
    client.post(f"{at}check/")
    for bad in ({"username": ""}, {"endpoint": f"u:{canary('endpoint')}@r.example.com"}, {"is_default": "perhaps"}):
        assert client.post("/api/registries/", {**values, **bad, "password": canary("registry-bad")}).status_code == 400
    assert client.patch(at, {"ca_certificate": canary("ca")}).status_code == 400
    config = "domainKeyData: {0}-key\nimage: {{registries: [{{endpoint: '{1}', username: u, password: {0}}}]}}"
    for endpoint, status in (("127.0.0.1:4", 200), ("127.0.0.1:4", 200), ("a:b@r.io", 400), ("[", 400), ("'*a", 400)):
        text = config.format(canary(f"configuration-{status}"), endpoint)
        answer = client.generic("POST", "/api/registries/import/", text, content_type="application/yaml")
        assert answer.status_code == status, answer.content


def plant_in_app_images(client: Listener, canary: Canaries) -> None:
    make.app_image("a")
    text = export_yaml([("b", document())])
    at = f"/api/appimages/import/?image=a:{canary('placeholder')}@r.io/a:v1"
    assert client.generic("POST", at, text, content_type="application/yaml").status_code == 400


def plant_in_nodes(client: Listener, canary: Canaries) -> None:
    pair = Authority("test").issue("client", client=True)
    canary.all.append(pair.key.splitlines()[1])
    values = {
        "name": "n", "docker_address": make.DEAD_ENGINE, "use_tls": True, "client_cert": pair.cert,
        "client_key": pair.key, "username": "root", "password": canary("node-post"),
    }  # fmt: skip
    made = client.post("/api/nodes/", values)
    assert made.status_code == 201, made.content
    at = f"/api/nodes/{made.json()['id']}/"
    assert client.put(at, {**values, "password": canary("node-put")}).status_code == 200
    assert client.patch(at, {"password": canary("node-patch")}).status_code == 200
    for path in ("test/", "discover/"):
        assert client.post(at + path).status_code == 200
    over_ssh = {"name": "s", "docker_address": "ssh://root@127.0.0.1:1", "password": canary("node-ssh")}
    assert client.post("/api/nodes/", over_ssh).status_code == 201
    in_address = {"name": "t", "docker_address": f"ssh://root:{canary('node-address')}@127.0.0.1:1"}
    assert client.post("/api/nodes/", in_address).status_code == 400
    assert client.post("/api/nodes/", {**values, "name": "x", "client_key": canary("node-key")}).status_code == 400
    spa = {**NODES.form, "password": canary("spa-create"), "clientCert": pair.cert, "clientKey": pair.key}
    answer = client.post(NODES.create, spa).json()
    assert answer["code"] == 0, answer
    whole = client.get(f"{NODES.find}?ID={answer['data']['ID']}").json()["data"]
    assert client.put(NODES.update, {**whole, "password": canary("spa-update")}).json()["code"] == 0
    for bad in (
        {"clientKey": canary("spa-key")}, {"clientCert": pair.cert + canary("spa-cert") + pair.key},
        {"dockerAddress": f"ssh://root:{canary('spa-address')}@127.0.0.1:1"}, {"password": [canary("spa-list")]},
        {"dockerAddress": "tcp://127.0.0.3:1"},
    ):  # fmt: skip
        assert client.put(NODES.update, {**whole, **bad}).json()["code"] == 7, bad


def plant_in_applications(client: Listener, canary: Canaries) -> None:
    endpoint = make.registry()
    values = {
        "name": "lab", "base_image": "notebook", "base_tag": "3.11", "target_registry": endpoint.pk,
        "git_url": "https://git.example.com/a.git", "git_password": canary("git"), "webhook_secret": canary("hook"),
    }  # fmt: skip
    made = client.post("/api/applications/", values)
    assert made.status_code == 201, made.content
    at = f"/api/applications/{made.json()['id']}/"
    assert client.patch(at, {"git_password": canary("git2"), "webhook_secret": canary("hook2")}).status_code == 200
    assert client.post(f"{at}secrets/", {"values": {"TOKEN": canary("build-secret")}}).status_code == 200
    for bad in (
        {"git_url": f"https://a:{canary('git-url')}@git.example.com/a.git"},
        {"git_url": f"a:{canary('git-scp')}@git.example.com:a.git"},
        {"base_tag": " ", "git_password": canary("git-bad"), "webhook_secret": canary("hook-bad")},
        {"git_password": [canary("git-list")]},
    ):
        assert client.post("/api/applications/", {**values, "name": "other", **bad}).status_code == 400
        assert client.patch(at, bad).status_code == 400
    assert client.post(f"{at}secrets/", {"values": {"a b": canary("secret-bad")}}).status_code == 400
    assert client.post(f"{at}secrets/", {"values": {"A": [canary("secret-list")]}}).status_code == 400
    assert client.post(f"{at}copy/", {"name": "copy"}).status_code == 201
    away = {"git_url": "http://127.0.0.1:1/a.git", "git_username": "u", "git_password": canary("import")}
    assert client.post("/api/applications/import/", away).status_code == 502
    in_url = {"git_url": f"https://a:{canary('import-url')}@git.example.com/a.git"}
    assert client.post("/api/applications/import/", in_url).status_code == 400
    message = encoded(github_push())
    forged = {"HTTP_X_HUB_SIGNATURE_256": f"sha256={signature(canary('forged'), message)}"}
    answer = client.generic("POST", "/api/hooks/git/", message, content_type="application/json", **forged)
    assert answer.status_code == 403


def plant_in_webhooks(client: Listener, canary: Canaries) -> None:
    """And what is offered while there is a target."""
    at = "/api/webhook-targets/"
    values = {"name": "w", "url": "http://127.0.0.1:1/hooks", "secret": canary("webhook-post")}
    made = client.post(at, values)
    assert made.status_code == 201, made.content
    one = f"{at}{made.json()['id']}/"
    assert client.put(one, {**values, "secret": canary("webhook-put")}).status_code == 200
    assert client.patch(one, {"secret": canary("webhook-patch")}).status_code == 200
    for bad in ({"url": f"https://u:{canary('webhook-url')}@x.io"}, {"name": ""}, {"secret": [canary("webhook-list")]}):
        assert client.post(at, {**values, "secret": canary("webhook-bad"), **bad}).status_code == 400
    offered = client.post("/api/submissions/", {"reference": "127.0.0.1:1/team/offered:v1"})
    assert offered.status_code == 202, offered.content
    for call in WebhookCall.objects.all():
        call_webhook(call.pk, tools=production_tools())
    check_submission(offered.json()["id"], tools=production_tools())
    refused = {"reference": f"a:{canary('submission')}@r.example.com/a:v1"}
    assert client.post("/api/submissions/", refused).status_code == 400


def make_instances(client: Listener) -> None:
    """On a node, and of images, that have secrets; their pulls and operations wait."""
    ComputeNode.objects.update(status="connected", checked_at=timezone.now())
    plan = make.spec()
    for number, image in enumerate(ImageRegistry.objects.all()):
        asked = {"image": image.pk, "spec": plan.pk, "name": f"i{number}"}
        assert client.post("/api/instances/preview/", asked).status_code == 200
        assert client.post("/api/instances/", asked).status_code == 202
    Instance.objects.filter(name="i0").update(container_id="c0ffee")  # so that its log is asked for


def read_everything(client: Listener) -> None:
    """Every route that can be read, of everything there is."""
    ids = {
        "images": ImageRegistry, "registries": RegistryEndpoint, "nodes": ComputeNode, "instances": Instance,
        "applications": Application, "deployments": Deployment, "secret-sets": SecretSet,
        "webhook-targets": WebhookTarget, "submissions": Submission,
    }  # fmt: skip
    for method, path in all_routes():
        if method == "GET" and "events" not in path:
            kind = path.removeprefix("api/").partition("/")[0]
            rows = ids[kind].objects.all() if kind in ids else []
            for pk in [row.pk for row in rows] or [1]:
                client.get("/" + path.format(pk=pk, name="a", number=1))
    for pk in Instance.objects.values_list("pk", flat=True):
        for route in ("findInstance", "getContainerLogs"):
            client.get(f"/instance/{route}?ID={pk}")
    for kind in KINDS:
        client.get(f"{kind.list}?pageSize=100")
        for pk in kind.model.objects.values_list("pk", flat=True):
            client.get(f"{kind.find}?ID={pk}")


def database() -> str:
    """Every cell of every table."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            found += [f"{table}: {row}" for row in cursor.fetchall()]
    return "\n".join(found)


def messages() -> str:
    """What was sent to the workers and not taken yet."""
    return "\n".join(str(list(queue.queue)) for queue in Channel.queues.values())


def test_no_secret_comes_out_of_the_api_the_logs_the_database_or_the_messages(
    listener: Listener,
    canary: Canaries,
    everything_logged: pytest.LogCaptureFixture,
    django_capture_on_commit_callbacks: Any,
    user: User,
    operator: User,
    settings: Any,
) -> None:
    settings.SCANNER_URL, settings.SCANNER_TOKEN = "http://127.0.0.1:1", canary("scanner-token")
    with django_capture_on_commit_callbacks(execute=True):
        plant_in_images(listener, canary)
        plant_in_registries(listener, canary)
        plant_in_app_images(listener, canary)
        plant_in_nodes(listener, canary)
        plant_in_applications(listener, canary)
        plant_in_webhooks(listener, canary)
        image, node = ImageRegistry.objects.first(), ComputeNode.objects.first()
        assert image and node
        assert listener.post("/api/pulls/", {"image": image.pk, "nodes": [node.pk]}).status_code == 202
        make_instances(listener)
        plant_in_secret_sets(listener, canary, operator)
    read_everything(listener)
    reader = Listener()
    token = reader.login_as("ulrich")
    read_everything(reader)

    kept = [row.password.reveal() for row in RegistryEndpoint.objects.all()]
    kept += [secret.value.reveal() for secret in BuildSecret.objects.all()]
    kept += [secret.reveal() for row in Application.objects.all() for secret in (row.git_password, row.webhook_secret)]
    kept += [row.secret.reveal() for row in WebhookTarget.objects.all()]
    kept += [secret.reveal() for row in ComputeNode.objects.all() for secret in (row.password, row.client_key)]
    kept += [text for row in SecretSet.objects.all() for text in row.reveal().values()]
    assert len(canary.found_in("\n".join(kept))) >= 11, "the secrets were not even stored"
    sent = messages()
    assert "pulls.tasks.run_pull" in sent and "instances.tasks.run_operation" in sent, "no message was sent"
    assert "SELECT" in everything_logged.text and "auditlog_logentry: " in database()

    for place, text in {
        "answers": "\n".join(listener.heard + reader.heard),
        "log": everything_logged.text,
        "database": database(),
        "messages": messages(),
    }.items():
        assert canary.found_in(text) == [], place
        assert make.PASSWORD not in text and token not in text, place


@pytest.mark.parametrize("debug", [True, False])
def test_a_crash_shows_no_secret(
    listener: Listener, canary: Canaries, everything_logged: pytest.LogCaptureFixture, debug: bool
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {RegistryEndpoint._meta.db_table} RENAME TO away")
    with override_settings(DEBUG=debug):
        address = f"a:{canary('crash-native')}@r.example.com/a:v1"
        assert listener.post("/api/images/", {"name": "a", "address": address}).status_code == 500
        assert listener.post(CREATE, {"name": "a", "address": address}).status_code == 500
        values = {"name": "r", "endpoint": "r.io", "username": "u", "password": canary("crash-registry")}
        assert listener.post("/api/registries/", values).status_code == 500
    assert "request crashed" in everything_logged.text
    assert canary.found_in(everything_logged.text) == canary.found_in("\n".join(listener.heard)) == []


class TestAdmin:
    @pytest.fixture
    def pages(self, operator: User) -> Client:
        operator.is_superuser = True
        operator.save()
        client = Client(raise_request_exception=False)
        client.force_login(operator, backend="django.contrib.auth.backends.ModelBackend")
        return client

    def test_no_page_shows_a_stored_secret(self, pages: Client, canary: Canaries) -> None:
        rows = [
            make.registry(username="u", password=canary("registry")),
            make.node(password=canary("node"), client_key=canary("key")),
            make.image(),
            make.webhook(secret=canary("webhook")),
        ]
        for row in rows:
            name = f"{row._meta.app_label}_{row._meta.model_name}"
            for at in (
                reverse(f"admin:{name}_changelist"),
                reverse(f"admin:{name}_change", args=[row.pk]),
                reverse(f"admin:{name}_history", args=[row.pk]),
                reverse(f"admin:{name}_delete", args=[row.pk]),
            ):
                answer = pages.get(at)
                assert answer.status_code == 200, (at, answer.status_code)
                assert canary.found_in(answer.content.decode()) == [], at

    @pytest.mark.parametrize("debug", [True, False])
    @pytest.mark.parametrize("kind", ["imagelib_registryendpoint", "nodes_computenode", "imagelib_imageregistry"])
    def test_a_refused_form_and_a_crash_do_not_repeat_what_was_typed(
        self, pages: Client, canary: Canaries, caplog: pytest.LogCaptureFixture, kind: str, debug: bool
    ) -> None:
        at = reverse(f"admin:{kind}_add")
        typed = {
            "name": "", "username": "u", "password": canary("password"), "client_key": canary("key"),
            "endpoint": "r.example.com", "docker_address": make.DEAD_ENGINE, "ssh_port": "22",
            "labels": "{}",
        }  # fmt: skip
        typed |= dict.fromkeys(("cpu", "memory", "system_disk", "data_disk", "gpu_count", "gpu_memory_gb"), "0")
        with override_settings(DEBUG=debug):
            refused = pages.post(at, typed)
            assert refused.status_code == 200 and canary.found_in(refused.content.decode()) == []
            with connection.cursor() as cursor:
                cursor.execute(f"ALTER TABLE {RegistryEndpoint._meta.db_table} RENAME TO away")
                cursor.execute(f"ALTER TABLE {ComputeNode._meta.db_table} RENAME TO away2")
            address = f"a:{canary('address')}@r.example.com/a:v1"
            crashed = pages.post(at, {**typed, "name": "n", "client_key": "", "address": address})
        assert crashed.status_code == 500, crashed.status_code
        assert canary.found_in(crashed.content.decode()) == canary.found_in(caplog.text) == []
