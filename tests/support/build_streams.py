"""The build and push streams of `tests/fixtures/build_streams`: what real engines sent, "ENGINE-BUILDER-WHAT.jsonl"."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nodes.engine import BuildEvent, EngineRejected

STREAMS = Path(__file__).parent.parent / "fixtures" / "build_streams"


def engines() -> list[str]:
    return sorted({path.name.partition("-")[0] for path in STREAMS.glob("*.jsonl")})


def recorded(name: str) -> bytes:
    return (STREAMS / f"{name}.jsonl").read_bytes()


def pieces(data: bytes, size: int = 1000) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def replayed(decoder: Any, data: bytes) -> tuple[list[BuildEvent], str]:
    """All events, and the text of the error that it ends with."""
    events = []
    try:
        for piece in pieces(data):
            for event in decoder.feed(piece):
                events.append(event)
        events += decoder.finish()
    except EngineRejected as error:
        return events, error.evidence
    return events, ""
