"""A shell inside a container, seen through a terminal. Pure: where the bytes go is a `TerminalLine`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Protocol

from .errors import EngineError
from .following import Following
from .pull_stream import TICK, PullSource

ANNOUNCE = 'echo $$; exec "$0" "$@"'  # what the shell runs first: it tells its number and becomes itself
_LONGEST_NUMBER = 32  # bytes
_BEGINS_WITHIN = 5.0  # seconds
_TELLS_WITHIN = 1.0  # seconds, for one that is closed already


class TerminalLine(PullSource, Protocol):
    """The engine's side of a terminal."""

    def write(self, data: bytes) -> None:
        """Raises EngineError when the connection is gone, or the program takes no input for too long."""
        ...


class Shown:
    """What a terminal shows is bytes: who draws it knows what to do with half a character.

    `announced`: the first line is the number of the shell among the container's processes, and is not shown. Whatever
    else comes first is: the engine's words about a shell that it could not start, for example.
    """

    def __init__(self, *, announced: bool) -> None:
        self.process: int | None = None
        self.begun = threading.Event()
        self._first = b""
        if not announced:
            self.begun.set()

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        if not self.begun.is_set():
            self._first += chunk
            if b"\n" not in self._first and len(self._first) < _LONGEST_NUMBER:
                return
            chunk = self._without_number()
        if chunk:
            yield chunk

    def finish(self) -> Iterator[bytes]:
        if not self.begun.is_set() and (left := self._without_number()):
            yield left

    def _without_number(self) -> bytes:
        number, _, rest = self._first.partition(b"\n")
        if number.strip().isdigit():
            self.process = int(number)
        else:
            rest = self._first
        self.begun.set()
        return rest


class Terminal(Following[bytes]):
    """Iterate it for what the program shows, and for None whenever a tick passed without anything; the iteration ends
    when the program does. `write`, `resize` and `close` may come from other threads.

    `hang_up`: ends the shell of that number. Engines leave it running when its terminal goes, and with it whatever it
    runs; so `close` takes a moment.
    """

    def __init__(
        self,
        line: TerminalLine,
        resize: Callable[[int, int], None],
        *,
        hang_up: Callable[[int], None] | None = None,
        exit_code: Callable[[], int | None] = lambda: None,
        run: str = "",
        tick: float = TICK,
    ) -> None:
        self._line = line
        self._resize = resize
        self._hang_up = hang_up
        self._exit_code = exit_code
        self.run = run  # by which the engine knows the shell
        self._shown = Shown(announced=hang_up is not None)
        super().__init__(line, self._shown, tick=tick)

    def write(self, data: bytes) -> None:
        """Raises EngineError(engine_gone) after the end."""
        self._shown.begun.wait(_BEGINS_WITHIN)  # an echo must not come before the number
        if self.ended:
            raise EngineError("engine_gone", "the terminal is closed")
        self._line.write(data)

    def resize(self, *, columns: int, rows: int) -> None:
        self._resize(columns, rows)

    def exit_code(self) -> int | None:
        """The shell's, after the end of the iteration: 137 when its container went. None when it cannot be known."""
        return self._exit_code()

    @property
    def process(self) -> int | None:
        """The shell's number in its container, as soon as it has told."""
        return self._shown.process

    def close(self) -> None:
        ended_by_itself = self.ended_well
        hang_up, self._hang_up = self._hang_up, None
        if hang_up is not None and not self.ended:
            self._shown.begun.wait(_TELLS_WITHIN)  # without its number nobody could end the shell
        super().close()
        process = self._shown.process
        if hang_up is not None and process is not None and not ended_by_itself:
            with suppress(EngineError):  # the container or the engine is gone, and the shell with it
                hang_up(process)
