"""`manage.py pull` up to the point where a worker begins: what is asked for, what is refused, what is said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone, translation

from core.jobs import JobState
from core.server_lock import ServerLock, lock_path
from nodes.models import ComputeNode
from pulls.management.commands.pull import Command
from pulls.models import PullJob
from pulls.watching import watch
from tests.api import make

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _english(settings: Any, tmp_path: Path) -> Iterator[None]:
    settings.DATA_DIR = tmp_path
    with translation.override("en"):
        yield


def refused(*arguments: str, **options: Any) -> str:
    with pytest.raises(CommandError) as caught:
        call_command("pull", *arguments, **options)
    assert caught.value.returncode == 2
    assert not PullJob.objects.exists()
    return str(caught.value)


def test_an_entry_by_its_name_onto_named_nodes(capsys: Any) -> None:
    entry = make.image(name="jupyter", address="registry.example.com/team/jupyter:2.1")
    for name in ("b", "a", "other"):
        make.node(name=name)
    call_command("pull", "jupyter", node=["b", "a", "b"])
    jobs = list(PullJob.objects.order_by("node_name"))
    assert [job.rung_at for job in jobs] == [None, None], "the server must ring: nobody heard this process"
    assert [(job.node_name, job.image_id) for job in jobs] == [("a", entry.pk), ("b", entry.pk)]
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(": ")[2] for line in lines] == [
        "registry.example.com/team/jupyter:2.1 → b (queued)",
        "registry.example.com/team/jupyter:2.1 → a (queued)",
    ]


def test_a_reference_that_no_entry_names(capsys: Any) -> None:
    make.node(name="a")
    call_command("pull", "registry.example.com/team/x:1", node=["a"])
    assert PullJob.objects.get().reference == "registry.example.com/team/x:1"
    assert "tag" not in capsys.readouterr().err


def test_a_missing_tag_earns_a_hint(capsys: Any) -> None:
    make.node(name="a")
    make.image(name="untagged", address="registry.example.com/team/y")
    for image in ("registry.example.com/team/x", "untagged"):
        call_command("pull", image, node=["a"])
        assert "latest" in capsys.readouterr().err


def test_all_nodes_are_the_listed_ones() -> None:
    make.node(name="a")
    make.node(name="b", is_listed=False)
    call_command("pull", "nginx:1.27", all_nodes=True)
    assert [job.node_name for job in PullJob.objects.all()] == ["a"]


def test_no_listed_node() -> None:
    make.node(is_listed=False)
    assert refused("nginx:1.27", all_nodes=True) == "There is no listed compute node."


def test_an_unknown_node_is_told_with_the_known_ones() -> None:
    make.node(name="a")
    assert refused("nginx:1.27", node=["a", "nope"]) == "There is no compute node named nope. Known: a."
    ComputeNode.objects.all().delete()
    assert refused("nginx:1.27", node=["nope"]).endswith("Known: none.")


def test_a_name_of_several_entries() -> None:
    make.node(name="a")
    make.image(name="twice", address="registry.example.com/a:1")
    make.image(name="twice", address="registry.example.com/b:1")
    assert "Several library entries are named twice" in refused("twice", node=["a"])


@pytest.mark.parametrize("reference", ["UPPER/case:1", "nginx:a b", "registry.example.com:99999/x"])
def test_what_is_no_reference(reference: str) -> None:
    make.node(name="a")
    assert refused(reference, node=["a"]).startswith("reference: ")


def test_a_password_in_the_reference_is_refused_and_not_repeated(capsys: Any) -> None:
    make.node(name="a")
    text = refused("user:canary-1@registry.example.com/x:1", node=["a"])
    captured = capsys.readouterr()
    assert "canary-1" not in text + captured.out + captured.err


def test_a_pull_that_exists_already_is_shared(capsys: Any) -> None:
    make.node(name="a")
    call_command("pull", "nginx:1.27", node=["a"])
    assert "shared" not in capsys.readouterr().out
    call_command("pull", "nginx:1.27", node=["a"])
    assert "shared" in capsys.readouterr().out
    assert PullJob.objects.count() == 1


def test_it_says_when_nobody_would_work(capsys: Any) -> None:
    make.node(name="a")
    call_command("pull", "nginx:1.27", node=["a"])
    assert "No server is running" in capsys.readouterr().err
    with ServerLock(lock_path()):
        call_command("pull", "nginx:1.28", node=["a"])
    assert "No server" not in capsys.readouterr().err


def ended(state: str, **values: Any) -> PullJob:
    return PullJob.objects.create(
        node_name="n", reference=f"r/{state}:1", registry_host="r", state=state, finished_at=timezone.now(), **values
    )


def test_waiting_ends_well_only_when_everything_is_there() -> None:
    good, bad = ended(JobState.SUCCEEDED), ended(JobState.CANCELLED)
    assert watch([good], Command()) is True
    assert watch([good, bad], Command()) is False


def test_a_row_that_was_deleted_meanwhile_is_no_success() -> None:
    good = ended(JobState.SUCCEEDED)
    assert watch([good, PullJob(pk=good.pk + 1)], Command()) is False


def test_the_reason_of_a_failure_is_said(capsys: Any) -> None:
    job = ended(JobState.FAILED, error_code="image_not_found", error={"transient": False, "evidence": "no"})
    assert watch([job], Command()) is False
    assert "[image_not_found]" in capsys.readouterr().out


def test_where_it_comes_from(tmp_path: Path) -> None:
    make.image(name="app", address="app:1")
    taker, giver = make.node(name="taker"), make.node(name="giver")
    archive = tmp_path / "app.tar"
    archive.write_bytes(b"x")
    for options in ({"auto": True}, {"giver": "giver"}, {"archive": str(archive)}):
        call_command("pull", "app", node=["taker"], **options)
        job = PullJob.objects.get()
        assert job.node_id == taker.pk
        found = (job.source, job.source_node_id, job.archive)
        assert (
            found
            == {
                "auto": ("auto", None, ""),
                "giver": ("node", giver.pk, ""),
                "archive": ("archive", None, str(archive)),
            }[next(iter(options))]
        )
        job.delete()


def test_sources_that_are_not_there(tmp_path: Path) -> None:
    make.node(name="n1")
    assert "nosuch" in refused("app:1", node=["n1"], giver="nosuch")
    assert "nosuch.tar" in refused("app:1", node=["n1"], archive=str(tmp_path / "nosuch.tar"))
