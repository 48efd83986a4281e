"""Limits of time in tests: for what takes very much longer when it is wrong. A busy machine is slow, too."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """The block ends within that time. Half of what the wrong way would take is a good limit, never less than 20 s."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began < seconds
