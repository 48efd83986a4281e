"""What a classic builder says, as events. Pure.

It writes for people: its own lines and those of the programs it runs come in one stream. So a line counts as its own
only where it may write one: while a program runs, the single thing that ends this is the name of its container.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from time import monotonic
from typing import Any

from .build_lines import Line, LineReader, shown
from .build_types import BuildEvent, BuildEventKind
from .errors import EngineError, EngineRejected
from .pull_events import MessageDecoder, progress_of
from .shapes import LONG, SHORT, mapping, text

_STEP = re.compile(r"Step ([0-9]{1,4})/([0-9]{1,4}) : (.*)", re.DOTALL)
_RUNNING = re.compile(r" ---> Running in ([0-9a-f]{12})")
_RESULT = re.compile(r" ---> [0-9a-f]{12}")
# The older and the newer wording. Without a container to remove it may come after a step, too.
_REMOVED = re.compile(r"(?: ---> )?Remov(?:ing|ed) intermediate container ([0-9a-f]{12})")
_CLOSING = re.compile(rf"Successfully tagged |{_REMOVED.pattern}$")
_BUILT = re.compile(r"Successfully built [0-9a-f]{12}")
_WARNING = re.compile(r"(?: ---> |\s*)\[Warning\] (.*)", re.DOTALL)
LONGEST = 1 << 20  # characters of one message: more than a message may have


class ClassicDecoder:
    """`image_id` once the engine has told it. `now`: seconds, for how long steps take; engines do not say."""

    def __init__(self, *, now: Callable[[], float] = monotonic) -> None:
        self.image_id = ""
        self._now = now
        self._messages = MessageDecoder()
        self._lines = LineReader()
        self._step, self._steps = 0, 0
        self._since = 0.0
        self._open = False  # the step has begun and not ended
        self._container = ""  # in which a program runs now
        self._concluded = False  # ids come at the end of every stage; only the last is the image's

    def feed(self, chunk: bytes) -> Iterator[BuildEvent]:
        """Raises EngineRejected (status None) when the build has failed, after an event that says which step."""
        try:
            for message in self._messages.messages(chunk):
                yield from self._of(message)
        except EngineRejected:
            yield from self._left()
            yield from self._end_step(BuildEventKind.FAILED)
            raise

    def finish(self) -> Iterable[BuildEvent]:
        yield from self._left()
        if not self.image_id or not self._concluded:
            raise EngineError("engine_gone", "the build ended without saying how it went")
        yield from self._end_step(BuildEventKind.DONE)

    def _of(self, message: dict[str, Any]) -> Iterator[BuildEvent]:
        image = text(mapping(message.get("aux")).get("ID"), LONG)
        if image:
            self.image_id = image
            self._container = ""  # no program can say this: whatever ran has ended
        said = text(message.get("stream"), LONGEST)
        if said:
            yield from self._said(said)
        elif "status" in message:
            yield self._progress(message)

    def _said(self, said: str) -> Iterator[BuildEvent]:
        line = said.rstrip("\n")
        if self._container:
            removed = _REMOVED.fullmatch(line)
            if not removed or removed[1] != self._container:
                yield from self._output(said)
                return
            self._container = ""
            yield from self._left()
            return
        found = _STEP.fullmatch(line)
        if found and int(found[1]) == self._step + 1:
            yield from self._left()
            yield from self._end_step(BuildEventKind.DONE)
            yield self._begin(int(found[1]), int(found[2]), found[3])
        elif running := _RUNNING.fullmatch(line):
            self._container = running[1]
        elif line == " ---> Using cache":
            yield self._event(BuildEventKind.CACHED)
        elif _RESULT.fullmatch(line):
            yield from self._end_step(BuildEventKind.DONE)
        elif warning := _WARNING.fullmatch(line):
            yield self._event(BuildEventKind.WARNING, shown(warning[1]).strip())
        elif _BUILT.fullmatch(line):
            self._concluded = True
        elif line.strip() and not _CLOSING.match(line):
            yield from self._output(said)

    def _begin(self, step: int, steps: int, instruction: str) -> BuildEvent:
        self._step, self._steps, self._since, self._open = step, steps, self._now(), True
        return self._event(BuildEventKind.STEP, shown(instruction))

    def _end_step(self, kind: BuildEventKind) -> Iterator[BuildEvent]:
        if self._open:
            self._open, self._container = False, ""
            seconds = max(self._now() - self._since, 0.0)
            yield BuildEvent(kind, self._step, self._steps, seconds=seconds)

    def _output(self, said: str) -> Iterator[BuildEvent]:
        return self._told(self._lines.feed(said))

    def _left(self) -> Iterator[BuildEvent]:
        return self._told(self._lines.finish())

    def _told(self, lines: Iterable[Line]) -> Iterator[BuildEvent]:
        for line in lines:
            kind = BuildEventKind.OUTPUT if line.stays else BuildEventKind.PROGRESS
            yield BuildEvent(kind, self._step, self._steps or None, line.text, goes_on=line.goes_on)

    def _progress(self, message: dict[str, Any]) -> BuildEvent:
        current, total, units = progress_of(message)
        return BuildEvent(
            BuildEventKind.PROGRESS,
            self._step,
            self._steps or None,
            text=shown(text(message.get("status"), LONG)),
            layer=text(message.get("id"), SHORT),
            current=None if units else current,
            total=None if units else total,
        )

    def _event(self, kind: BuildEventKind, words: str = "") -> BuildEvent:
        return BuildEvent(kind, self._step, self._steps or None, words)
