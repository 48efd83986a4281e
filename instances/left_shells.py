"""Shells that servers left in containers when they were killed: engines let them run for ever."""

from __future__ import annotations

from datetime import datetime

import structlog

from instances.models import TerminalEnd, TerminalSession
from instances.services.terminals import LOST_AFTER, end_terminal
from nodes.engine import Engine, EngineRejected
from nodes.models import ComputeNode

logger = structlog.get_logger(__name__)


def end_left_shells(node: ComputeNode, engine: Engine, *, now: datetime) -> int:
    """End those of terminals without a sign of life, and their records. Returns how many. Raises `EngineError`.

    A server that dies within seconds after it opened one did not write down which it is; that one stays.
    """
    lost = TerminalSession.objects.filter(instance__node=node, ended_at=None, seen_at__lt=now - LOST_AFTER)
    count = 0
    for session in lost:
        try:
            count += _end(session, engine)
        except EngineRejected as error:  # the container stopped, and the shell with it
            logger.info("left shell not ended", session=session.pk, reason=str(error))
        end_terminal(session=session.pk, end=TerminalEnd.SERVER, now=now)
    return count


def _end(session: TerminalSession, engine: Engine) -> bool:
    if not session.run or session.process is None:
        return False
    shell = (session.shell,)
    return engine.end_shell(session.container_id, shell=shell, run=session.run, process=session.process)
