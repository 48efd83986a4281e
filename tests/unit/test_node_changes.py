"""Changing how to connect to a node: numbers that are never shared, secrets that never go to another host."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone, translation

from core.errors import InvalidInput
from core.system import SYSTEM
from instances.models import GpuInventory, LibraryReport
from nodes.models import ComputeNode
from nodes.services import save_node
from tests.api import make

pytestmark = pytest.mark.django_db
KEPT = {"docker_address": "ssh://root@10.0.0.5", "password": "s3cr3t"}


def change(node: ComputeNode, **values: Any) -> ComputeNode:
    return save_node(user=SYSTEM, values=values, node=node, test=False)


def test_simultaneous_changes_have_different_numbers() -> None:
    pk = make.node(connection_version=7).pk
    one, other = ComputeNode.objects.get(pk=pk), ComputeNode.objects.get(pk=pk)
    assert change(one, username="a").connection_version == 8
    changed = change(other, ssh_port=2222)
    assert changed.connection_version == 9
    assert (changed.username, changed.ssh_port) == ("a", 2222), "what will be probed is what is stored"


def test_a_new_node_has_the_first_number() -> None:
    row = save_node(user=SYSTEM, values={"name": "n", "docker_address": make.DEAD_ENGINE}, test=False)
    assert row.connection_version == 1


@pytest.mark.parametrize("address", ["ssh://root@10.0.0.6", "tcp://10.0.0.5:2375", "unix:///var/run/docker.sock"])
def test_a_stored_secret_does_not_move_to_another_host(address: str) -> None:
    node = make.node(**KEPT)
    for values in ({}, {"password": ComputeNode.objects.get(pk=node.pk).password}):
        with pytest.raises(InvalidInput) as error:
            change(ComputeNode.objects.get(pk=node.pk), docker_address=address, **values)
        assert set(error.value.fields) == {"password"}
        with translation.override("en"):
            assert "again" in str(next(iter(error.value.fields.values()))[0])
    stored = ComputeNode.objects.get(pk=node.pk)
    assert (stored.docker_address, stored.connection_version) == (KEPT["docker_address"], node.connection_version)


def test_a_client_key_does_not_move_either() -> None:
    node = make.node(docker_address="tcp://10.0.0.5:2376", client_key="key", password="p")
    ComputeNode.objects.filter(pk=node.pk).update(use_tls=True)
    row = ComputeNode.objects.get(pk=node.pk)
    with pytest.raises(InvalidInput) as error:
        change(row, docker_address="tcp://10.0.0.6:2376", password="", client_cert="")
    assert "client_key" in error.value.fields or "client_cert" in error.value.fields


@pytest.mark.parametrize("password", ["s3cr3t", "other", ""])
def test_entered_again_it_moves(password: str) -> None:
    node = ComputeNode.objects.get(pk=make.node(**KEPT).pk)
    changed = change(node, docker_address="ssh://root@10.0.0.6", password=password)
    assert changed.docker_address == "ssh://root@10.0.0.6"
    assert changed.password.reveal() == password


@pytest.mark.parametrize("address", ["ssh://root@10.0.0.5", "ssh://admin@10.0.0.5:2222"])
def test_the_same_host_keeps_it(address: str) -> None:
    node = ComputeNode.objects.get(pk=make.node(**KEPT).pk)
    assert change(node, docker_address=address).password.reveal() == "s3cr3t"


@pytest.mark.parametrize("address", ["tcp://10.0.0.6:2375", "unix:///var/run/docker.sock", ""])
def test_a_node_with_instances_is_not_moved_to_another_machine(django_user_model: Any, address: str) -> None:
    """The sweep would take its containers for gone, and a removal would leave them on the old machine."""
    node = make.gpu_node(docker_address="tcp://10.0.0.5:2375")
    instance = make.instance(by=django_user_model.objects.create_user("u"), node=node, name="held")
    with pytest.raises(InvalidInput) as error:
        change(ComputeNode.objects.get(pk=node.pk), docker_address=address)
    assert set(error.value.fields) == {"docker_address"}
    assert "held" in str(error.value.fields["docker_address"][0])
    assert not node.gpus.filter(is_missing=True).exists(), "nothing of a refused change is stored"
    stays = change(ComputeNode.objects.get(pk=node.pk), docker_address="tcp://10.0.0.5:2376", remark="x")
    assert stays.docker_address == "tcp://10.0.0.5:2376" and not node.gpus.filter(is_missing=True).exists()
    instance.delete()
    assert change(ComputeNode.objects.get(pk=node.pk), docker_address=address).docker_address == address


def test_what_the_old_machine_told_of_its_cards_is_forgotten() -> None:
    node = make.gpu_node(docker_address="tcp://10.0.0.5:2375")
    node.gpus.filter(index=0).update(is_cordoned=True)
    now = timezone.now()
    GpuInventory.objects.create(node=node, checked_at=now)
    LibraryReport.objects.create(node=node, directory="/lib", facts={}, checked_at=now)
    change(ComputeNode.objects.get(pk=node.pk), docker_address="tcp://10.0.0.6:2375")
    assert list(node.gpus.values_list("is_missing", "is_cordoned")) == [(True, True), (True, False)]
    assert not GpuInventory.objects.exists() and not LibraryReport.objects.exists()
