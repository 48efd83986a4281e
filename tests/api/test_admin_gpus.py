"""Admin pages of GPUs and of the doctor, and what an image's page tells of slices."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.errors import NotFound, PermissionRefused
from instances.inventory import remove_orphan
from instances.models import Gpu, ImageReport, Instance, Orphan
from instances.services import set_cordoned
from nodes.models import ComputeNode
from tests.api import make
from tests.api.test_admin_instances import asked, instance, node, orphan_of, page_of
from tests.api.test_admin_pages import boss, submit

__all__ = ["asked", "boss", "instance", "node"]
pytestmark = pytest.mark.django_db


def test_the_cards_of_a_node_show_who_holds_them(boss: Client, instance: Instance) -> None:
    answer = boss.get(reverse("admin:instances_gpu_node", args=[instance.node_id]))
    text = answer.content.decode()
    assert page_of(instance) in text and "16 GB of 24 GB are free" in text
    assert [(row["spec"].name, row["count"]) for row in answer.context["room"]] == [("slice 8", 5)]
    link = boss.get(reverse("admin:nodes_computenode_show_gpus", args=[instance.node_id]))
    assert link["Location"] == reverse("admin:instances_gpu_node", args=[instance.node_id])


def test_a_node_that_nobody_asked_says_that_its_cards_are_unknown(boss: Client) -> None:
    page = boss.get(reverse("admin:instances_gpu_node", args=[make.node().pk])).content.decode()
    assert "GPUs are not known" in page and "There is no listed product spec yet" in page
    assert boss.get(reverse("admin:instances_gpu_node", args=[123456])).status_code == 404


def test_cards_are_cordoned_after_a_second_step(boss: Client, node: ComputeNode) -> None:
    gpu = Gpu.objects.earliest("pk")
    url = reverse("admin:instances_gpu_toggle_cordoned", args=[gpu.pk])
    for expected in (True, False):
        submit(boss, url, {})
        gpu.refresh_from_db()
        assert gpu.is_cordoned is not expected
        answer = submit(boss, url, {"confirmed": "yes"})
        assert answer["Location"] == reverse("admin:instances_gpu_node", args=[node.pk])
        gpu.refresh_from_db()
        assert gpu.is_cordoned is expected


def test_selected_cards_are_cordoned(boss: Client, node: ComputeNode) -> None:
    ids = list(Gpu.objects.values_list("pk", flat=True))
    asked = {"action": "cordon_selected", "_selected_action": ids, "confirmed": "yes"}
    answer = submit(boss, reverse("admin:instances_gpu_changelist"), asked)
    assert "2 GPUs are cordoned now." in boss.get(answer["Location"]).content.decode()
    assert Gpu.objects.filter(is_cordoned=True).count() == 2


def test_only_operators_cordon_and_all_or_none(operator: User, user: User, node: ComputeNode) -> None:
    ids = list(Gpu.objects.values_list("pk", flat=True))
    with pytest.raises(PermissionRefused):
        set_cordoned(user=user, ids=ids, cordoned=True)
    with pytest.raises(NotFound):
        set_cordoned(user=operator, ids=[*ids, 99999], cordoned=True)
    assert not Gpu.objects.filter(is_cordoned=True).exists()
    assert set_cordoned(user=operator, ids=ids, cordoned=True) == 2
    assert set_cordoned(user=operator, ids=ids, cordoned=True) == 0


def test_discovery_of_a_node_that_is_away_is_reported_in_words(boss: Client) -> None:
    url = reverse("admin:instances_gpu_discover", args=[make.node().pk])
    page = boss.get(submit(boss, url, {"confirmed": "yes"})["Location"]).content.decode()
    assert "Nothing accepts connections" in page


def test_a_container_without_an_instance_is_removed_after_a_question(boss: Client, instance: Instance) -> None:
    gpu = Gpu.objects.earliest("pk")
    row = orphan_of(gpu)
    at = reverse("admin:instances_gpu_orphan", args=[gpu.node_id, row.pk])
    page = boss.get(reverse("admin:instances_gpu_node", args=[gpu.node_id])).content.decode()
    assert "Containers without an instance" in page and at in page and "i0-&lt;lost&gt;" in page
    assert "12 GB of 24 GB are free" in page, "beside the slice of 8 GB"
    question = boss.get(at).content.decode()
    assert "another installation uses the same node" in question and "imagelib-5f1e" in question
    told = boss.get(submit(boss, at, {"confirmed": "yes"})["Location"]).content.decode()
    assert "Nothing accepts connections" in told and Orphan.objects.count() == 1, "as long as it may be there"
    Orphan.objects.update(uid=instance.uid)
    told = boss.get(submit(boss, at, {"confirmed": "yes"})["Location"]).content.decode()
    assert "belongs to an instance" in told and Orphan.objects.count() == 1
    elsewhere = reverse("admin:instances_gpu_orphan", args=[make.node().pk, row.pk])
    assert boss.get(elsewhere).status_code == 404


def test_who_is_no_operator_removes_no_container(user: User, instance: Instance) -> None:
    gpu = Gpu.objects.earliest("pk")
    with pytest.raises(PermissionRefused):
        remove_orphan(user=user, node=gpu.node_id, orphan=orphan_of(gpu).pk)
    assert Orphan.objects.exists()


def test_a_card_out_of_service_is_not_called_free(boss: Client, node: ComputeNode) -> None:
    page = reverse("admin:instances_gpu_node", args=[node.pk])
    assert "24 GB of 24 GB are free" in boss.get(page).content.decode()
    for column in ("is_missing", "is_partitioned", "is_cordoned"):
        Gpu.objects.update(**{"is_missing": False, "is_partitioned": False, "is_cordoned": False, column: True})
        text = boss.get(page).content.decode()
        assert "are free" not in text and text.count("are held by nobody, but nothing new is placed here") == 2, column


def test_a_card_that_others_use_says_so(boss: Client, node: ComputeNode) -> None:
    Gpu.objects.filter(index=0).update(used_mib=9000, outside_mib=8000)
    for page in (reverse("admin:instances_gpu_node", args=[node.pk]), reverse("admin:instances_gpu_changelist")):
        assert boss.get(page).content.decode().count("use 8000 of 24576 MiB") == 1
    page = boss.get(reverse("admin:instances_gpu_node", args=[node.pk])).content.decode()
    assert "use 7.8 GB of the 8.8 GB in use" in page and "16.2 GB of 24 GB are free" in page


def test_the_doctor_examines_when_it_is_asked_to(boss: Client) -> None:
    node = make.node(name="n<1>")
    url = reverse("admin:instances_gpu_doctor", args=[node.pk])
    page = boss.get(url).content.decode()
    assert "Examine the node" in page and "n&lt;1&gt;" in page and "Examined" not in page
    page = submit(boss, url, {}).content.decode()
    assert "Nothing accepts connections" in page and "Test the node&#x27;s connection." in page
    assert "GPU memory slices cannot be used here as it is" in page and "Examine again" in page
    link = boss.get(reverse("admin:nodes_computenode_show_doctor", args=[node.pk]))
    assert link["Location"] == url
    assert boss.get(reverse("admin:instances_gpu_doctor", args=[123456])).status_code == 404


MUSL = {"libc": "musl", "architecture": "amd64", "glibc": []}
UNKNOWN = {"libc": "none", "architecture": "amd64", "glibc": []}


@pytest.mark.parametrize(
    ("facts", "slices", "told"),
    [
        (MUSL, True, "Slices cannot be had with this image"),
        (UNKNOWN, True, "Slices may not be limited with this image"),
        (MUSL, False, ""),
        (None, True, ""),
    ],
)
def test_the_page_of_an_image_says_what_is_known_of_slices(boss: Client, facts: Any, slices: bool, told: str) -> None:
    image = make.image(address="registry.example.com/team/app", supports_vgpu=slices)
    if facts:
        ImageReport.objects.create(
            reference="registry.example.com/team/app:latest", digest="sha256:1", architecture="amd64", facts=facts,
            checked_at=timezone.now(),
        )  # fmt: skip
    page = boss.get(reverse("admin:imagelib_imageregistry_change", args=[image.pk])).content.decode()
    assert told in page and ("with this image" in page) is bool(told)


def test_a_page_whose_address_is_none_shows_no_hint(boss: Client) -> None:
    image = make.image(address="no address!", supports_vgpu=True)
    page = boss.get(reverse("admin:imagelib_imageregistry_change", args=[image.pk])).content.decode()
    assert "with this image" not in page
    assert "with this image" not in boss.get(reverse("admin:imagelib_imageregistry_add")).content.decode()
