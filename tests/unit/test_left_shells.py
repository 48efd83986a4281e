"""Shells whose server died are ended by the sweep, and nothing else is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from instances.models import Instance, TerminalSession
from instances.services import begin_terminal, see_terminal
from instances.services.terminals import LOST_AFTER
from instances.sweep import sweep_instances
from nodes.engine import Terminal
from pulls.tools import Tools
from tests.support.fake_engine import FakeEngine
from tests.support.one_instance import run

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def running(instance: Instance, tools: Tools) -> Instance:
    run(instance, tools)
    return instance


def begin(running: Instance, engine: Any, *, seen: timedelta, process: int | None = 7) -> tuple[Terminal, int]:
    """A terminal that was seen so long ago."""
    now = timezone.now() - seen
    session = begin_terminal(user=running.user, instance=running, shell="sh", address=None, now=now)
    terminal = engine.open_terminal(running.container_id, shell=("sh",), columns=80, rows=24)
    see_terminal(session=session.pk, now=now, run=terminal.run, process=process)
    return terminal, session.pk


def ends() -> list[str]:
    return list(TerminalSession.objects.order_by("pk").values_list("end", flat=True))


def test_shells_without_a_server_are_ended(running: Instance, engine: FakeEngine, tools: Tools) -> None:
    with engine.connect() as connection:
        begin(running, connection, seen=LOST_AFTER + timedelta(seconds=1))
        begin(running, connection, seen=LOST_AFTER - timedelta(seconds=30))
        lost, lives = engine.containers.lines
        assert sweep_instances(tools=tools) == 1
        assert lost.ended and not lives.ended
        assert ends() == ["server", ""]
        assert sweep_instances(tools=tools) == 1
        assert not lives.ended


def test_one_that_never_told_its_number_is_only_recorded(running: Instance, engine: FakeEngine, tools: Tools) -> None:
    with engine.connect() as connection:
        begin(running, connection, seen=LOST_AFTER * 2, process=None)
        assert sweep_instances(tools=tools) == 1
        assert not engine.containers.lines[0].ended and ends() == ["server"]


def test_a_container_that_is_gone_took_its_shells_along(running: Instance, engine: FakeEngine, tools: Tools) -> None:
    with engine.connect() as connection:
        begin(running, connection, seen=LOST_AFTER * 2)
        TerminalSession.objects.update(container_id="f" * 64)
        assert sweep_instances(tools=tools) == 1
        assert ends() == ["server"]
