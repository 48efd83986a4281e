"""`manage.py doctor` and what it looks at: each trouble is found, with its weight and what to do."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.cache import cache
from django.core.management import call_command
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone, translation

from core.reaper import reap
from core.server_lock import ServerLock, lock_path
from imagelib import diagnosis
from imagelib.diagnosis import Level
from nodes.work import SWEEP_THREADS
from tests.api import make

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _english(settings: Any, tmp_path: Path) -> Iterator[None]:
    settings.DATA_DIR = tmp_path
    settings.EMBEDDED = settings.DEBUG = True
    with translation.override("en"):
        yield


def doctor(capsys: Any) -> tuple[int, list[str]]:
    code = 0
    try:
        call_command("doctor")
    except SystemExit as end:
        code = int(end.code or 0)
    return code, capsys.readouterr().out.splitlines()


def test_all_is_well(capsys: Any) -> None:
    with ServerLock(lock_path()):
        code, lines = doctor(capsys)
    assert code == 0
    assert all(line.startswith("ok  ") for line in lines)
    assert len(lines) >= 5


def test_without_a_server_nothing_moves(capsys: Any) -> None:
    code, lines = doctor(capsys)
    assert code == 1
    position = lines.index("WARNING  server: No server is running, so jobs only wait.")
    assert lines[position + 1] == "    What to do: Start one: manage.py serve"


def test_a_node_and_a_registry_that_do_not_answer(capsys: Any) -> None:
    make.node(name="gpu1")
    make.registry(name="hub", endpoint="127.0.0.1:1")
    with ServerLock(lock_path()):
        code, lines = doctor(capsys)
    assert code == 1
    for subject in ("node gpu1", "registry hub"):
        [position] = [number for number, line in enumerate(lines) if line.startswith(f"WARNING  {subject}: ")]
        assert lines[position + 1].startswith("    What to do: ")


def test_nodes_whose_turn_did_not_come() -> None:
    with closing(socket.create_server(("127.0.0.1", 0), backlog=128)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        for _ in range(SWEEP_THREADS + 3):
            make.node(docker_address=address)
        found = list(diagnosis.nodes(within=3))
    assert len({finding.subject for finding in found}) == len(found) == SWEEP_THREADS + 3
    assert {finding.level for finding in found} == {Level.DEGRADED}
    unasked = [finding for finding in found if "It was not asked" in finding.text]
    assert len(unasked) == 3 and all("run this again" in finding.fix for finding in unasked)


@pytest.mark.parametrize(("address", "warned"), [("tcp://gpu1.invalid:2375", True), (make.DEAD_ENGINE, False)])
def test_a_node_without_encryption_is_a_warning(address: str, warned: bool) -> None:
    node = make.node(name="gpu1", docker_address=address)
    warnings = [finding for finding in diagnosis.nodes() if "without encryption" in finding.text]
    assert [(item.level, item.subject) for item in warnings] == [(Level.DEGRADED, "node gpu1")] * warned
    node.use_tls = True
    node.save()
    assert not any("without encryption" in finding.text for finding in diagnosis.nodes())


def test_the_findings_are_chinese_by_default(capsys: Any) -> None:
    with translation.override("zh-hans"):
        _code, lines = doctor(capsys)
    assert any("数据库" in line for line in lines)


def test_a_missing_migration_is_broken_and_hides_what_needs_the_tables(capsys: Any) -> None:
    make.node(name="gpu1")
    MigrationRecorder.Migration.objects.filter(app="pulls").delete()
    code, lines = doctor(capsys)
    assert code == 2
    assert any(line.startswith("ERROR  database: ") and "missing" in line for line in lines)
    assert "    What to do: Run: manage.py migrate" in lines
    assert not any("gpu1" in line for line in lines)


def test_a_broker_that_is_away_is_broken(settings: Any, capsys: Any) -> None:
    settings.EMBEDDED = False
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    code, lines = doctor(capsys)
    assert code == 2
    assert "ERROR  broker: Redis does not answer." in lines


def test_secrets_of_a_lost_key(settings: Any) -> None:
    make.registry(password="canary")
    assert diagnosis.secrets().level == Level.GOOD
    settings.FIELD_KEYS = [Fernet.generate_key().decode()]
    finding = diagnosis.secrets()
    assert (finding.level, finding.text) == (Level.DEGRADED, "1 cannot be decrypted.")
    assert "IMAGELIB_FIELD_KEYS" in finding.fix


def test_a_data_directory_that_is_not_there(tmp_path: Path) -> None:
    finding = diagnosis.data_directory(tmp_path / "missing")
    assert finding.level == Level.BROKEN
    assert "IMAGELIB_DATA_DIR" in finding.fix
    assert diagnosis.data_directory(tmp_path).level in (Level.GOOD, Level.DEGRADED)


def test_static_files_that_were_not_collected(settings: Any, capsys: Any) -> None:
    settings.DEBUG = False
    code, lines = doctor(capsys)
    assert code == 2
    assert "ERROR  static files: They are not collected: no page can be shown." in lines
    assert "    What to do: Run: manage.py collectstatic --noinput" in lines


def test_a_schedule_that_fell_silent() -> None:
    cache.clear()
    assert diagnosis._schedule().level == Level.DEGRADED
    reap(now=timezone.now() - timedelta(seconds=90))
    assert diagnosis._schedule().level == Level.DEGRADED
    reap(now=timezone.now())
    assert diagnosis._schedule().level == Level.GOOD
    cache.clear()


def test_a_queue_without_workers_is_broken_and_names_the_command() -> None:
    finding = diagnosis._workers("transfers", 0)
    assert finding.level == Level.BROKEN
    assert finding.fix == "Start one: celery -A imagelib worker -P threads -Q transfers"
    assert diagnosis._workers("transfers", 2).text == "2"
