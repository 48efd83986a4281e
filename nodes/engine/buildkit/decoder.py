"""The stream of a BuildKit build, as events. Pure."""

from __future__ import annotations

import base64
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ..build_lines import ByteLineReader, Line, shown
from ..build_types import BuildEvent, BuildEventKind
from ..errors import EngineError, EngineRejected
from ..evidence import clean
from ..pull_events import MessageDecoder
from ..shapes import LONG, mapping, text
from .status import Log, Part, Status, Vertex, Warning, parts

TRACE, IMAGE = "moby.buildkit.trace", "moby.image.id"
# A message holds what happened since the one before it, which is much when nobody read meanwhile. BuildKit itself cuts
# what one step writes at a megabyte or two, and says so in it.
LONGEST_MESSAGE = 32 << 20
MOST_STEPS = 10_000
_LAYER = re.compile(r"(?:.*\W)?sha256:([0-9a-f]{12})[0-9a-f]{52}")


@dataclass(slots=True)
class Step:
    """What is known of a vertex, as BuildKit calls it. `number`: 0 until it has begun for the first time."""

    name: str = ""
    number: int = 0
    running: bool = False
    started: float | None = None
    spent: float = 0.0  # seconds, of its earlier beginnings
    lines: dict[int, ByteLineReader] = field(default_factory=lambda: defaultdict(ByteLineReader))
    counts: dict[str, Status] = field(default_factory=dict)


class BuildKitDecoder:
    """`image_id` once the engine has told it.

    Steps get their numbers in the order in which they begin. BuildKit looks for the result of a step before it makes
    it, and tells of both: a step that was done may begin again, under its number; its `seconds` are those of all.
    """

    def __init__(self) -> None:
        self.image_id = ""
        self._messages = MessageDecoder(longest=LONGEST_MESSAGE)
        self._all: dict[str, Step] = {}  # by digest
        self._begun = 0

    def feed(self, chunk: bytes) -> Iterator[BuildEvent]:
        """Raises EngineRejected (status None) when the build has failed, after an event that says which step."""
        try:
            for message in self._messages.messages(chunk):
                yield from self._of(message)
        except EngineRejected:
            yield from self._left()
            raise

    def finish(self) -> Iterable[BuildEvent]:
        yield from self._left()
        if not self.image_id:
            raise EngineError("engine_gone", "the build ended without saying how it went")

    def _of(self, message: dict[str, Any]) -> Iterator[BuildEvent]:
        if message.get("id") == IMAGE:
            self.image_id = text(mapping(message.get("aux")).get("ID"), LONG) or self.image_id
        elif message.get("id") == TRACE:
            for part in parts(_decoded(message.get("aux"))):
                yield from self._told(part)

    def _told(self, part: Part) -> Iterator[BuildEvent]:
        match part:
            case Vertex():
                step = self._step(part.digest)
                step.name = part.name or step.name
                yield from self._moved(step, part)
            case Status():
                yield from self._counted(self._step(part.vertex), part)
            case Log():
                step = self._step(part.vertex)
                yield from self._began(step)
                yield from self._lines(step, part.stream, step.lines[part.stream].feed_bytes(part.data))
            case Warning():
                step = self._step(part.vertex)
                yield self._event(step, BuildEventKind.WARNING, " ".join(filter(None, [part.short, *part.detail])))

    def _step(self, digest: str) -> Step:
        step = self._all.setdefault(digest, Step())
        if len(self._all) > MOST_STEPS:
            raise EngineError("engine_not_docker", f"it tells of more than {MOST_STEPS} steps")
        return step

    def _moved(self, step: Step, told: Vertex) -> Iterator[BuildEvent]:
        over = step.number and not step.running
        if told.started is None and not told.completed and not told.error:
            return  # only announced
        if over and (told.completed is not None or told.error):
            return  # its end once more, or its result that was found once more
        if told.started is not None:
            step.started = told.started
        yield from self._began(step)
        if told.completed is None and not told.error:
            return
        yield from self._left_of(step)
        if told.cached:
            yield self._event(step, BuildEventKind.CACHED)
        step.running = False
        if told.completed is not None and step.started is not None:
            step.spent += max(told.completed - step.started, 0.0)
        kind = BuildEventKind.FAILED if told.error else BuildEventKind.DONE
        yield BuildEvent(kind, step.number, len(self._all), clean(told.error), seconds=step.spent)

    def _began(self, step: Step) -> Iterator[BuildEvent]:
        if step.running:
            return
        step.running = True
        if not step.number:
            self._begun += 1
            step.number = self._begun
        yield self._event(step, BuildEventKind.STEP, step.name)

    def _counted(self, step: Step, told: Status) -> Iterator[BuildEvent]:
        """Engines tell some more often than it changes."""
        before = step.counts.get(told.id)
        step.counts[told.id] = told
        if before == told:
            return
        layer = _LAYER.fullmatch(told.id)
        what = told.name or ("" if layer else told.id)
        yield BuildEvent(
            BuildEventKind.PROGRESS,
            step.number,
            len(self._all),
            shown(what),
            layer=layer[1] if layer else "",
            current=told.current if told.current or told.total else None,
            total=told.total or None,
        )

    def _lines(self, step: Step, stream: int, lines: Iterable[Line]) -> Iterator[BuildEvent]:
        for line in lines:
            kind = BuildEventKind.OUTPUT if line.stays else BuildEventKind.PROGRESS
            yield BuildEvent(kind, step.number, len(self._all), shown(line.text), goes_on=line.goes_on, stream=stream)

    def _left(self) -> Iterator[BuildEvent]:
        for step in self._all.values():
            yield from self._left_of(step)

    def _left_of(self, step: Step) -> Iterator[BuildEvent]:
        for stream, reader in step.lines.items():
            yield from self._lines(step, stream, reader.finish())

    def _event(self, step: Step, kind: BuildEventKind, words: str = "") -> BuildEvent:
        return BuildEvent(kind, step.number, len(self._all), shown(words))


def _decoded(aux: object) -> bytes:
    try:
        return base64.b64decode(aux if isinstance(aux, str) else "", validate=True)
    except ValueError as error:
        raise EngineError("engine_not_docker", f"it tells of the build in another form than base64: {error}") from error
