"""A running build and a running push, seen by those who wait for them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Protocol

from .build_types import BuildEvent, PushEvent
from .errors import EngineError
from .following import Decoder, Following
from .pull_events import MessageDecoder, progress_of
from .pull_stream import TICK, PullSource
from .shapes import LONG, SHORT, text

MOST_PENDING = 2000  # events
_PUSHED = re.compile(r"\S+: digest: (sha256:[0-9a-f]{64}) size: ([0-9]{1,18})")


class BuildDecoder(Decoder[BuildEvent], Protocol):
    image_id: str


class BuildStream(Following[BuildEvent]):
    """Iterate it for `BuildEvent`s, and for None whenever `tick` seconds passed without one.

    The iteration ends normally when the engine has built the image, whose `image_id` is known then, or after `close`,
    which ends the build on the engine too. It raises EngineRejected when the engine refuses or the build fails
    (`status` None), and EngineError when the engine cannot be reached or the connection breaks. No line is lost: a
    build whose consumer is slow is held up. What the context raises, the stream raises.
    """

    def __init__(self, source: PullSource, decoder: BuildDecoder, *, tick: float = TICK) -> None:
        self._build = decoder
        super().__init__(source, decoder, tick=tick, most=MOST_PENDING)

    @property
    def image_id(self) -> str:
        """ "sha256:…"; "" until the engine tells it."""
        return self._build.image_id


class PushStream(Following[PushEvent]):
    """The same for a push. At its end `digest` and `size`, of the manifest, are known: by them the registry knows the
    image."""

    def __init__(self, source: PullSource, *, tick: float = TICK) -> None:
        self._push = PushDecoder()
        super().__init__(source, self._push, tick=tick, most=MOST_PENDING)

    @property
    def digest(self) -> str:
        return self._push.digest

    @property
    def size(self) -> int:
        return self._push.size


class PushDecoder(MessageDecoder):
    """The messages of a push, as events."""

    def __init__(self) -> None:
        super().__init__()
        self.digest, self.size = "", 0

    def feed(self, chunk: bytes) -> Iterator[PushEvent]:
        for message in self.messages(chunk):
            status = text(message.get("status"), LONG)
            if status:
                self._note(status)
                current, total, _units = progress_of(message)
                yield PushEvent(status, text(message.get("id"), SHORT), current, total)

    def finish(self) -> Iterable[PushEvent]:
        if not self.digest:
            raise EngineError("engine_gone", "the push ended without saying how it went")
        return ()

    def _note(self, status: str) -> None:
        """With the containerd store this line is all that is told of the result; others repeat it as an object."""
        found = _PUSHED.fullmatch(status)
        if found:
            self.digest, self.size = found[1], int(found[2])
