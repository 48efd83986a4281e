"""Registering in the admin: what would happen is shown first, and nothing of it stays until somebody agreed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from appimages.admin.registering import WATCHED
from appimages.models import AppImage, AppImageVersion
from nodes.models import ComputeNode
from pulls.models import PullEvent, PullJob, PullRequest
from tests.api import make
from tests.support.fake_registry import FakeImage
from tests.support.fake_transfers import archive_of
from tests.unit.test_register_app_image import FIXED, TEMPLATE

pytestmark = pytest.mark.django_db
URL = "/admin/appimages/appimage/register/"
IMAGE = "team/app:1.10"
REFERENCE = "docker.io/team/app:1.10"


@pytest.fixture
def boss(operator: User) -> Client:
    """A logged-in operator who is no superuser. Checks CSRF as a server does."""
    client = Client(enforce_csrf_checks=True, HTTP_ACCEPT_LANGUAGE="en")
    client.force_login(operator, backend="django.contrib.auth.backends.ModelBackend")
    return client


def ask(client: Client, language: str = "en", **values: Any) -> Any:
    """With the token of a page that was opened before."""
    assert client.get(URL).status_code == 200
    data = {"csrfmiddlewaretoken": client.cookies["csrftoken"].value, "image": IMAGE, "source": "auto", **values}
    return client.post(URL, data, HTTP_ACCEPT_LANGUAGE=language)


def agree(client: Client, **values: Any) -> Any:
    """Look first, then say yes to what was shown."""
    shown = ask(client, **values)
    assert "rehearsal" in shown.context, shown.context.get("refused") or shown.context.get("faults")
    return ask(client, **values, seen=shown.context["rehearsal"].seen, confirmed="yes")


def stored() -> dict[str, Any]:
    rows = (AppImage, AppImageVersion, PullJob, PullRequest, PullEvent)
    return {model.__name__: list(model.objects.order_by("pk").values()) for model in rows}


NOTHING: dict[str, Any] = {"AppImage": [], "AppImageVersion": [], "PullJob": [], "PullRequest": [], "PullEvent": []}


def test_what_would_happen_is_shown_and_nothing_of_it_stays(boss: Client, user: User) -> None:
    there, under_way, without = (make.node(name=name) for name in ("n-there", "n-under-way", "n-without"))
    make.pull(by=user, on=there, state="succeeded", reference=REFERENCE, digest="sha256:1")
    make.pull(by=user, on=under_way, state="running", reference=REFERENCE)
    before = stored()
    answer = ask(boss, nodes=[there.pk, under_way.pk, without.pk], text=TEMPLATE, name="my-img")
    assert stored() == before
    text = answer.content.decode()
    assert REFERENCE in text and "+    tag: &quot;1.10&quot;" in text
    found = {arrival.node.pk: (arrival.is_there, arrival.under_way) for arrival in answer.context["rehearsal"].arrivals}
    assert found == {there.pk: (True, False), under_way.pk: (False, True), without.pk: (False, False)}
    assert text.count("Nothing is done.") == text.count("is shared.") == 1
    assert text.count("else from a node that has it.") == 1


def test_who_agreed_gets_all_of_it_and_a_page_to_watch(boss: Client) -> None:
    nodes = [make.node().pk, make.node().pk]
    answer = agree(boss, nodes=nodes, text=TEMPLATE, name="my-img")
    row = AppImage.objects.get()
    assert (row.name, row.image_tag, row.versions.get().how) == ("my-img", "1.10", "register")
    jobs = list(PullJob.objects.order_by("node"))
    assert [(job.node_id, job.source, job.reference) for job in jobs] == [(pk, "auto", REFERENCE) for pk in nodes]
    page = boss.get(answer["Location"]).content.decode()
    assert "Registered: 1 new, 0 replaced, 0 as before." in page and "my-img" in page
    for job in jobs:
        assert f'data-pull="{job.pk}"' in page and reverse("admin:pulls_cancel", args=[job.pk]) in page
        assert reverse("admin:pulls_pulljob_change", args=[job.pk]) in page


def test_a_look_rings_for_nobody(boss: Client, django_capture_on_commit_callbacks: Any) -> None:
    node = make.node()
    with django_capture_on_commit_callbacks() as rung:
        ask(boss, nodes=[node.pk], text=TEMPLATE)
    assert not rung
    with django_capture_on_commit_callbacks() as rung:
        agree(boss, nodes=[node.pk], text=TEMPLATE)
    assert rung


def test_a_file_replaces_what_is_there_and_shows_the_difference(boss: Client) -> None:
    make.app_image("fixed", image={"name": "old/app", "tag": "1"})
    node = make.node()
    file = SimpleUploadedFile("app_image.yaml", FIXED.encode())
    shown = ask(boss, nodes=[node.pk], file=file, text="kind: Pod")
    text = shown.content.decode()
    assert "-    tag: &quot;1&quot;" in text and "+    tag: &quot;1.10&quot;" in text
    assert "replaces the present one" in text and AppImageVersion.objects.count() == 1
    seen = shown.context["rehearsal"].seen
    done = ask(boss, nodes=[node.pk], text=shown.context["text"], seen=seen, confirmed="yes")
    assert AppImage.objects.get().image_name == "team/app"
    assert "0 new, 1 replaced, 0 as before." in boss.get(done["Location"]).content.decode()
    assert "stays as it is" in ask(boss, nodes=[node.pk], text=FIXED).content.decode()
    done = agree(boss, nodes=[node.pk], text=FIXED)
    assert "0 new, 0 replaced, 1 as before." in boss.get(done["Location"]).content.decode()
    assert AppImageVersion.objects.count() == 2


def test_what_nobody_saw_is_not_replaced(boss: Client) -> None:
    node = make.node()
    first = ask(boss, nodes=[node.pk], text=FIXED)
    make.app_image("fixed", image={"name": "other/app", "tag": "9"})
    before = stored()
    answer = ask(boss, nodes=[node.pk], text=FIXED, seen=first.context["rehearsal"].seen, confirmed="yes")
    assert "-    tag: &quot;9&quot;" in answer.content.decode() and answer.context["refused"]
    assert ask(boss, nodes=[node.pk], text=FIXED, confirmed="yes").status_code == 200
    assert stored() == before
    seen = answer.context["rehearsal"].seen
    assert ask(boss, nodes=[node.pk], text=FIXED, seen=seen, confirmed="yes").status_code == 302


def test_without_a_template_the_image_alone_is_imported(boss: Client) -> None:
    answer = agree(boss, nodes=[make.node().pk])
    page = boss.get(answer["Location"]).content.decode()
    assert "None was stored." in page and "Registered:" not in page
    assert PullJob.objects.count() == 1 and not AppImage.objects.exists()


def test_a_centralised_installation_means_all_workers(boss: Client) -> None:
    worker = make.node(is_listed=True)
    make.node(is_listed=False)
    agree(boss, mode="central", text=FIXED)
    assert [job.node_id for job in PullJob.objects.all()] == [worker.pk]


def test_the_image_may_come_from_elsewhere(boss: Client, tmp_path: Path, settings: Any) -> None:
    settings.DATA_DIR = tmp_path
    giver, taker = make.node(name="giver"), make.node(name="taker")
    agree(boss, nodes=[taker.pk], source="node", source_node=giver.pk)
    job = PullJob.objects.get()
    assert (job.source, job.source_node_id) == ("node", giver.pk)
    PullJob.objects.update(state="cancelled")
    tar = archive_of(FakeImage.sized("x", "1", [5]), [])
    token = boss.cookies["csrftoken"].value
    uploaded = boss.post(
        "/api/pulls/archives/", tar, content_type="application/x-tar", headers={"X-CSRFToken": token}
    )  # fmt: skip
    assert uploaded.status_code == 201, uploaded.content
    agree(boss, nodes=[taker.pk], source="archive", archive=uploaded.json()["archive"])
    job = PullJob.objects.latest("pk")
    assert (job.source, job.archive.endswith(".tar")) == ("archive", True)


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize(
    "values",
    [
        {"image": ""},
        {"image": "Bad/Name"},
        {"image": "\0"},
        {"image": "a" * 10_000},
        {"nodes": []},
        {"nodes": ["x"]},
        {"nodes": ["999999999"]},
        {"nodes": ["9" * 18]},
        {"name": "Bad Name"},
        {"text": "a: ["},
        {"text": "kind: Pod"},
        {"text": "\0"},
        {"source": "node"},
        {"source": "node", "source_node": "x"},
        {"source": "archive"},
        {"source": "archive", "archive": "../../etc/passwd"},
        {"source": "node", "source_node": "self"},
    ],
    ids=repr,
)
@pytest.mark.parametrize("confirmed", [{}, {"confirmed": "yes", "seen": "fixed:0"}], ids=["looking", "agreeing"])
def test_bad_input_is_said_and_nothing_is_stored(
    boss: Client, values: dict[str, Any], language: str, confirmed: dict[str, str], tmp_path: Path, settings: Any
) -> None:
    settings.DATA_DIR = tmp_path
    node = make.node()
    if values.get("source_node") == "self":
        values = values | {"source_node": node.pk}
    answer = ask(boss, language, **{"nodes": [node.pk], "text": FIXED, **values, **confirmed})
    assert answer.status_code == 200 and "rehearsal" not in answer.context
    said = answer.context.get("refused") or answer.context["faults"][0]["message"]
    assert bool(re.search(r"[\u4e00-\u9fff]", said)) == (language == "zh-hans"), said
    assert stored() == NOTHING


def test_what_was_typed_is_still_there(boss: Client) -> None:
    node, other = make.node(), make.node()
    answer = ask(boss, nodes=[node.pk], text=FIXED, name="<b>", mode="central", source="registry")
    text = answer.content.decode()
    assert f'id="il-node-{node.pk}" checked' in text and f'id="il-node-{other.pk}" checked' not in text
    assert "name: fixed" in text and 'value="&lt;b&gt;"' in text
    assert '<option value="central" selected>' in text and '<option value="registry" selected>' in text
    again = ask(boss, nodes=[node.pk], text=FIXED, again="yes")
    assert "rehearsal" not in again.context and IMAGE in again.content.decode()


def test_without_nodes_the_page_says_where_to_add_one(boss: Client) -> None:
    text = boss.get(URL).content.decode()
    assert reverse("admin:nodes_computenode_add") in text and 'name="nodes"' not in text
    assert 'data-part="go"' not in text
    assert ask(boss).context["refused"]


def test_nodes_that_have_it_are_marked(boss: Client, user: User) -> None:
    there = make.node()
    make.node()
    make.pull(by=user, on=there, state="succeeded", reference=REFERENCE)
    url = reverse("admin:appimages_presence")
    assert boss.get(url, {"image": IMAGE}).json() == {"nodes": [there.pk]}
    for wrong in ("", "Bad/Name", "\0"):
        assert boss.get(url, {"image": wrong}).json() == {"nodes": []}


def test_more_pulls_than_one_stream_tells_of(boss: Client) -> None:
    ComputeNode.objects.bulk_create(
        ComputeNode(name=f"gpu-{n:03}", docker_address=make.DEAD_ENGINE, is_listed=True) for n in range(WATCHED + 2)
    )
    page = boss.get(agree(boss, mode="central")["Location"]).content.decode()
    assert page.count("data-snapshot=") == WATCHED and "2 more are not shown here." in page


def test_a_page_of_nothing_is_no_error(boss: Client) -> None:
    url = reverse("admin:appimages_registered")
    for query in ("", "?pull=x&app_image=9", "?pull=" + "9" * 40, "?more=x"):
        text = boss.get(url + query).content.decode()
        assert "Nothing is being pulled." in text


def test_only_operators(client: Client, user: User) -> None:
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    node = make.node()
    for url in (URL, reverse("admin:appimages_presence"), reverse("admin:appimages_registered")):
        answer = client.get(url)
        assert answer.status_code == 302 and "login" in answer["Location"]
    answer = client.post(URL, {"image": IMAGE, "nodes": [node.pk], "text": FIXED, "seen": "fixed:0", "confirmed": "y"})
    assert answer.status_code == 302 and "login" in answer["Location"]
    assert stored() == NOTHING


def test_another_site_cannot_register(boss: Client) -> None:
    data = {"image": IMAGE, "nodes": [make.node().pk], "text": FIXED, "seen": "fixed:0", "confirmed": "yes"}
    assert boss.post(URL, data).status_code == 403
    boss.get(URL, data)
    assert stored() == NOTHING
