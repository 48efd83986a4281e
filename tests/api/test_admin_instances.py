"""Admin pages of instances and GPUs: looking changes nothing, what is confirmed happens, reasons are told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.jobs import JobState
from instances.models import (
    Gpu,
    GpuAllocation,
    GpuInventory,
    Instance,
    Observed,
    Operation,
    OperationKind,
    Orphan,
)
from instances.services import create_instance
from nodes.models import ComputeNode, NodeStatus
from tests.api import make
from tests.api.test_admin_pages import boss, submit

__all__ = ["boss"]
pytestmark = pytest.mark.django_db
ADD = "admin:instances_instance_add"


@pytest.fixture
def node() -> ComputeNode:
    """Connected, with two cards."""
    node = make.node(name="n1", status=NodeStatus.CONNECTED, checked_at=timezone.now())
    GpuInventory.objects.create(node=node, checked_at=timezone.now())
    for index in range(2):
        Gpu.objects.create(
            node=node, device_id=f"GPU-{index}", index=index, model="NVIDIA A10", memory_mib=24576,
            seen_at=timezone.now(),
        )  # fmt: skip
    return node


@pytest.fixture
def asked(node: ComputeNode) -> dict[str, Any]:
    """What the form that runs an image sends for a slice."""
    image = make.image(supports_vgpu=True)
    spec = make.spec(name="slice 8", gpu_model="A10", gpu_count=1, gpu_memory_gb=8, supports_memory_split=True)
    return {"image": image.pk, "spec": spec.pk, "node": "", "name": "train-1"}


@pytest.fixture
def instance(asked: dict[str, Any], user: User) -> Instance:
    """One that runs."""
    made = create_instance(user=user, image=asked["image"], spec=asked["spec"], name="train-0")
    Operation.objects.update(state=JobState.SUCCEEDED)
    Instance.objects.update(observed=Observed.RUNNING, observed_at=timezone.now(), container_id="c" * 64)
    return made


def page_of(instance: Instance, what: str = "change") -> str:
    return reverse(f"admin:instances_instance_{what}", args=[instance.pk])


def everything() -> list[Any]:
    return [list(model.objects.order_by("pk").values()) for model in (Instance, Operation, Gpu, ComputeNode, Orphan)]


def addresses(instance: Instance) -> list[str]:
    gpu = Gpu.objects.earliest("pk")
    return [
        *(page_of(instance, what) for what in ("change", "start", "stop", "restart", "remove", "forget")),
        reverse(ADD) + f"?image={instance.image_id}",
        reverse("admin:instances_instance_changelist"),
        reverse("admin:instances_gpu_changelist"),
        reverse("admin:instances_gpu_toggle_cordoned", args=[gpu.pk]),
        reverse("admin:instances_gpu_node", args=[gpu.node_id]),
        reverse("admin:instances_gpu_discover", args=[gpu.node_id]),
        reverse("admin:instances_gpu_doctor", args=[gpu.node_id]),
        reverse("admin:instances_gpu_orphan", args=[gpu.node_id, orphan_of(gpu).pk]),
    ]


def orphan_of(gpu: Gpu) -> Orphan:
    """A container without a row that holds 4 GB of the card."""
    values = {"container_name": "i0-<lost>", "uid": "5f1e", "found_at": timezone.now(), "seen_at": timezone.now()}
    row, is_new = Orphan.objects.get_or_create(node=gpu.node, container_id="d" * 64, defaults=values)
    if is_new:
        GpuAllocation.objects.create(orphan=row, gpu=gpu, memory_mib=4096, compute_percent=16, is_exclusive=False)
    return row


def test_looking_changes_nothing(boss: Client, instance: Instance) -> None:
    visited = addresses(instance)
    before = everything()
    for address in visited:
        assert boss.get(address).status_code == 200, address
    assert everything() == before


def test_acting_without_the_token_is_refused(boss: Client, instance: Instance, asked: dict[str, Any]) -> None:
    visited = addresses(instance)
    before = everything()
    for address in visited:
        assert boss.post(address, {**asked, "confirmed": "yes"}).status_code == 403, address
    assert everything() == before


def test_others_are_sent_to_the_login(client: Client, user: User, instance: Instance) -> None:
    for login in (False, True):
        if login:
            client.force_login(user)  # whose instance it is: the admin is for operators all the same
        for address in addresses(instance):
            answer = client.get(address)
            assert answer.status_code == 302 and "/admin/login/" in answer["Location"], address


@pytest.mark.parametrize("kind", OperationKind.values[1:])
def test_confirming_queues_the_operation(boss: Client, instance: Instance, kind: str) -> None:
    first = submit(boss, page_of(instance, kind), {}).content.decode()
    assert "train-0 of ulrich on n1" in first
    assert not Operation.objects.filter(kind=kind).exists()
    answer = submit(boss, page_of(instance, kind), {"confirmed": "yes"})
    assert answer["Location"] == page_of(instance)
    assert Operation.objects.get(kind=kind).instance == instance


def test_an_instance_of_a_node_that_never_returns_is_forgotten(boss: Client, instance: Instance) -> None:
    Instance.objects.update(container_name="i0-train-0")
    submit(boss, page_of(instance, "forget"), {"confirmed": "yes"})
    assert Instance.objects.filter(pk=instance.pk).exists(), "its node answers: it is to be removed"
    ComputeNode.objects.update(status=NodeStatus.FAILED)
    asked = boss.get(page_of(instance, "forget")).content.decode()
    assert "i0-train-0" in asked and f"imagelib-{instance.uid}" in asked
    assert page_of(instance, "forget") in boss.get(page_of(instance)).content.decode()
    submit(boss, page_of(instance, "forget"), {"confirmed": "yes"})
    assert not Instance.objects.filter(pk=instance.pk).exists()


def test_what_is_busy_says_so(boss: Client, instance: Instance) -> None:
    submit(boss, page_of(instance, "stop"), {"confirmed": "yes"})
    answer = submit(boss, page_of(instance, "restart"), {"confirmed": "yes"})
    assert "“train-0” is busy with another operation" in boss.get(answer["Location"]).content.decode()
    assert Operation.objects.filter(kind=OperationKind.RESTART).count() == 0


def test_selected_instances_are_removed_after_a_second_step(
    boss: Client, instance: Instance, asked: dict[str, Any], user: User
) -> None:
    busy = create_instance(user=user, image=asked["image"], spec=asked["spec"], name="busy")
    Operation.objects.filter(instance=busy).update(state=JobState.RUNNING)
    url = reverse("admin:instances_instance_changelist")
    chosen = {"action": "remove_selected", "_selected_action": [instance.pk, busy.pk]}
    first = submit(boss, url, chosen).content.decode()
    assert "cannot be undone" in first and not Operation.objects.filter(kind=OperationKind.REMOVE).exists()
    said = boss.get(submit(boss, url, {**chosen, "confirmed": "yes"})["Location"]).content.decode()
    assert Operation.objects.get(kind=OperationKind.REMOVE).instance == instance
    assert "Being removed: train-0" in said and "“busy” is busy" in said


def test_the_list_shows_what_is_wrong_and_follows_what_is_busy(boss: Client, instance: Instance) -> None:
    Instance.objects.update(observed=Observed.FAILED, problem_code="command_not_found")
    submit(boss, page_of(instance, "remove"), {"confirmed": "yes"})
    text = boss.get(reverse("admin:instances_instance_changelist")).content.decode()
    assert "no program of the name" in text and "slices of 1 GPU" in text
    assert "&quot;kind&quot;: &quot;remove&quot;" in text


def test_the_page_of_an_instance_carries_its_picture(boss: Client, instance: Instance) -> None:
    answer = boss.get(page_of(instance))
    assert json.loads(json.dumps(answer.context["snapshot"], default=str))["name"] == "train-0"
    assert "CUDA_DEVICE_MEMORY_LIMIT" in answer.content.decode()
    assert boss.get(reverse("admin:instances_instance_change", args=[instance.pk + 1000])).status_code == 404


def test_the_page_of_an_instance_says_what_was_done_to_it_by_whom(boss: Client, instance: Instance) -> None:
    submit(boss, page_of(instance, "remove"), {"confirmed": "yes"})
    instance.operations.filter(kind=OperationKind.REMOVE).update(
        state=JobState.FAILED, error_code="engine_refused", error={"params": {"evidence": "no <such> volume"}}
    )
    history = boss.get(page_of(instance)).context["history"]
    assert [row["kind"] for row in history] == ["remove", "create"]
    assert history[0]["by"] == "olga" and "failed" in history[0]["state"]
    assert "no &lt;such&gt; volume" in boss.get(page_of(instance)).content.decode()


def test_what_was_seen_of_a_node_that_is_away_is_no_news(boss: Client, instance: Instance) -> None:
    told = "Its node is not connected"
    assert told not in boss.get(page_of(instance)).content.decode()
    ComputeNode.objects.update(status=NodeStatus.FAILED)
    assert told in boss.get(page_of(instance)).content.decode()


def test_ports_are_reached_at_the_public_address_if_there_is_one(boss: Client, instance: Instance) -> None:
    assert 'data-host="127.0.0.1"' in boss.get(page_of(instance)).content.decode()
    ComputeNode.objects.update(public_ip="192.0.2.7")
    assert 'data-host="192.0.2.7"' in boss.get(page_of(instance)).content.decode()


def test_another_one_like_it_begins_with_its_image_and_spec(boss: Client, instance: Instance) -> None:
    address = f"{reverse(ADD)}?image={instance.image_id}&spec={instance.spec_id}"
    assert address.replace("&", "&amp;") in boss.get(page_of(instance)).content.decode()
    form = boss.get(address).context["form"]
    assert (form["image"].value(), form["spec"].value()) == (str(instance.image_id), str(instance.spec_id))


# --- running an image ------------------------------------------------------------------------------------------------


def test_an_image_runs_after_a_preview(boss: Client, asked: dict[str, Any], operator: User) -> None:
    typed = {
        "command": "sh -c 'sleep 60'", "environment": "EPOCHS=3\r\nEMPTY=\r\n", "ports": "8888, 6006",
        "restart_policy": "always", "remark": "for Ann",
    }  # fmt: skip
    first = submit(boss, reverse(ADD), {**asked, **typed})
    assert not Instance.objects.exists()
    assert first.context["plan"]["command"] == ["sh", "-c", "sleep 60"]
    assert "GPU-0" in first.content.decode()
    again = dict(first.context["hidden"])
    answer = boss.post(
        reverse(ADD), {**again, "confirmed": "yes", "csrfmiddlewaretoken": boss.cookies["csrftoken"].value}
    )
    made = Instance.objects.get()
    assert answer["Location"] == page_of(made)
    assert (made.user, made.name, made.remark, made.node.name) == (operator, "train-1", "for Ann", "n1")
    assert made.options == {
        "command": ["sh", "-c", "sleep 60"], "environment": {"EPOCHS": "3", "EMPTY": ""}, "ports": [8888, 6006],
        "restart_policy": "always",
    }  # fmt: skip
    assert made.plan["environment"]["CUDA_DEVICE_MEMORY_LIMIT"] == "8g"


def test_going_back_keeps_what_was_typed(boss: Client, asked: dict[str, Any]) -> None:
    answer = submit(boss, reverse(ADD), {**asked, "ports": "8888", "edit": "yes", "confirmed": "yes"})
    assert not Instance.objects.exists()
    assert answer.context["form"]["ports"].value() == "8888" and answer.context["optional_open"]


@pytest.mark.parametrize("confirmed", ["", "yes"])
def test_without_room_each_node_says_why(boss: Client, asked: dict[str, Any], confirmed: str) -> None:
    make.node(name="n2")
    Gpu.objects.update(is_cordoned=True)
    answer = submit(boss, reverse(ADD), {**asked, "confirmed": confirmed})
    reasons = {one["node"]: one["reason"] for one in answer.context["reasons"]}
    assert reasons == {"n1": "Only 0 of the 1 cards needed are in service.", "n2": "The node is not connected."}
    assert "Only 0 of the 1 cards" in answer.content.decode() and not Instance.objects.exists()


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"image": ""}, "image"),
        ({"image": "one"}, "image"),
        ({"spec": "9" * 30}, "spec"),
        ({"node": "12345"}, "node"),
        ({"name": "no blanks"}, "name"),
        ({"command": "sh -c 'open"}, "command"),
        ({"environment": "EPOCHS"}, "environment"),
        ({"ports": "http"}, "ports"),
        ({"ports": "70000"}, "ports"),
        ({"ports": "8888 8888"}, "ports"),
        ({"restart_policy": "sometimes"}, "restart_policy"),
    ],
)
def test_faults_land_on_their_fields(boss: Client, asked: dict[str, Any], typed: dict[str, Any], field: str) -> None:
    answer = submit(boss, reverse(ADD), {**asked, **typed, "confirmed": "yes"})
    assert list(answer.context["form"].errors) == [field]
    assert not Instance.objects.exists()


def test_reserved_variables_are_refused_in_words(boss: Client, asked: dict[str, Any]) -> None:
    answer = submit(boss, reverse(ADD), {**asked, "environment": "LD_AUDIT=/tmp/x.so"})
    assert "LD_AUDIT is reserved" in answer.content.decode()


def test_images_lead_to_the_page_that_runs_them(boss: Client, asked: dict[str, Any]) -> None:
    answer = boss.get(reverse("admin:imagelib_imageregistry_run_image", args=[asked["image"]]))
    assert answer["Location"] == reverse(ADD) + f"?image={asked['image']}"
    assert boss.get(answer["Location"]).context["form"]["image"].value() == str(asked["image"])
    assert boss.get(reverse(ADD) + "?image=one&spec=-1&node=" + "9" * 40).status_code == 200
