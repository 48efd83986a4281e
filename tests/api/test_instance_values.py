"""What users put into the environment of their containers may be a secret: its owner sees it in his instance alone."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client, override_settings
from django.urls import reverse
from openpyxl import load_workbook
from rest_framework.test import APIClient

from core.fields import MASK
from instances.models import Instance, Operation
from tests.api import make
from tests.api.routes import all_routes
from tests.api.sheets import exported
from tests.api.test_secrets import Listener, messages

CANARY = "canary-77d2-of-ulrich"
ENVIRONMENT = {"API_TOKEN": CANARY, "EPOCHS": "3"}


@pytest.fixture
def asked(user: User) -> dict[str, Any]:
    make.gpu_node(name="n1")
    image = make.image(address="registry.example.com/team/app:v1")
    return {"image": image.pk, "spec": make.spec().pk, "name": "train", "environment": ENVIRONMENT}


@pytest.fixture
def owner(user: User) -> Listener:
    client = Listener()
    client.login_as("ulrich")
    return client


@pytest.fixture
def instance(owner: Listener, asked: dict[str, Any]) -> Instance:
    answer = owner.post("/api/instances/", asked)
    assert answer.status_code == 202, answer.content
    Instance.objects.update(container_id="c" * 64)
    return Instance.objects.get()


def environment(answer: Any) -> Any:
    assert answer.status_code in (200, 202), answer.content
    body = answer.json()
    return body["results"][0]["plan"]["environment"] if "results" in body else body["plan"]["environment"]


def test_the_owner_sees_values_in_the_instance_and_names_in_lists(owner: Listener, instance: Instance) -> None:
    at = f"/api/instances/{instance.pk}/"
    for answer in (owner.get(at), owner.patch(at, {"remark": "x"})):
        assert environment(answer).items() >= ENVIRONMENT.items()
    listed = environment(owner.get("/api/instances/"))
    assert (listed["API_TOKEN"], listed["EPOCHS"]) == (MASK, MASK)
    assert listed["NVIDIA_VISIBLE_DEVICES"] == "void", "what the product set is no secret"


def test_operators_see_that_there_is_a_value(as_operator: APIClient, operator: User, instance: Instance) -> None:
    at = f"/api/instances/{instance.pk}/"
    for answer in (as_operator.get(at), as_operator.patch(at, {"remark": "x"}), as_operator.post(f"{at}stop/")):
        if answer.status_code != 409:  # its creation waits still
            assert environment(answer)["API_TOKEN"] == MASK
    page = Client()
    page.force_login(operator, backend="django.contrib.auth.backends.ModelBackend")
    shown = page.get(reverse("admin:instances_instance_change", args=[instance.pk])).content.decode()
    assert "API_TOKEN" in shown and CANARY not in shown
    assert CANARY not in page.get(reverse("admin:instances_instance_changelist")).content.decode()


def test_nobody_else_gets_it_from_any_route(
    owner: Listener, instance: Instance, operator: User, other: User, caplog: pytest.LogCaptureFixture
) -> None:
    """Every route that can be read, of every thing there is; and what was written down meanwhile."""
    caplog.set_level(logging.INFO)
    for name in ("otto", "olga"):
        reader = Listener()
        reader.login_as(name)
        read_everything(reader, instance)
        assert not [text for text in reader.heard if CANARY in text], name
        assert any("train" in text for text in reader.heard) is (name == "olga"), "others' instances do not exist"
    assert CANARY not in caplog.text
    assert CANARY not in str(list(LogEntry.objects.values())) + str(list(Operation.objects.values()))
    assert CANARY not in messages()


def read_everything(reader: Listener, instance: Instance) -> None:
    for method, path in all_routes():
        if method == "GET" and not path.endswith("events/"):
            full = "/" + path.format(pk=instance.pk, name="a", number=1)
            reader.get(full)
            reader.get(f"{full}?ID={instance.pk}&pageSize=100")
    for kind in ("start", "stop", "restart"):
        reader.post(f"/api/instances/{instance.pk}/{kind}/")
        reader.post(f"/instance/{kind}Container?ID={instance.pk}")


@pytest.mark.parametrize("who", ["user", "operator"])
def test_sheets_have_no_values(instance: Instance, client_of: Any, request: pytest.FixtureRequest, who: str) -> None:
    client = client_of(request.getfixturevalue(who))
    book = load_workbook(exported(client, "instance_Instance"))
    cells = [str(cell) for sheet in book for row in sheet.iter_rows(values_only=True) for cell in row]
    assert "train" in cells and not [cell for cell in cells if CANARY in cell]


@pytest.mark.parametrize(
    "wrong",
    [
        {"environment": {"A=B": CANARY}}, {"environment": {"A": [CANARY]}},
        {"environment": {"NVIDIA_VISIBLE_DEVICES": CANARY}},
        {"environment": {"A": f"{CANARY}\0"}}, {"environment": [CANARY]}, {"environment": {"A": CANARY}, "ports": [0]},
        {"environment": {"A": CANARY}, "spec": 10**9},
    ],
)  # fmt: skip
@pytest.mark.parametrize("route", ["", "preview/"])
def test_a_refusal_does_not_repeat_it(
    owner: Listener, asked: dict[str, Any], caplog: pytest.LogCaptureFixture, wrong: dict[str, Any], route: str
) -> None:
    caplog.set_level(logging.INFO)
    answer = owner.post(f"/api/instances/{route}", {**asked, **wrong})
    assert 400 <= answer.status_code < 500, answer.content
    assert CANARY not in answer.content.decode() and CANARY not in caplog.text


@pytest.mark.parametrize("debug", [True, False])
def test_a_crash_does_not_repeat_it(
    owner: Listener, asked: dict[str, Any], broken_images: str, caplog: pytest.LogCaptureFixture, debug: bool
) -> None:
    caplog.set_level(logging.INFO)
    with override_settings(DEBUG=debug):
        answer = owner.post("/api/instances/", asked)
    assert answer.status_code == 500
    assert CANARY not in answer.content.decode() and CANARY not in caplog.text
