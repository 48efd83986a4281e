"""Nothing that was learnt from an engine is shown without its age, and what is unprotected says so."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from imagelib.celery import app
from nodes.models import STATUS_FRESH_FOR, NodeStatus
from tests.api import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss(operator: Any) -> Client:
    client = Client(HTTP_ACCEPT_LANGUAGE="en")
    client.force_login(operator)
    return client


def test_no_number_without_its_age(boss: Client, as_operator: APIClient, as_user: APIClient) -> None:
    read_at = timezone.now() - timedelta(hours=2)
    node = make.node(disk_free_bytes=5_000_000_123, disk_checked_at=read_at)
    image = make.image()
    for url in (
        reverse("admin:nodes_computenode_changelist"),
        reverse("admin:nodes_computenode_change", args=[node.pk]),
        reverse("admin:pulls_pulljob_add") + f"?image={image.pk}",
    ):
        page = boss.get(url).content.decode()
        assert "5000000123" in page, url
        assert f'datetime="{read_at.isoformat()}"' in page, url
    for client in (as_operator, as_user):
        body = client.get(f"/api/nodes/{node.pk}/").json()
        assert body["disk_free_bytes"] == 5_000_000_123
        assert 7200 <= body["disk_age_seconds"] < 7300


def test_an_unknown_disk_has_no_age(as_operator: APIClient) -> None:
    body = as_operator.get(f"/api/nodes/{make.node().pk}/").json()
    assert (body["disk_free_bytes"], body["disk_age_seconds"]) == (None, None)


# --- status ----------------------------------------------------------------------------------------------------------


def pages_of(pk: int) -> list[str]:
    return [reverse("admin:nodes_computenode_changelist"), reverse("admin:nodes_computenode_change", args=[pk])]


@pytest.mark.parametrize("status", [NodeStatus.CONNECTED, NodeStatus.FAILED])
def test_an_old_status_is_shown_as_stale(boss: Client, as_operator: APIClient, status: str) -> None:
    checked_at = timezone.now() - STATUS_FRESH_FOR - timedelta(seconds=5)
    node = make.node(status=status, checked_at=checked_at)
    for url in (*pages_of(node.pk), reverse("admin:pulls_pulljob_add") + f"?image={make.image().pk}"):
        page = boss.get(url).content.decode()
        assert f"{status}, stale" in page and 'title="Not checked recently."' in page, url
        assert f'datetime="{checked_at.isoformat()}"' in page, url
    assert 80 <= as_operator.get(f"/api/nodes/{node.pk}/").json()["status_age_seconds"] < 180
    overview = boss.get(reverse("admin:index"))
    assert "1 not checked recently" in overview.content.decode()
    assert overview.context["nodes"] == {"all": 1, "connected": 0, "failed": 0, "stale": 1}


@pytest.mark.parametrize("status", [NodeStatus.CONNECTED, NodeStatus.FAILED])
def test_a_fresh_status_is_not(boss: Client, status: str) -> None:
    checked_at = timezone.now() - STATUS_FRESH_FOR + timedelta(seconds=40)
    node = make.node(status=status, checked_at=checked_at)
    for url in pages_of(node.pk):
        page = boss.get(url).content.decode()
        assert "stale" not in page and f'datetime="{checked_at.isoformat()}"' in page, url
    overview = boss.get(reverse("admin:index"))
    assert "not checked recently" not in overview.content.decode()
    assert overview.context["nodes"] == {"all": 1, "connected": 0, "failed": 0, "stale": 0} | {str(status): 1}


def test_a_node_that_was_never_checked(boss: Client) -> None:
    node = make.node()
    for url in pages_of(node.pk):
        assert "not checked yet" in boss.get(url).content.decode(), url
    assert boss.get(reverse("admin:index")).context["nodes"]["stale"] == 1


def test_the_schedule() -> None:
    """Seconds between rounds. A status counts as fresh for two sweeps and a half, a lost worker is missed in two."""
    schedule = {name: (item["task"], item["schedule"]) for name, item in settings.CELERY_BEAT_SCHEDULE.items()}
    expected = {
        "reap jobs": ("core.tasks.reap_jobs", 10.0),
        "sweep nodes": ("nodes.tasks.sweep_nodes", 30.0),
        "read disks": ("nodes.tasks.read_node_disks", 30.0),
        "forget old keys": ("core.tasks.forget_idempotency_keys", 3600.0),
    }
    assert schedule.items() >= expected.items()
    app.loader.import_default_modules()
    assert not {task for task, _seconds in schedule.values()} - app.tasks.keys()


# --- encryption ------------------------------------------------------------------------------------------------------

UNENCRYPTED = "registry passwords that go along with pulls can be read on the way"
WAYS = [
    ("tcp://192.0.2.5:2375", False, True),
    ("tcp://[2001:db8::5]:2375", False, True),
    ("tcp://192.0.2.5:2376", True, False),
    ("tcp://127.0.0.1:1", False, False),
    ("tcp://[::1]:1", False, False),
    ("tcp://localhost:1", False, False),
    ("ssh://root@192.0.2.5", False, False),
    ("unix:///nowhere/docker.sock", False, False),
]


@pytest.mark.parametrize(("address", "use_tls", "warned"), WAYS)
def test_a_node_that_is_spoken_to_in_the_clear(boss: Client, address: str, use_tls: bool, warned: bool) -> None:
    node = make.node(docker_address=address, use_tls=use_tls)
    url = reverse("admin:nodes_computenode_change", args=[node.pk])
    assert (UNENCRYPTED in boss.get(url).content.decode()) is warned
    chinese = boss.get(url, headers={"accept-language": "zh-hans"}).content.decode()
    assert ("仓库密码可能在途中被窃取" in chinese) is warned


@pytest.mark.parametrize(("address", "use_tls", "warned"), WAYS)
def test_the_form_says_so_when_it_is_saved(boss: Client, address: str, use_tls: bool, warned: bool) -> None:
    numbers = dict.fromkeys(("cpu", "memory", "system_disk", "data_disk", "gpu_count", "gpu_memory_gb"), 0)
    values = {"name": "n", "docker_address": address, "ssh_port": 22, **numbers}
    if use_tls:
        values["use_tls"] = "on"
    answer = boss.post(reverse("admin:nodes_computenode_add"), values)
    assert answer.status_code == 302, answer.content.decode()
    said = [str(message) for message in get_messages(answer.wsgi_request)]
    assert any(UNENCRYPTED in text for text in said) is warned
