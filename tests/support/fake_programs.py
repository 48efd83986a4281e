"""What runs in the containers of a fake engine: programs, by their commands."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from nodes.engine import ContainerSpec

OUT, ERR = 1, 2


@dataclass(frozen=True)
class Program:
    """How a program goes. `says`: (OUT or ERR, text) in order, at once. `runs`: until it is stopped or killed."""

    says: tuple[tuple[int, str], ...] = ()
    exit_code: int = 0
    runs: bool = False
    when_stopped: int = 137  # its status; a first process that does not listen is killed
    exists: bool = True

    @classmethod
    def saying(cls, text: str, **rest: int) -> Program:
        return cls(((OUT, text),), **rest)


SERVICE = Program(runs=True)
NOT_FOUND = Program(exists=False, exit_code=127)
Behaviour = Program | Callable[[ContainerSpec], Program]


@dataclass
class FakeLine:
    """A `TerminalLine`: a shell that knows the answers to some lines, and "exit"."""

    answers: Mapping[str, str]
    prompt: str = "/ # "
    size: tuple[int, int] = (0, 0)
    written: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._changed = threading.Condition()
        self._shown = [self.prompt.encode()]
        self._ended = False

    def read(self) -> Iterator[bytes]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._shown or self._ended)
                shown, self._shown = self._shown, []
                ended = self._ended
            yield from shown
            if ended:
                return

    def write(self, data: bytes) -> None:
        line = data.decode().strip()
        with self._changed:
            self.written.append(data)
            self._shown.append(data.replace(b"\n", b"\r\n"))  # the terminal's echo
            if line == "exit":
                self._ended = True
            elif line in self.answers:
                self._shown.append(f"{self.answers[line]}\r\n{self.prompt}".encode())
            self._changed.notify_all()

    @property
    def ended(self) -> bool:
        with self._changed:
            return self._ended

    def abort(self) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify_all()
