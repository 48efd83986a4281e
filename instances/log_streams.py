"""The log of a container as it is written: server-sent events for `/api/instances/{id}/logs/?follow=1`.

`begin` comes first, also after a reconnect: what was shown before comes again. Then `output` with `{stream, text}`, and
`end` with `{code, message}` when nothing more will come. A comment every 15 s keeps the connection open.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from time import monotonic
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from core.errors import Conflict, DomainError
from core.server_sent import KEEP_ALIVE, KEEP_ALIVE_EVERY, RETRY, event
from core.threads import Threads
from instances.models import Instance
from instances.reading import not_read
from instances.services import TooMany
from nodes.engine import EngineError, LogText, connect

MOST_OPEN = 200  # in this process
SILENCE = 1.0  # seconds after which the reader looks around
LOOK_EVERY = 15.0  # seconds between two looks at whether the reader may go on
FASTEST = 1_000_000  # characters a second to a browser
_UNPACED = 4096
_threads = Threads("logs", most=MOST_OPEN + 8)
_open: Counter[int] = Counter()  # user → streams; in the event loop alone
_closing = threading.Event()
logger = structlog.get_logger(__name__)


def close_streams() -> None:
    """End every stream, so that open browsers do not delay a shutdown."""
    _closing.set()


async def follow(
    *, instance: Instance, user: int, lines: int, language: str, allowed: Callable[[], bool]
) -> AsyncIterator[bytes]:
    """`allowed` is asked again now and then, in a thread: a stream may be open for days, and rights change."""
    yield RETRY
    _open[user] += 1
    log = Log(language)
    try:
        _check_room(user, language)
        await _threads.run(lambda: log.open(instance, lines))
        yield event("begin", {})
        async for text in _texts(log, allowed):
            yield text
        if not _closing.is_set():
            yield _end("ended", _("The container has ended, and so has its log."), language)
    except DomainError as error:
        yield _end(error.code, error.message, language)
    except (DatabaseError, InterfaceError) as error:
        logger.warning("log not followed", reason=type(error).__name__)  # the browser comes again
    finally:
        _open[user] -= 1
        if not _open[user]:
            del _open[user]
        _threads.begin(log.close)


async def _texts(log: Log, allowed: Callable[[], bool]) -> AsyncIterator[bytes]:
    judged = spoken = monotonic()
    while not _closing.is_set():
        piece = await _threads.run(log.read)
        if piece is None:
            return
        now = monotonic()
        if piece.text:
            spoken = now
            yield event("output", {"stream": piece.stream, "text": piece.text})
            if len(piece.text) > _UNPACED:
                await asyncio.sleep(len(piece.text) / FASTEST)
        elif now - spoken > KEEP_ALIVE_EVERY:
            spoken = now
            yield KEEP_ALIVE
        if now - judged > LOOK_EVERY:
            judged = now
            if not await _threads.run(allowed):
                raise Conflict(_("Your login has ended, or the instance is not there any more."), code="not_allowed")


class Log:
    """What a container writes, for threads. May be closed before it was opened."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._resources = ExitStack()
        self._lock = threading.Lock()
        self._closed = False
        self._pieces: Any = None

    def open(self, instance: Instance, lines: int) -> None:
        """Raises `Conflict` without a container or with one that is gone, `NodeAway`."""
        if not instance.container_id:
            raise Conflict(_("There is no container yet."), code="no_container")
        hosts = settings.SSH_KNOWN_HOSTS
        with ExitStack() as stack:
            try:
                engine = stack.enter_context(
                    connect(instance.node.endpoint(), timeout=settings.ENGINE_TIMEOUT, known_hosts=hosts)
                )
                self._pieces = engine.follow_logs(instance.container_id, tail=lines)
            except EngineError as error:
                raise self._not_read(error) from error
            with self._lock:
                if not self._closed:
                    self._resources = stack.pop_all()

    def read(self) -> LogText | None:
        """The next piece, one without text after a second of silence, None at the end. Raises as `open` does."""
        until = monotonic() + SILENCE
        try:
            for piece in self._pieces:
                if piece is not None:
                    return LogText(piece.stream, piece.text)
                if monotonic() > until or _closing.is_set():
                    return LogText("stdout", "")
        except EngineError as error:
            raise self._not_read(error) from error
        return None

    def _not_read(self, error: EngineError) -> DomainError:
        """Threads speak the default language: what an engine said is put into words in the reader's."""
        with translation.override(self._language):
            return not_read(error)

    def close(self) -> None:
        with self._lock:
            self._closed = True
        self._resources.close()


def _check_room(user: int, language: str) -> None:
    if _open.total() > MOST_OPEN:
        raise TooMany(_("Too many logs are followed on this server. Try again later."))
    if _open[user] > settings.LOGS_PER_USER:
        with translation.override(language):
            text = _("You follow %(count)s logs, which is the limit. Close one of them.")
            raise TooMany(text % {"count": settings.LOGS_PER_USER})


def _end(code: str, message: Any, language: str) -> bytes:
    with translation.override(language):
        return event("end", {"code": code, "message": str(message)})
