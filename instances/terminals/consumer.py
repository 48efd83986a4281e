"""The WebSocket of a terminal. It lives in the event loop; what waits for an engine or the database does so in threads.

Nothing piles up: the shell is read only when the browser has taken what came before, and the browser's next frame only
when the shell has taken the last one.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Any, ClassVar

import structlog
from channels.exceptions import DenyConnection
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.db import DatabaseError, InterfaceError
from django.utils import translation

from core.errors import DomainError
from core.threads import Threads
from core.visitors import request_of
from instances.models import TerminalEnd
from instances.reading import NodeAway
from instances.terminals.admission import Admitted, Asked, admit, is_hijack, put_away, reason_to_end
from instances.terminals.frames import BadFrame, Resize, read_frame
from instances.terminals.words import ENDS, FRAMES, FULL, GOOD_END, NO_INPUT, error_frame, other_shell

MOST_OPEN = 100  # in this process
MOST_FAULTS = 20  # bad frames of one browser
LOOK_EVERY = 5.0  # seconds between two looks at whether it may go on
FASTEST = 4_000_000  # bytes a second to a browser; nobody reads more, and drawing them would keep it busy
_UNPACED = 4096  # bytes
_SERVER_STOPS = 1012  # what uvicorn says then; a browser that leaves says 1001
_threads = Threads("terminal", most=2 * MOST_OPEN + 16)
logger = structlog.get_logger(__name__)


class Terminal(AsyncWebsocketConsumer):
    """`instance` as the address names it."""

    front_end: ClassVar[bool]
    open_here: ClassVar[int] = 0

    def __init__(self, *, instance: str = "") -> None:
        super().__init__()
        self._instance = instance
        self._admitted: Admitted | None = None
        self._serving: asyncio.Task[None] | None = None
        self._left = TerminalEnd.LEFT
        self._typed_at = monotonic()
        self._bytes_in = self._bytes_out = self._faults = 0
        self._parted = False  # nothing may be sent after a close

    # --- the browser ---------------------------------------------------------------------------------------------

    async def connect(self) -> None:
        request = request_of(self.scope)
        try:
            if is_hijack(request):
                logger.warning("terminal refused: opened by a foreign page", origin=request.headers.get("Origin"))
                raise DenyConnection
        except DisallowedHost:
            raise DenyConnection from None
        self._language = _language_of(request, front_end=self.front_end)
        self._asked = Asked(
            request, self.front_end, self._instance or request.GET.get("ID", ""), language=self._language
        )
        await self.accept()
        if Terminal.open_here >= MOST_OPEN:
            await self._refuse(4429, FULL)
            return
        Terminal.open_here += 1
        try:
            self._admitted = await _threads.run(lambda: admit(self._asked))
        except DomainError as error:
            await self._refuse(4000 + error.http_status, error)
        except (DatabaseError, InterfaceError):
            logger.exception("terminal cannot be opened")
            await self._refuse(4503, ENDS[TerminalEnd.SERVER][1])
        else:
            logger.info("terminal opened", session=self._admitted.session, instance=self._admitted.instance)
            self._serving = asyncio.create_task(self._serve(self._admitted))
        finally:
            if self._serving is None:
                Terminal.open_here -= 1

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self._admitted is None or self._serving is None or self._serving.done():
            return
        try:
            frame = read_frame(text_data)
        except BadFrame as bad:
            self._faults += 1
            await self._say(FRAMES[bad.code])
            if self._faults >= MOST_FAULTS:
                self._left = TerminalEnd.FAULTS
                self._serving.cancel()
            return
        shell = self._admitted.shell
        try:
            if isinstance(frame, Resize):
                await _threads.run(lambda: shell.resize(columns=frame.columns, rows=frame.rows))
            else:
                self._typed_at = monotonic()
                self._bytes_in += len(frame.data)
                await _threads.run(lambda: shell.write(frame.data))
        except NodeAway:  # if it is gone for good, reading comes to its end too
            await self._say(NO_INPUT)

    async def disconnect(self, code: int) -> None:
        if self._serving is not None and not self._serving.done():
            self._left = TerminalEnd.SERVER if code == _SERVER_STOPS else TerminalEnd.LEFT
            self._serving.cancel()

    # --- the shell -----------------------------------------------------------------------------------------------

    async def _serve(self, admitted: Admitted) -> None:
        """Until the first of its tasks has a reason to end, or the browser leaves."""
        tasks = [asyncio.create_task(self._show(admitted)), asyncio.create_task(self._watch(admitted))]
        end = TerminalEnd.ENGINE
        try:
            done, _running = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            first = done.pop()
            if failure := first.exception():
                logger.error("terminal crashed", exc_info=failure)
            else:
                end = first.result()
            for task in tasks:
                task.cancel()
            await self._part(end)
        except asyncio.CancelledError:
            end = self._left
            if end is TerminalEnd.FAULTS:
                await self._part(end)
        finally:
            for task in tasks:
                task.cancel()
            Terminal.open_here -= 1
            counts = {"bytes_in": self._bytes_in, "bytes_out": self._bytes_out}
            logger.info("terminal ended", session=admitted.session, end=end, **counts)
            # Not waited for: this task may have been cancelled, and the loop may be at its end.
            _threads.begin(lambda: put_away(admitted, end=end, **counts))

    async def _show(self, admitted: Admitted) -> TerminalEnd:
        shell = admitted.shell
        if shell.name != admitted.asked_for:
            with translation.override(self._language):
                told = other_shell(shell.name)
            await self.send(bytes_data=told)
        try:
            while (data := await _threads.run(shell.read)) is not None:
                await self.send(bytes_data=data)
                self._bytes_out += len(data)
                if len(data) > _UNPACED:
                    await asyncio.sleep(len(data) / FASTEST)
        except NodeAway:
            return TerminalEnd.ENGINE
        except OSError:  # the browser is gone
            return TerminalEnd.LEFT
        return await _threads.run(shell.end)

    async def _watch(self, admitted: Admitted) -> TerminalEnd:
        while True:
            await asyncio.sleep(min(LOOK_EVERY, settings.TERMINAL_IDLE / 2))
            if monotonic() - self._typed_at > settings.TERMINAL_IDLE:
                return TerminalEnd.IDLE
            try:
                reason = await _threads.run(lambda: reason_to_end(self._asked, admitted))
            except (DatabaseError, InterfaceError) as error:
                logger.warning("terminal not looked at", reason=type(error).__name__)
                continue
            if reason is not None:
                return reason

    # --- words ---------------------------------------------------------------------------------------------------

    async def _part(self, end: TerminalEnd) -> None:
        code, words = ENDS.get(end, (GOOD_END, ""))
        await self._refuse(code, words)

    async def _refuse(self, code: int, words: Any) -> None:
        await self._say(words)
        self._parted = True
        try:
            await self.close(code)
        except OSError:
            return

    async def _say(self, words: Any) -> None:
        with translation.override(self._language):
            text = error_frame(words) if str(words) else ""
        try:
            if text and not self._parted:
                await self.send(text_data=text)
        except OSError:
            return


class NativeTerminal(Terminal):
    """`/api/instances/{id}/terminal/`: a login session, or `Authorization: Bearer`."""

    front_end = False


class FrontEndTerminal(Terminal):
    """`/instance/terminal?ID=`: the front end's cookie."""

    front_end = True


def _language_of(request: Any, *, front_end: bool) -> str:
    """That front end asks in the header; the cookie is the admin's."""
    if front_end:
        request.COOKIES.pop(settings.LANGUAGE_COOKIE_NAME, None)
    return translation.get_language_from_request(request)
