"""Admin pages of AppImages that run and of their sets: looking changes nothing, secrets are never shown."""

from __future__ import annotations

import html
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from core.jobs import JobState
from instances.models import ConfigSet, DeployedContainer, Deployment, Desired, Instance, Observed, Operation, SecretSet
from tests.api import make
from tests.api.test_admin_pages import boss, submit

__all__ = ["boss"]
pytestmark = pytest.mark.django_db
ADD = "admin:instances_deployment_add"


@pytest.fixture
def asked() -> dict[str, Any]:
    """What the form sends."""
    make.gpu_node()
    make.image(address="registry.example.com/team/app:v1")
    row = make.app_image(image={"name": "registry.example.com/team/app", "tag": "v1"})
    return {"app_image": row.name, "spec": make.spec().pk, "variables": "TASK_ID=task-<1>\n"}


@pytest.fixture
def deployment(user: User) -> Deployment:
    made = make.deployment(by=user, variables={"TASK_ID": "task-1"})
    results = {
        "liveness": {"ok": False, "code": "http_status", "params": {"status": "503"}, "at": "2026-11-25T22:00:00+00:00"}
    }
    DeployedContainer.objects.update(is_ready=False, is_alive=False, probe_restarts=4, probe_results=results)
    return made


def page_of(row: Any, what: str = "change") -> str:
    return reverse(f"admin:instances_{row._meta.model_name}_{what}", args=[row.pk])


def test_looking_changes_nothing(boss: Client, deployment: Deployment) -> None:
    before = (list(Deployment.objects.values()), list(Instance.objects.values()), list(Operation.objects.values()))
    addresses = [page_of(deployment, what) for what in ("change", "start", "stop", "restart", "remove")]
    for address in (*addresses, reverse("admin:instances_deployment_changelist"), reverse(ADD)):
        assert boss.get(address).status_code == 200, address
    after = (list(Deployment.objects.values()), list(Instance.objects.values()), list(Operation.objects.values()))
    assert after == before


def test_the_page_shows_files_variables_and_what_probes_say(boss: Client, deployment: Deployment) -> None:
    page = boss.get(page_of(deployment)).content.decode()
    for text in ("/srv/conf/app.json", "TASK_ID", "task-1", "HTTP status 503", "not ready", "not alive", ">4<"):
        assert text in page, text
    Instance.objects.update(observed=Observed.EXITED)
    stopped = boss.get(page_of(deployment)).content.decode()
    assert "not ready" not in stopped and "not alive" not in stopped, "what has ended is not judged"


def test_what_changes_is_fetched_alone_and_what_is_gone_is_no_error(boss: Client, deployment: Deployment) -> None:
    page = boss.get(page_of(deployment)).content.decode()
    address = page.partition('data-live="')[2].partition('"')[0]
    live = boss.get(address).content.decode().strip().partition("\n")[2]
    assert "HTTP status 503" in live and "not ready" in live and "<html" not in live and "task-1" not in live
    assert live in page, "the same to the letter: nothing is drawn anew for nothing"
    instance = deployment.containers.get().instance
    assert f'"id": {instance.pk}, "name": "{instance.name}"' in page, "what is followed"
    Instance.objects.all().delete()
    Deployment.objects.all().delete()
    assert boss.get(address).status_code == 204
    assert Client().get(address).status_code == 302


def test_from_the_form_to_the_files_to_the_deployment(boss: Client, asked: dict[str, Any]) -> None:
    form = boss.get(reverse(ADD), {"app_image": asked["app_image"]}).content.decode()
    assert f'value="{asked["app_image"]}"' in form
    preview = submit(boss, reverse(ADD), asked).content.decode()
    assert "/srv/conf/app.json" in preview and "task-&lt;1&gt;" in preview and not Deployment.objects.exists()
    back = submit(boss, reverse(ADD), {**asked, "edit": "yes"}).content.decode()
    assert "TASK_ID=task-&lt;1&gt;" in back
    answer = submit(boss, reverse(ADD), {**asked, "confirmed": "yes"})
    made = Deployment.objects.get()
    assert answer.status_code == 302 and answer["Location"] == page_of(made)
    assert (made.variables, made.containers.count()) == ({"TASK_ID": "task-<1>"}, 1)


@pytest.mark.parametrize("kind", [ConfigSet, SecretSet, Deployment, Instance])
def test_empty_lists_say_what_would_be_in_them(boss: Client, kind: Any) -> None:
    page = boss.get(reverse(f"admin:instances_{kind._meta.model_name}_changelist")).content.decode()
    assert '<p class="il-intro">' in page


def test_a_new_secret_set_has_no_names_stored_yet(boss: Client) -> None:
    add = reverse("admin:instances_secretset_add")
    assert "Names stored" not in boss.get(add).content.decode()
    submit(boss, add, {"name": "keys", "values": "TOKEN=hush-hush"})
    page = boss.get(page_of(SecretSet.objects.get())).content.decode()
    assert "Names stored" in page and "TOKEN" in page and "hush-hush" not in page


def test_the_form_names_what_there_is_to_choose_and_to_give(boss: Client) -> None:
    roles = [
        {"name": "s", "role": "server,client", "spec": {"containers": [{"name": "main"}]}},
        {"name": "all", "spec": {"containers": [{"name": "main", "configVolumeMounts": [
            {"mountPath": "/a", "subPath": "a"}]}]}},
    ]  # fmt: skip
    text = "{{.TASK_ID}} {{.ALLOCATED_PORTS}} {{.KUSCIA_PORT_WEB_NUMBER}}"
    make.app_image("psi", configTemplates={"a": text}, deployTemplates=roles)
    page = boss.get(reverse(ADD)).content.decode()
    assert '<option value="psi">' in page and 'il-roles"></datalist' not in page and "ask for" not in page
    page = boss.get(reverse(ADD), {"app_image": "psi"}).content.decode()
    assert '<option value="client">' in page and "the deploy template: server, client." in page
    assert "Its files ask for: TASK_ID. One variable a line" in page
    page = submit(boss, reverse(ADD), {"app_image": "psi", "role": "server"}).content.decode()
    assert "ask for" not in page, "that role has no files"
    assert boss.get(reverse(ADD), {"app_image": "no\0thing"}).status_code == 200


def test_what_would_run_is_said_before_it_runs(boss: Client, asked: dict[str, Any]) -> None:
    node = make.gpu_node(name="chosen")
    page = submit(boss, reverse(ADD), {**asked, "nodes": [node.pk], "replicas": 3}).content.decode()
    facts = page.partition('<dl class="il-facts">')[2].partition("</dl>")[0]
    for text in (asked["app_image"], "chosen", ">3<", "every role"):
        assert text in facts, text


def test_the_question_before_removing_says_how_much_goes(boss: Client, deployment: Deployment) -> None:
    page = boss.get(page_of(deployment, "remove")).content.decode()
    node = deployment.containers.get().instance.node
    assert f"{deployment.name} of {deployment.user.username}, containers: 1, on: {node.name}" in page


def test_the_files_before_running_have_the_values_that_they_will_have(boss: Client, asked: dict[str, Any]) -> None:
    make.config_set(name="domain-config", values={"SITE": "north"})
    make.config_set(name="app", values={"LEVEL": "debug"})
    mounts = [{"mountPath": "/a.conf", "subPath": "a"}, {"mountPath": "/empty", "subPath": "absent"}]
    container = {
        "name": "main",
        "envFrom": [{"configMapRef": {"name": "app"}}],
        "ports": [{"name": "web"}],
        "configVolumeMounts": mounts,
    }
    text = "{{.SITE}}/{{.LEVEL}}/{{.TASK_ID}}/{{.KUSCIA_PORT_WEB_NUMBER}}/{{.GONE}}/{{.KUSCIA_API_TOKEN}}"
    row = make.app_image(
        configTemplates={"a": text}, deployTemplates=[{"name": "t", "spec": {"containers": [container]}}]
    )
    page = submit(boss, reverse(ADD), {**asked, "app_image": row.name}).content.decode()
    assert "north/debug/task-&lt;1&gt;/1//<" in page and "main: /a.conf" in page
    assert "as far as can be known now: GONE, KUSCIA_API_TOKEN<" in page
    assert "/empty in main: no configuration template is called “absent”" in page
    assert "KUSCIA_API_TOKEN is a secret" in page
    ConfigSet.objects.get(name="app").delete()
    page = submit(boss, reverse(ADD), {**asked, "app_image": row.name}).content.decode()
    assert "Container “main”: There is no config set “app”." in page and not Deployment.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"app_image": "absent"}, "There is no AppImage “absent”."),
        ({"variables": "TASK_ID"}, "is not NAME=value"),
        ({"role": "nobody", "app_image": "roles"}, "no deploy template for the role “nobody”"),
        ({"spec": ""}, "required"),
        ({"spec": "x"}, "required"),
        ({"nodes": "99999"}, "99999"),
        ({"replicas": "0"}, "greater than or equal to 1"),
        ({"confirmed": "yes", "name": "a b"}, "1 to 40 letters"),
    ],
)
def test_what_is_wrong_is_told_on_the_form(
    boss: Client, asked: dict[str, Any], wrong: dict[str, str], told: str
) -> None:
    make.app_image("roles", deployTemplates=[{"name": "s", "role": "s", "spec": {"containers": [{"name": "c"}]}}])
    page = submit(boss, reverse(ADD), {**asked, **wrong})
    assert page.status_code == 200 and told in page.content.decode()
    assert not Deployment.objects.exists()


def test_what_is_wrong_in_the_document_is_told_with_its_place(boss: Client, asked: dict[str, Any]) -> None:
    row = make.app_image(image={"name": "Team//app", "tag": "v1"})
    page = submit(boss, reverse(ADD), {**asked, "app_image": row.name, "confirmed": "yes"})
    alert = page.content.decode().partition('role="alert">')[2].partition("</section>")[0]
    assert alert.startswith("<p>image: ") and not Deployment.objects.exists()


@pytest.mark.parametrize(
    ("what", "first"),
    [("deployment", "There is no AppImage yet."), ("instance", "There is no image in the library yet.")],
)
def test_what_has_to_be_there_first_is_said_and_led_to(boss: Client, what: str, first: str) -> None:
    add = reverse(f"admin:instances_{what}_add")
    empty = boss.get(add).content.decode()
    texts = {first, "There is no product spec yet.", "There is no compute node yet."}
    assert {text for text in texts if text in empty} == texts
    for card in empty.split("il-card il-warn")[1:]:
        link = card.partition('href="')[2].partition('"')[0]
        assert boss.get(link).status_code == 200, link
    make.app_image(), make.image(), make.spec(), make.gpu_node()
    assert "il-warn" not in boss.get(add).content.decode()


def test_what_is_confirmed_happens(boss: Client, deployment: Deployment) -> None:
    address = page_of(deployment, "stop")
    assert "confirmed" in submit(boss, address, {}).content.decode() and not Operation.objects.exists()
    submit(boss, address, {"confirmed": "yes"})
    deployment.refresh_from_db()
    assert (Operation.objects.get().kind, deployment.desired) == ("stop", Desired.STOPPED)
    submit(boss, page_of(deployment, "remove"), {"confirmed": "yes"})
    busy = boss.get(reverse("admin:instances_deployment_changelist")).content.decode()
    deployment.refresh_from_db()
    assert "busy with another operation" in busy and deployment.desired == Desired.STOPPED
    Operation.objects.update(state=JobState.SUCCEEDED)
    chosen = {"action": "remove_selected", "_selected_action": deployment.pk, "confirmed": "yes"}
    submit(boss, reverse("admin:instances_deployment_changelist"), chosen)
    deployment.refresh_from_db()
    assert deployment.desired == Desired.REMOVED


def test_config_sets_are_lines(boss: Client) -> None:
    add = reverse("admin:instances_configset_add")
    submit(boss, add, {"name": "site", "values": "REGION=north\nEMPTY=\nEQ=a=b\n"})
    row = ConfigSet.objects.get()
    assert row.values == {"REGION": "north", "EMPTY": "", "EQ": "a=b"}
    assert "EQ=a=b" in boss.get(page_of(row)).content.decode()
    submit(boss, page_of(row), {"name": "site", "values": "REGION=south"})
    row.refresh_from_db()
    assert row.values == {"REGION": "south"}
    page = submit(boss, page_of(row), {"name": "site", "values": "REGION"}).content.decode()
    assert "Every line is NAME=value" in page


PEM = "-----BEGIN KEY-----\nbWFu+a=\n-----END KEY-----\n"


def test_values_of_several_lines_are_kept_and_can_be_entered(boss: Client) -> None:
    values = {
        "PEM": PEM,
        "QUOTED": '"a"',
        "PATH": "C:\\new",
        "BOTH": 'a\\n"\r\n b',
        "LAST": " x ",
        "EMPTY": "",
        "U": "a\u2028b",
    }
    row = ConfigSet.objects.create(name="site", values=values)
    page = boss.get(page_of(row)).content.decode()
    shown = html.unescape(page.partition("<textarea")[2].partition(">")[2].partition("</textarea>")[0]).removeprefix(
        "\n"
    )
    assert "\nbWFu+a=\n" in shown, "as it was pasted"
    submit(boss, page_of(row), {"name": "renamed", "values": shown.replace("\n", "\r\n")})  # as browsers send it
    row.refresh_from_db()
    assert (row.name, row.values) == ("renamed", values)
    pasted = f'TOKEN=x\r\nKEY="{PEM}"  \r\n\r\nLAST=y'.replace("\n", "\r\n").replace("\r\r", "\r")
    submit(boss, reverse("admin:instances_secretset_add"), {"name": "keys", "values": pasted})
    assert SecretSet.objects.get().reveal() == {"TOKEN": "x", "KEY": PEM, "LAST": "y"}
    for bad in ('A="canary', 'A="canary" b', '"canary"', 'A="\\ud800"'):
        page = submit(boss, page_of(row), {"name": "renamed", "values": bad}).content.decode()
        row.refresh_from_db()
        assert "Example: " in page and row.values == values


def test_secret_sets_show_names_alone(boss: Client) -> None:
    add = reverse("admin:instances_secretset_add")
    refused = submit(boss, add, {"name": "Not A Name", "values": "TOKEN=canary-1"}).content.decode()
    assert "canary-1" not in refused and "enter it again" in refused
    assert "canary-2" not in submit(boss, add, {"name": "keys", "values": "canary-2"}).content.decode()
    submit(boss, add, {"name": "keys", "values": "TOKEN=canary-3\nOTHER=canary-4"})
    row = SecretSet.objects.get()
    page = (
        boss.get(page_of(row)).content.decode()
        + boss.get(reverse("admin:instances_secretset_changelist")).content.decode()
    )
    assert "OTHER, TOKEN" in page and "canary" not in page
    submit(boss, page_of(row), {"name": "renamed", "values": ""})
    row.refresh_from_db()
    assert (row.name, row.reveal()) == ("renamed", {"TOKEN": "canary-3", "OTHER": "canary-4"})
    submit(boss, page_of(row), {"name": "renamed", "values": "OTHER="})
    row.refresh_from_db()
    assert row.reveal() == {"TOKEN": "canary-3"}


def test_the_page_of_an_app_image_leads_to_the_form_and_names_what_runs_it(
    boss: Client, deployment: Deployment
) -> None:
    row = deployment.app_image
    page = boss.get(reverse("admin:appimages_appimage_change", args=[row.pk])).content.decode()
    assert f"{reverse(ADD)}?app_image={row.name}" in page and page_of(deployment) in page
