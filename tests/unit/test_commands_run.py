"""`manage.py run` up to the point where a worker begins, and how it ends."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone, translation

from core.jobs import JobState
from instances.models import Instance, Observed, Operation, ProductSpec
from nodes.models import NodeStatus
from tests.api import make

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _world(settings: Any, tmp_path: Path, django_user_model: Any) -> Iterator[None]:
    settings.DATA_DIR = tmp_path
    django_user_model.objects.create_user("admin", is_superuser=True, is_staff=True)
    make.image(name="Jupyter 2.1", address="registry.example.com/team/jupyter:2.1")
    make.node(name="n1", status=NodeStatus.CONNECTED, checked_at=timezone.now())
    ProductSpec.objects.create(name="small", cpu_cores=2)
    with translation.override("en"):
        yield


def refused(*arguments: str, **options: Any) -> str:
    with pytest.raises(CommandError) as caught:
        call_command("run", *arguments, **options)
    assert caught.value.returncode == 2
    assert not Instance.objects.exists()
    return str(caught.value)


def test_an_instance_is_asked_for(capsys: Any) -> None:
    call_command("run", "Jupyter 2.1", spec="small", node="n1", command=["sleep", "9"])
    instance = Instance.objects.get()
    assert (instance.name, instance.user.username, instance.node.name) == ("Jupyter-2-1-1", "admin", "n1")
    assert instance.options["command"] == ["sleep", "9"]
    assert instance.operations.get().rung_at is None, "the server must ring: nobody heard this process"
    assert capsys.readouterr().out.startswith(f"Instance {instance.pk}: Jupyter-2-1-1 on n1")
    call_command("run", "Jupyter 2.1", spec="small")
    assert Instance.objects.filter(name="Jupyter-2-1-2").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"image": "nosuch", "spec": "small"}, "Jupyter 2.1"),
        ({"image": "Jupyter 2.1", "spec": "nosuch"}, "small"),
        ({"image": "Jupyter 2.1", "spec": "small", "node": "nosuch"}, "n1"),
        ({"image": "Jupyter 2.1", "spec": "small", "user": "nobody"}, "nobody"),
        ({"image": "Jupyter 2.1", "spec": "small", "name": "a b"}, "letters"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_stored(arguments: dict[str, str], words: str) -> None:
    options = dict(arguments)
    assert words in refused(options.pop("image"), **options)


def test_the_command_has_options_of_its_own() -> None:
    call_command("run", "Jupyter 2.1", "--spec", "small", "--command", "sh", "-c", "sleep 1", "--wait")
    assert Instance.objects.get().options["command"] == ["sh", "-c", "sleep 1", "--wait"]


def test_a_command_without_words_is_refused() -> None:
    with pytest.raises(CommandError, match="--command sleep 60") as caught:
        call_command("run", "Jupyter 2.1", "--spec", "small", "--command")
    assert caught.value.returncode == 2 and not Instance.objects.exists()


def test_whose_instance_it_is_must_be_clear(django_user_model: Any) -> None:
    django_user_model.objects.create_user("root2", is_superuser=True)
    assert "--user" in refused("Jupyter 2.1", spec="small")


@pytest.mark.parametrize(
    ("observed", "exit_code", "code"),
    [(Observed.RUNNING, None, 0), (Observed.EXITED, 0, 0), (Observed.EXITED, 3, 1), (Observed.FAILED, None, 1)],
)
def test_the_exit_code_says_how_it_went(observed: str, exit_code: int | None, code: int, monkeypatch: Any) -> None:
    import time

    def ended(_seconds: float) -> None:
        Operation.objects.update(state=JobState.SUCCEEDED)
        Instance.objects.update(observed=observed, exit_code=exit_code)

    monkeypatch.setattr(time, "sleep", ended)
    if code:
        with pytest.raises(SystemExit) as caught:
            call_command("run", "Jupyter 2.1", spec="small", wait=True)
        assert caught.value.code == code
    else:
        call_command("run", "Jupyter 2.1", spec="small", wait=True)
