"""The page that starts pulls stays usable with a large library and a large fleet."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from imagelib.models import ImageRegistry
from nodes.models import ComputeNode
from pulls.admin_choices import NODES_SHOWN
from pulls.models import PullJob
from tests.api import make
from tests.support.fake_registry import FakeImage
from tests.support.fake_transfers import archive_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss(operator: User) -> Client:
    client = Client(HTTP_ACCEPT_LANGUAGE="en")
    client.force_login(operator, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def many_images() -> list[ImageRegistry]:
    rows = (ImageRegistry(name=f"entry {n:03}", address=f"r.example.com/app{n:03}:v1") for n in range(120))
    return ImageRegistry.objects.bulk_create(rows)


def page(client: Client, **asked: Any) -> str:
    answer = client.get(reverse("admin:pulls_pulljob_add"), asked)
    assert answer.status_code == 200
    return str(answer.content.decode())


def options(text: str) -> list[str]:
    [choice] = re.findall(r'<select[^>]*name="image".*?</select>', text, re.DOTALL)
    return re.findall(r'<option value="(\d+)"', choice)


def shown_nodes(text: str) -> list[int]:
    return [int(pk) for pk in re.findall(r'<tr data-node="(\d+)"', text)]


def test_only_the_chosen_image_is_in_the_page(boss: Client, many_images: list[ImageRegistry]) -> None:
    make.node()
    assert options(page(boss)) == []
    chosen = many_images[70]
    text = page(boss, image=chosen.pk)
    assert options(text) == [str(chosen.pk)]
    assert f"{chosen.name} – {chosen.address}" in text and "app071" not in text
    for wrong in ("0", "x", "9" * 30, "999999"):
        assert shown_nodes(page(boss, image=wrong)) == []


def test_the_library_is_searched_as_one_types(boss: Client, many_images: list[ImageRegistry]) -> None:
    hidden = make.image(name="secret entry", address="r.example.com/hidden:v1", is_listed=False)
    assert 'data-ajax--url="/admin/pulls/pulljob/images/"' in page(boss)
    asked = {"app_label": "pulls", "model_name": "pulljob", "field_name": "image"}
    at = reverse("admin:pulls_images")

    def found(term: str, number: int = 1) -> dict[str, Any]:
        body: dict[str, Any] = boss.get(at, {**asked, "term": term, "page": number}).json()
        return body

    assert found("app07")["results"] == [
        {"id": str(row.pk), "text": f"{row.name} – {row.address}"} for row in reversed(many_images[70:80])
    ]
    assert [row["id"] for row in found("hidden")["results"]] == [str(hidden.pk)]
    assert found("hidden")["results"][0]["text"].endswith("(unlisted)")
    whole = found("")
    assert len(whole["results"]) < 50 and whole["pagination"] == {"more": True}
    assert not {row["id"] for row in whole["results"]} & {row["id"] for row in found("", 2)["results"]}


def test_only_operators_search(client: Client, user: User, many_images: list[ImageRegistry]) -> None:
    asked = {"app_label": "pulls", "model_name": "pulljob", "field_name": "image"}
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    answer = client.get(reverse("admin:pulls_images"), asked)
    assert answer.status_code == 302 and "login" in answer["Location"]


def test_a_large_fleet_is_searched_and_the_chosen_nodes_stay(boss: Client) -> None:
    image = make.image()
    rows = ComputeNode.objects.bulk_create(
        ComputeNode(name=f"gpu-{n:03}", region="south" if n % 2 else "north", docker_address=make.DEAD_ENGINE)
        for n in range(NODES_SHOWN + 5)
    )
    first, last = rows[0], rows[-1]
    text = page(boss, image=image.pk)
    assert shown_nodes(text) == [row.pk for row in rows[:NODES_SHOWN]]
    assert "5 more nodes are not shown" in text and 'name="search"' in text
    found = page(boss, image=image.pk, search=f" {last.name.upper()} ", nodes=[first.pk])
    assert shown_nodes(found) == [first.pk, last.pk] and "not shown" not in found
    assert re.findall(r'id="il-node-(\d+)" checked', found) == [str(first.pk)]
    assert len(shown_nodes(page(boss, image=image.pk, search="south"))) == len(rows) // 2
    nothing = page(boss, image=image.pk, search="nowhere\0")
    assert shown_nodes(nothing) == [] and 'value="nowhere"' in nothing


def test_a_small_fleet_needs_no_search(boss: Client) -> None:
    node = make.node()
    text = page(boss, image=make.image().pk)
    assert shown_nodes(text) == [node.pk] and 'name="search"' not in text


def test_the_image_may_come_from_elsewhere(boss: Client, tmp_path: Any, settings: Any) -> None:
    settings.DATA_DIR = tmp_path
    image, giver, taker = make.image(address="r.example.com/app:v1"), make.node(name="giver"), make.node(name="taker")
    assert re.search(rf'<option value="{giver.pk}">giver</option>', page(boss, image=image.pk))
    url = reverse("admin:pulls_pulljob_add")
    asked = {"image": image.pk, "nodes": [taker.pk]}

    def started(**source: Any) -> PullJob:
        answer = boss.post(url, {**asked, **source})
        assert answer.status_code == 302, answer.content
        job = PullJob.objects.latest("pk")
        PullJob.objects.update(state="cancelled")
        return job

    assert started().source == "registry"
    assert started(source="auto").source == "auto"
    job = started(source="node", source_node=giver.pk)
    assert (job.source, job.source_node_id) == ("node", giver.pk)
    assert "from giver" in boss.get(reverse("admin:pulls_pulljob_change", args=[job.pk])).content.decode()
    uploaded = boss.post(
        "/api/pulls/archives/", archive_of(FakeImage.sized("x", "1", [5]), []), content_type="application/x-tar"
    )
    assert uploaded.status_code == 201, uploaded.content
    job = started(source="archive", archive=uploaded.json()["archive"])
    assert (job.source, job.archive.endswith(".tar")) == ("archive", True)
    assert "from an archive" in boss.get(reverse("admin:pulls_pulljob_change", args=[job.pk])).content.decode()


def test_a_source_that_is_not_there_is_said_and_the_choice_kept(boss: Client, tmp_path: Any, settings: Any) -> None:
    settings.DATA_DIR = tmp_path
    image, taker = make.image(address="r.example.com/app:v1"), make.node(name="taker")
    for source in (
        {"source": "node", "source_node": "x"},
        {"source": "node", "source_node": taker.pk},
        {"source": "archive"},
        {"source": "archive", "archive": "../../etc/passwd"},
        {"source": "archive", "archive": "0" * 32},
    ):
        answer = boss.post(reverse("admin:pulls_pulljob_add"), {"image": image.pk, "nodes": [taker.pk], **source})
        assert answer.status_code == 200
        text = answer.content.decode()
        assert f'<option value="{source["source"]}" selected>' in text
        assert list(answer.context["messages"])
    assert not PullJob.objects.exists()
