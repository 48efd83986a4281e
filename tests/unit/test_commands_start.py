"""The commands of `make up`: administrator, local node, server; and the reaper's."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone, translation

from core.commands import database_problem
from core.jobs import JobState
from core.server_lock import ServerLock, ServerRunning, lock_path, nobody_works, server_process
from nodes.models import ComputeNode
from pulls.models import PullJob
from tests.api import make

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _english(settings: Any, tmp_path: Path) -> Iterator[None]:
    settings.DATA_DIR = tmp_path
    settings.EMBEDDED = True
    with translation.override("en"):
        yield


# --- ensure_admin -----------------------------------------------------------------------------------------------------


@pytest.fixture
def no_admin_variables(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("USER", "USER_FILE", "PASSWORD", "PASSWORD_FILE"):
        monkeypatch.delenv(f"IMAGELIB_ADMIN_{name}", raising=False)
    return monkeypatch


def test_the_first_administrator_gets_a_password_that_is_shown_once(no_admin_variables: Any, capsys: Any) -> None:
    call_command("ensure_admin")
    password = capsys.readouterr().out.partition("password ")[2].split()[0]
    admin = get_user_model().objects.get()
    assert (admin.username, admin.is_superuser, admin.check_password(password)) == ("admin", True, True)
    assert len(password) >= 12
    call_command("ensure_admin")
    assert capsys.readouterr().out == ""
    assert get_user_model().objects.get().check_password(password)


def test_name_and_password_from_the_environment_and_from_a_file(
    no_admin_variables: pytest.MonkeyPatch, tmp_path: Path, capsys: Any
) -> None:
    (tmp_path / "secret").write_text("from-a-file-1\n")
    no_admin_variables.setenv("IMAGELIB_ADMIN_USER", "root")
    no_admin_variables.setenv("IMAGELIB_ADMIN_PASSWORD_FILE", str(tmp_path / "secret"))
    call_command("ensure_admin")
    assert get_user_model().objects.get(username="root").check_password("from-a-file-1")
    assert "from-a-file-1" not in capsys.readouterr().out


def test_an_ordinary_user_is_not_promoted(no_admin_variables: Any) -> None:
    get_user_model().objects.create_user("admin")
    with pytest.raises(CommandError, match="IMAGELIB_ADMIN_USER"):
        call_command("ensure_admin")


# --- register_local_node ----------------------------------------------------------------------------------------------


@pytest.fixture
def docker_socket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A socket behind which nobody answers."""
    path = tmp_path / "d.sock"
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        yield path


def test_a_socket_becomes_the_node_local_once(docker_socket: Path, capsys: Any) -> None:
    call_command("register_local_node")
    node = ComputeNode.objects.get()
    assert (node.name, node.docker_address) == ("local", f"unix://{docker_socket}")
    assert node.status == "failed"
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"Node local: unix://{docker_socket} (failed)"
    assert lines[1].strip(), "the reason is missing"
    call_command("register_local_node")
    assert ComputeNode.objects.count() == 1
    assert capsys.readouterr().out == ""


def test_an_installation_with_nodes_is_left_alone(docker_socket: Path) -> None:
    make.node(name="gpu1")
    call_command("register_local_node")
    assert [node.name for node in ComputeNode.objects.all()] == ["gpu1"]


@pytest.mark.parametrize("address", ["unix:///nonexistent/docker.sock", "tcp://127.0.0.1:1", "unix:///etc/hostname"])
def test_no_socket_no_node(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("DOCKER_HOST", address)
    call_command("register_local_node")
    assert not ComputeNode.objects.exists()


# --- serve ------------------------------------------------------------------------------------------------------------


def test_the_lock_is_held_by_one_and_names_its_process(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert server_process(path) is None
    with ServerLock(path):
        assert (server_process(path) or 0) > 1
        with pytest.raises(ServerRunning) as refused, ServerLock(path):
            pass
        assert refused.value.process == server_process(path)
    assert server_process(path) is None
    with ServerLock(path):
        assert server_process(path)


def test_with_redis_the_workers_live_elsewhere(settings: Any) -> None:
    assert nobody_works()
    settings.EMBEDDED = False
    assert not nobody_works()


def test_a_second_server_on_the_same_data_is_refused() -> None:
    with ServerLock(lock_path()), pytest.raises(CommandError, match=r"Another server \(process \d+\)") as refused:
        call_command("serve", port=0)
    assert refused.value.returncode == 2
    assert "IMAGELIB_REDIS_URL" in str(refused.value)


def test_a_port_that_is_taken_is_told_before_anything_starts() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CommandError, match=f"Cannot listen on http://127.0.0.1:{port}/") as refused:
            call_command("serve", host="127.0.0.1", port=port)
    assert "IMAGELIB_PORT" in str(refused.value)
    assert server_process(lock_path()) is None


def test_a_database_without_tables_is_told() -> None:
    assert database_problem() == ""
    MigrationRecorder.Migration.objects.filter(app="pulls").delete()
    assert database_problem().endswith("Run: manage.py migrate")
    with pytest.raises(CommandError, match=r"manage\.py migrate"):
        call_command("serve", port=0)


# --- reap_jobs --------------------------------------------------------------------------------------------------------


def test_the_reaper_by_hand_gives_silent_workers_up_at_once(capsys: Any) -> None:
    cache.clear()
    job = PullJob.objects.create(
        node=make.node(), node_name="n", reference="r/x:1", registry_host="r", state=JobState.RUNNING, attempt=1,
        max_attempts=3, heartbeat_at=timezone.now() - timedelta(minutes=5),
    )  # fmt: skip
    call_command("reap_jobs")
    job.refresh_from_db()
    assert job.state == JobState.QUEUED
    captured = capsys.readouterr()
    assert captured.out == "Workers given up: 1. Jobs rung for: 1.\n"
    assert "No server is running" in captured.err
